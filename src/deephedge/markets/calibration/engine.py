"""Least squares with derivatives by JAX, from several starts, and an honest account of what the quotes determine."""

import functools
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.errors import ParameterError, require

CANDIDATES = 4  # points tried for each start that is followed
SAME = 1e-6  # relative distance of two costs that count as the same optimum
AWAY = 1e3  # what a residual that is not a number, or larger, is read as, so that the step is refused
LOOSE = 0.5  # relative standard error of a direction that is not identified
PART = 0.3  # of the largest component of a direction: smaller ones are not named

Residuals = Callable[[Array, Any], Array]


class Parameter(NamedTuple):
    """One number to find: its bounds, a sensible start, and whether to search in its logarithm."""

    name: str
    low: float
    high: float
    start: float
    log: bool = True


class Solution(NamedTuple):
    """The best optimum, in the words of `Calibration`."""

    values: dict[str, float]
    errors: dict[str, float]
    residuals: np.ndarray
    condition: float
    warnings: tuple[str, ...]
    reached: int
    starts: int
    evaluations: int
    seconds: float


def least_squares(
    residuals: Residuals,
    data: Any,
    parameters: tuple[Parameter, ...],
    *,
    shape: Callable[[Array], Array] | None = None,
    starts: int = 4,
    resolution: float = 1e-4,
    tolerance: float = 1e-10,
    seed: int = 0,
) -> Solution:
    r"""Minimise the sum of squares of ``residuals(p, data)`` over the bounds, in float64.

    SciPy's trust-region reflective algorithm with the Jacobian by forward differentiation, from ``starts`` points: the
    sensible one and the best of 4 scrambled Sobol points for each of the others. ``residuals`` (and ``shape``) must be
    functions of a module, with all numbers in ``data``: they compile once for each shape. Where bounds alone cannot
    say what is allowed, ``shape`` maps the bounded numbers to the parameters that are reported, one to one.

    Standard errors are those of :math:`\sigma^2(J'J)^{-1}` with :math:`\sigma^2` the mean square residual. A direction
    is not identified where noise in the quotes of the larger of :math:`\sigma` and ``resolution`` would leave it a
    standard error above half the parameters' own size (of a number that may be negative: half of its range).

    Raises ``ParameterError`` where there are fewer residuals than parameters, or no start has finite residuals.

    >>> def line(p, data): return p[0] + p[1] * data[0] - data[1]
    >>> x = np.linspace(0.0, 1.0, 5)
    >>> find = (Parameter("level", -5, 5, 0.0, log=False), Parameter("slope", 0.01, 10, 1.0))
    >>> {name: round(v, 6) for name, v in least_squares(line, (x, 1 + 2 * x), find).values.items()}
    {'level': 1.0, 'slope': 2.0}
    """
    from scipy.optimize import least_squares as follow  # takes a while to import, and only calibration needs it

    began = time.perf_counter()
    require(starts >= 1, f"starts must be 1 or more, was {starts}")
    logs = np.array([p.log for p in parameters])
    low, high, first = (
        np.where(logs, np.log(np.where(logs, row, 1.0)), row)
        for row in (np.array([getattr(p, end) for p in parameters], float) for end in ("low", "high", "start"))
    )
    shape = _as_it_is if shape is None else shape
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, data)
        calls = _Calls(lambda x: _program(residuals, shape, tuple(logs.tolist()), jnp.asarray(x), data))
        begins = _begin(calls, low, high, np.clip(first, low + 1e-9, high - 1e-9), starts, seed)
        settings = dict(method="trf", x_scale=1.0, ftol=tolerance, xtol=tolerance, gtol=tolerance, max_nfev=200)
        ends = [follow(calls.residuals, x, calls.jacobian, bounds=(low, high), **settings) for x in begins]
        best = min(ends, key=lambda end: end.cost)
        found, jacobian = calls(best.x)
        values, bend = (np.asarray(part) for part in _reported(shape, jnp.where(logs, jnp.exp(best.x), best.x)))
    jacobian = np.linalg.solve((bend * np.where(logs, np.exp(best.x), 1.0)).T, jacobian.T).T
    scale = np.where(logs, np.abs(values), 0.5 * (high - low))
    report = _identified(jacobian * scale, found, tuple(p.name for p in parameters), resolution)
    edges = zip(parameters, best.x, low, high, strict=True)
    bounds = tuple(filter(None, (_on_bound(*edge, shape is _as_it_is) for edge in edges)))
    names = [p.name for p in parameters]
    close = best.cost * (1.0 + SAME) + 1e-16 * len(found)
    return Solution(
        dict(zip(names, values.tolist(), strict=True)),
        dict(zip(names, (scale * report[0]).tolist(), strict=True)),
        found, report[1], bounds + report[2], sum(bool(end.cost <= close) for end in ends), len(ends), calls.count,
        time.perf_counter() - began,
    )  # fmt: skip


