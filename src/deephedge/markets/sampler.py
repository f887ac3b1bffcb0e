"""Standard normals for paths: random, antithetic, or Sobol points through a Brownian bridge that is right jointly."""

from functools import lru_cache
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray, UInt
from scipy.stats import qmc

from deephedge.core.errors import ParameterError, require
from deephedge.core.grid import TimeGrid

Method = Literal["sobol", "antithetic", "random"]
METHODS = ("sobol", "antithetic", "random")
SOBOL_DIMENSIONS = 1024  # the first, coarsest bridge normals; finer ones are pseudo-random
BITS = 23  # what float32 can hold strictly inside (0, 1)


class Sampler(eqx.Module):
    """The normals of path ``n``: ``sampler(key, n)`` has shape (step, factor).

    With ``"sobol"`` the points are a digital net (Sobol 1967, direction numbers of Joe and Kuo 2008 with a fixed
    linear scramble, from SciPy), shifted by ``key`` so that every key gives a fresh unbiased net, mapped to
    normals, and spread over time by a Brownian bridge per factor: an orthogonal map, so the joint law is exact.
    """

    directions: UInt[Array, "dimension bit"] | None
    bridge: Float[Array, "step step"] | None
    shape: tuple[int, int] = eqx.field(static=True)
    method: Method = eqx.field(static=True)

    @classmethod
    def of(cls, shape: tuple[int, int], grid: TimeGrid, paths: int, method: str = "sobol") -> "Sampler":
        require(method in METHODS, f"method must be one of {METHODS}, was {method!r}", ParameterError)
        require(int(paths) == paths and paths >= 1, f"paths must be a whole number from 1, was {paths}", ParameterError)
        if method != "sobol" or shape[0] * shape[1] == 0:
            return cls(None, None, shape, method)  # pyright: ignore
        times = np.asarray(grid.times, float) if shape[0] == grid.steps else np.arange(shape[0] + 1.0)
        dimensions = min(shape[0] * shape[1], SOBOL_DIMENSIONS)
        directions = _directions(dimensions, max(1, int(paths - 1).bit_length()))
        return cls(jnp.asarray(directions), jnp.asarray(brownian_bridge(times), jnp.result_type(float)), shape, "sobol")

    def __call__(self, key: PRNGKeyArray, n: Int[Array, ""]) -> Float[Array, "step factor"]:
        if self.method == "antithetic":
            draw = jax.random.normal(jax.random.fold_in(key, n // 2), self.shape)
            return jnp.where(n % 2 == 0, draw, -draw)
        if self.directions is None or self.bridge is None:
            return jax.random.normal(jax.random.fold_in(key, n), self.shape)
        normals = self._net(key, n)
        missing = self.shape[0] * self.shape[1] - normals.shape[0]
        if missing:
            finer = jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, 1), n), (missing,))
            normals = jnp.concatenate([normals, finer])
        return self.bridge @ normals.reshape(self.shape)

    def _net(self, key: PRNGKeyArray, n: Int[Array, ""]) -> Float[Array, " dimension"]:
        assert self.directions is not None
        dimensions, bits = self.directions.shape
        gray = n ^ (n >> 1)
        chosen = ((gray >> jnp.arange(bits)) & 1).astype(bool)
        shift = jax.random.bits(jax.random.fold_in(key, 0), (dimensions,), jnp.uint32) >> 2
        terms = jnp.where(chosen, self.directions, jnp.uint32(0))
        point = lax.reduce(terms, np.uint32(0), lax.bitwise_xor, (1,)) ^ shift
        uniform = ((point >> (30 - BITS)).astype(jnp.result_type(float)) + 0.5) * 2.0**-BITS
        return jnp.sqrt(2.0) * lax.erf_inv(2.0 * uniform - 1.0)


@lru_cache(maxsize=8)
def _directions(dimensions: int, bits: int) -> np.ndarray:
    """Column j: the scrambled generator of bit j, the difference of two points that Gray code puts one bit apart."""
    engine = qmc.Sobol(dimensions, scramble=True, bits=30, rng=20190418)
    first = _integers(engine.random(1))
    columns = []
    for bit in range(bits):
        engine.reset()
        index = (1 << (bit + 1)) - 1  # Gray code of 2^(j+1) - 1 is 2^j: exactly one generator
        engine.fast_forward(index)
        columns.append(_integers(engine.random(1)) ^ first)
    return np.stack(columns, axis=1)


def _integers(points: np.ndarray) -> np.ndarray:
    return np.round(points[0] * 2.0**30).astype(np.uint32)


@lru_cache(maxsize=8)
def _bridge(times: tuple[float, ...]) -> np.ndarray:
    steps = len(times) - 1
    t = np.asarray(times) - times[0]
    level = np.zeros((steps + 1, steps))  # Brownian motion at each time, as a combination of the normals
    level[steps, 0] = np.sqrt(t[steps])
    gaps, used = [(0, steps)], 1
    while gaps:  # breadth first: the coarsest moves take the first, best spread, dimensions
        left, right = gaps.pop(0)
        if right - left < 2:
            continue
        mid = (left + right) // 2
        share = (t[mid] - t[left]) / (t[right] - t[left])
        level[mid] = (1 - share) * level[left] + share * level[right]
        level[mid, used] = np.sqrt(share * (t[right] - t[mid]))
        used += 1
        gaps += [(left, mid), (mid, right)]
    return np.diff(level, axis=0) / np.sqrt(np.diff(t))[:, None]


def brownian_bridge(times: np.ndarray) -> np.ndarray:
    """Orthogonal matrix that turns bridge-ordered normals into one standard normal per step."""
    return _bridge(tuple(np.asarray(times, float).tolist()))
