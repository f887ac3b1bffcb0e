"""Maximum likelihood with gradients by JAX, from several starts, and standard errors from the curvature."""

import functools
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.errors import DataError, require
from deephedge.markets.calibration.engine import LOOSE, Parameter, Solution

STEP = 1e-4  # of the differences of the gradient, in what is searched
SAME = 1e-6  # by how much the costs of two ends may differ for each observation

Cost = Callable[[Array, Any], Array]
Kinds = tuple[tuple[bool, float, float], ...]


def maximum_likelihood(
    cost: Cost, data: Any, parameters: tuple[Parameter, ...], begins: Sequence[Sequence[float]], count: int
) -> Solution:
    r"""Minimise ``cost(p, data)``, minus the log likelihood of ``count`` observations, in float64.

    Newton's method in a trust region from each of ``begins``, on the exact gradient and its central differences, which
    compile faster than a second derivative through a scan. What ``Parameter`` calls ``log`` is searched in its
    logarithm, without bounds; others by the inverse tanh of their place between their bounds. ``cost`` must be a
    function of a module.

    Standard errors are roots of the diagonal of the inverse Hessian. A number is not identified where its error exceeds
    half of it (one that may be negative: half of half of its range). The solution has no residuals: put them in.

    Raises ``DataError`` where the likelihood is not finite.

    >>> def normal(p, x): return jnp.sum(0.5 * ((x - p[0]) / p[1]) ** 2 + jnp.log(p[1]))
    >>> find = (Parameter("mean", -9, 9, 0.0, log=False), Parameter("deviation", 0.1, 9, 1.0))
    >>> found = maximum_likelihood(normal, np.array([1.0, 2.0, 3.0, 6.0]), find, [[0.0, 1.0]], 4)
    >>> {name: round(v, 4) for name, v in found.values.items()}, round(found.errors["mean"], 3)
    ({'mean': 3.0, 'deviation': 1.8708}, 0.935)
    """
    from scipy.optimize import minimize  # only calibration needs it

    began, calls = time.perf_counter(), 0
    kinds = tuple(
        (True, 0.0, 0.0) if p.log else (False, 0.5 * (p.low + p.high), 0.5 * (p.high - p.low)) for p in parameters
    )
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, data)

        def at(u: np.ndarray) -> tuple[float, np.ndarray]:
            nonlocal calls
            calls += 1
            value, slope = _program(cost, kinds, jnp.asarray(u), data)
            return float(value), np.asarray(slope)

        def bend(u: np.ndarray) -> np.ndarray:
            rows = np.stack([at(u + step)[1] - at(u - step)[1] for step in STEP * np.eye(len(u))]) / (2.0 * STEP)
            return 0.5 * (rows + rows.T)

        settings = dict(method="trust-exact", options={"gtol": 1e-6 * count, "maxiter": 200})
        ends = [minimize(at, _searched(kinds, row), jac=True, hess=bend, **settings) for row in begins]
        best = min(ends, key=lambda end: np.inf if np.isnan(end.fun) else end.fun)
        require(bool(np.isfinite(best.fun)), "the likelihood is not finite at any start: check the data", DataError)
        sizes, directions = np.linalg.eigh(bend(best.x))
        values = np.asarray(_named(kinds, jnp.asarray(best.x)))
    logs = np.array([log for log, *_ in kinds])
    half = np.array([half for *_, half in kinds])
    slope = np.where(logs, values, half * (1.0 - np.tanh(best.x) ** 2))
    deviation = 1.0 / np.sqrt(np.maximum(sizes, 1e-12))
    errors = slope * np.sqrt(np.sum((directions * deviation) ** 2, axis=1))
    names = [p.name for p in parameters]
    loose = [n for n in range(len(names)) if not errors[n] <= LOOSE * (values[n] if logs[n] else half[n])]
    return Solution(
        dict(zip(names, values.tolist(), strict=True)),
        dict(zip(names, errors.tolist(), strict=True)),
        np.zeros(0),
        float(np.sqrt(np.max(sizes) / np.maximum(np.min(sizes), 1e-12))),
        tuple(f"{names[n]} is not identified by this history (standard error {errors[n]:.2g})" for n in loose),
        sum(bool(end.fun <= best.fun + SAME * count) for end in ends), len(ends), calls, time.perf_counter() - began,
    )  # fmt: skip


@functools.partial(jax.jit, static_argnums=(0, 1))
def _program(cost: Cost, kinds: Kinds, u: Array, data: Any) -> tuple[Array, Array]:
    return jax.value_and_grad(lambda u: cost(_named(kinds, u), data))(u)


def _named(kinds: Kinds, u: Array) -> Array:
    """From what is searched to the parameters."""
    return jnp.stack(
        [jnp.exp(x) if log else mid + half * jnp.tanh(x) for x, (log, mid, half) in zip(u, kinds, strict=True)]
    )


def _searched(kinds: Kinds, values: Sequence[float]) -> np.ndarray:
    rows = zip(values, kinds, strict=True)
    return np.array(
        [np.log(x) if log else np.arctanh(np.clip((x - mid) / half, -0.999, 0.999)) for x, (log, mid, half) in rows]
    )