class _Calls:
    """Residuals and Jacobian at a point, computed together and kept until the next point."""

    def __init__(self, program: Callable[[np.ndarray], tuple[Array, Array]]):
        self.program, self.count, self.at = program, 0, None

    def __call__(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.at is None or not np.array_equal(x, self.at):
            self.at, self.count = np.array(x), self.count + 1
            value, slope = self.program(x)
            self.kept = np.asarray(value), np.asarray(slope)
        return self.kept

    def residuals(self, x: np.ndarray) -> np.ndarray:
        return self(x)[0]

    def jacobian(self, x: np.ndarray) -> np.ndarray:
        return self(x)[1]


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _program(residuals: Residuals, shape: Callable, logs: tuple[bool, ...], x: Array, data: Any) -> tuple[Array, Array]:
    def free(x: Array) -> Array:
        return residuals(shape(jnp.where(np.array(logs), jnp.exp(jnp.where(np.array(logs), x, 0.0)), x)), data)

    along = jax.vmap(lambda unit: jax.jvp(free, (x,), (unit,)), out_axes=(None, -1))
    value, slope = along(jnp.eye(x.size))
    known = jnp.isfinite(value) & (jnp.abs(value) < AWAY)
    slope = jnp.where(known[:, None] & jnp.isfinite(slope), slope, 0.0)
    return jnp.where(known, value, AWAY), slope


@functools.partial(jax.jit, static_argnums=0)
def _reported(shape: Callable, values: Array) -> tuple[Array, Array]:
    return shape(values), jax.jacfwd(shape)(values)


def _as_it_is(values: Array) -> Array:
    return values


def _on_bound(parameter: Parameter, x: float, low: float, high: float, plain: bool) -> str:
    near = 1e-6 * (high - low)
    if low + near <= x <= high - near:
        return ""
    edge = f" of {parameter.low if x < low + near else parameter.high:g}" if plain else ""
    return f"{parameter.name} ended on its bound{edge}"


def _begin(
    calls: _Calls, low: np.ndarray, high: np.ndarray, first: np.ndarray, starts: int, seed: int
) -> list[np.ndarray]:
    """Where to start: the sensible point, and the best of a scrambled Sobol sequence."""
    found = calls.residuals(first)
    require(len(found) >= len(first), f"{len(first)} parameters need as many quotes or more, got {len(found)}")
    if starts == 1:
        points = []
    else:
        from scipy.stats import qmc

        cube = qmc.Sobol(len(first), rng=np.random.default_rng(seed)).random_base2(
            int(np.ceil(np.log2(CANDIDATES * starts)))
        )
        points = sorted(low + cube * (high - low), key=lambda x: float(np.sum(calls.residuals(x) ** 2)))[: starts - 1]
    begins = [x for x in (first, *points) if np.all(calls.residuals(x) < AWAY)] or [first]
    require(
        not np.all(calls.residuals(begins[0]) == AWAY),
        "no start gives finite residuals: check the quotes",
        ParameterError,
    )
    return begins


def _identified(
    jacobian: np.ndarray, found: np.ndarray, names: tuple[str, ...], resolution: float
) -> tuple[np.ndarray, float, tuple[str, ...]]:
    """Relative standard errors, condition number, and a sentence on each direction that the quotes leave open."""
    _, sizes, directions = np.linalg.svd(jacobian, full_matrices=False)
    sizes = np.maximum(sizes, 1e-150)
    told = np.count_nonzero(np.any(jacobian != 0.0, axis=1) | (found != 0.0))  # the others have no weight
    sigma = np.sqrt(np.sum(found**2) / max(told - len(names), 1))
    errors = np.sqrt(np.sum((sigma / sizes[:, None] * directions) ** 2, axis=0))
    sentences = []
    for loose, direction in zip(max(sigma, resolution) / sizes, directions, strict=True):
        if loose > LOOSE:
            order = np.argsort(-np.abs(direction))
            part = [names[n] for n in order if abs(direction[n]) > PART * abs(direction[order[0]])]
            who = f"{part[0]} is not" if len(part) == 1 else f"{', '.join(part[:-1])} and {part[-1]} are not separately"
            sentences.append(f"{who} identified by these quotes (relative standard error {min(loose, 1e6):.0%})")
    return errors, float(sizes[0] / sizes[-1]), tuple(sentences)
