"""Schwartz and Smith's two factors, fitted to futures curves through time by the Kalman filter."""

import time as clock
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from deephedge.core.errors import DataError, require
from deephedge.markets.calibration.engine import LOOSE, Solution
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.commodity import SchwartzSmith
from deephedge.pricing import schwartz

STEP = 1e-4  # of the differences of the gradient, in logarithms and drifts
WIDE = 10.0  # variance of the long-term factor before the first curve: nothing is known
# What the likelihood is searched in: logarithms of positive numbers, the inverse tanh of the correlation, drifts.
PANEL = (
    "mean_reversion", "short_vol", "long_vol", "noise", "correlation", "real_growth", "growth", "premium",
)  # fmt: skip
POSITIVE = 4  # the first ones


def calibrate_schwartz_smith_panel(
    times: Any, years: Any, prices: Any, name: str = "spot", starts: int = 2
) -> Calibration:
    r"""`SchwartzSmith` from futures curves through time, by maximum likelihood with the Kalman filter.

    ``times`` (years, increasing), ``years`` to expiry and ``prices``, both of shape (time, contract) or a row of the
    former that all times share; a price that is NaN was not quoted. Log prices are the model's plus independent normal
    errors of standard deviation ``noise``. Before the first curve the short-term factor has its stationary law and the
    long-term one is unknown. Found are, with standard errors from the Hessian of the log likelihood,
    ``mean_reversion``, both vols, ``correlation``, ``growth``, ``premium``, ``noise`` and ``real_growth``, the growth
    of the long-term factor in the real world, whose error is ``long_vol`` over the root of the years of data however
    often they are sampled; a warning names what is not identified.

    The market stands at the last filtered state and follows the pricing measure. The report compares filtered with
    quoted prices, in per cent. ``starts`` searches by Newton's method within a trust region begin at mean reversions
    from 0.5 to 3.

    Raises ``DataError`` for times that do not increase, shapes that do not agree or too few prices. Source: Schwartz
    and Smith (2000), section 3.
    """
    began = clock.perf_counter()
    times, prices = np.asarray(times, float), np.asarray(prices, float)
    require(prices.ndim == 2 and times.shape == prices.shape[:1], "prices must be (time, contract), times a row of as "
            f"many times, were of shapes {prices.shape} and {times.shape}", DataError)  # fmt: skip
    try:
        years = np.broadcast_to(np.asarray(years, float), prices.shape)
    except ValueError as fault:
        raise DataError(f"years must have a number for each of the {prices.shape[1]} contracts: {fault}") from fault
    known = np.isfinite(prices)
    require(bool(np.all(np.diff(times) > 0)), "times must increase", DataError)
    many = bool(np.all(prices[known] > 0) and known.sum() > 3 * len(PANEL))
    require(many, f"prices must be positive and more than {3 * len(PANEL)}", DataError)
    require(bool(np.all(years[known] >= 0)), "years to expiry must be 0 or more", DataError)
    steps = np.diff(times, prepend=times[0] - 1.0)
    logs = np.where(known, np.log(np.where(known, prices, 1.0)), 0.0)
    data = (steps, np.where(known, years, 1.0), logs, known.astype(float))
    best, hessian, costs, count = _searched(data, max(1, starts))
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, data)
        states, fitted = (np.asarray(row) for row in _likelihood(jnp.asarray(best.x), data)[0][1])
    reached = int(np.sum(np.array(costs) <= min(costs) + 1e-6 * known.sum()))
    missed = (fitted - logs)[known]
    solution = _told(best.x, hessian, missed, reached, len(costs), count, clock.perf_counter() - began)
    found = dict(solution.values)
    for field in ("noise", "real_growth"):
        found.pop(field)
    market = SchwartzSmith(name, float(np.exp(states[-1].sum())), short=float(states[-1, 0]), **found)
    table = dict(
        time=np.broadcast_to(times[:, None], prices.shape)[known], expiry=years[known], quote=prices[known],
        model=np.exp(fitted[known]), residual=100.0 * missed,
    )  # fmt: skip
    return reported("Schwartz-Smith, panel", market, solution, table, "%")


def _named(u: Array) -> Array:
    """From what is searched to the numbers of PANEL."""
    return jnp.concatenate([jnp.exp(u[:POSITIVE]), jnp.tanh(u[POSITIVE : POSITIVE + 1]), u[POSITIVE + 1 :]])


def _filter(u: Array, data: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
    """Minus the log likelihood; and the state after each time, with the mean of the log prices there."""
    kappa, sigma, long, noise, rho, drift, growth, premium = _named(u)
    steps, years, logs, known = data
    loads = jnp.stack([jnp.exp(-kappa * years), jnp.ones_like(years)], -1) * known[..., None]
    level = jnp.log(schwartz.future(1.0, years, kappa, 1.0, sigma, long, rho, growth, premium))
    decay, mean = jnp.exp(-kappa * steps), schwartz.mean_decay(kappa * steps) * steps
    own = sigma**2 * steps * schwartz.mean_decay(2.0 * kappa * steps)
    shared = rho * sigma * long * mean
    moves = jnp.stack([jnp.stack([own, shared], -1), jnp.stack([shared, long**2 * steps], -1)], -2)

    def step(carry: tuple[Array, Array, Array], now: tuple[Array, ...]) -> tuple[tuple[Array, Array, Array], Array]:
        state, spread, cost = carry
        decay, dt, move, load, level, logs, known = now
        fade = jnp.stack([decay, jnp.ones_like(decay)])
        state = fade * state + jnp.stack([0.0 * dt, drift * dt])
        spread = fade[:, None] * spread * fade + move
        gap = known * (logs - level) - load @ state
        told = load.T @ load / noise**2
        inner = jnp.eye(2) + spread @ told
        size = inner[0, 0] * inner[1, 1] - inner[0, 1] * inner[1, 0]
        turned = jnp.stack([jnp.stack([inner[1, 1], -inner[0, 1]]), jnp.stack([-inner[1, 0], inner[0, 0]])])
        gain = turned @ spread / size  # the variance after the look
        pull = load.T @ gap / noise**2
        square = gap @ gap / noise**2 - pull @ gain @ pull
        count = jnp.sum(known)
        cost = cost + 0.5 * (square + jnp.log(size) + count * jnp.log(2.0 * jnp.pi * noise**2))
        return (state + gain @ pull, gain, cost), state + gain @ pull

    first = jnp.sum(logs[0] * known[0]) / jnp.maximum(jnp.sum(known[0]), 1.0)
    # The step before the first curve is undone: the law of the state there is the one it starts with.
    start = jnp.stack([jnp.diag(jnp.stack([sigma**2 / (2.0 * kappa), jnp.asarray(WIDE)]))])
    moves, decay = jnp.concatenate([start, moves[1:]]), decay.at[0].set(0.0)
    begin = (jnp.stack([0.0 * first, first]), jnp.zeros((2, 2)), jnp.zeros(()))
    rows = (decay, steps.at[0].set(0.0), moves, loads, level, logs, known)
    (_, _, cost), states = lax.scan(step, begin, rows)
    return cost, (states, level + jnp.einsum("tqn,tn->tq", loads, states))


_likelihood = jax.jit(jax.value_and_grad(_filter, has_aux=True))


def _hessian(slope: Callable[[np.ndarray], np.ndarray], u: np.ndarray) -> np.ndarray:
    """By central differences of the exact gradient: forward over backward through the scan compiles for ten seconds."""
    bend = np.stack([slope(u + step) - slope(u - step) for step in STEP * np.eye(len(u))]) / (2.0 * STEP)
    return 0.5 * (bend + bend.T)


def _searched(data: tuple[np.ndarray, ...], starts: int) -> tuple[Any, np.ndarray, list[float], int]:
    """The best end of several searches and the Hessian there, all their costs, and how often it was computed."""
    from scipy.optimize import minimize  # only calibration needs it

    steps, _, logs, known = data
    level = np.sum(logs * known, 1) / np.maximum(known.sum(1), 1)
    vol = float(np.clip(np.std(np.diff(level) / np.sqrt(steps[1:])), 0.02, 2.0))
    with jax.enable_x64(True):
        data = jax.tree.map(jnp.asarray, data)
        calls = 0

        def at(u: np.ndarray) -> tuple[float, np.ndarray]:
            nonlocal calls
            calls += 1
            (value, _), slope = _likelihood(jnp.asarray(u), data)
            return float(value), np.asarray(slope)

        def bend(u: np.ndarray) -> np.ndarray:
            return _hessian(lambda u: at(u)[1], u)

        settings = dict(method="trust-exact", options={"gtol": 1e-6 * known.sum(), "maxiter": 200})
        speeds = np.geomspace(0.5, 3.0, starts) if starts > 1 else (1.2,)
        begins = [np.array([*np.log([kappa, vol, vol, 0.02]), 0.0, 0.0, 0.0, 0.0]) for kappa in speeds]
        ends = [minimize(at, begin, jac=True, hess=bend, **settings) for begin in begins]
        best = min(ends, key=lambda end: end.fun)
        require(bool(np.isfinite(best.fun)), "the likelihood is not finite: check times, years and prices", DataError)
        return best, bend(best.x), [float(end.fun) for end in ends], calls


def _told(
    u: np.ndarray, hessian: np.ndarray, missed: np.ndarray, reached: int, starts: int, count: int, seconds: float
) -> Solution:
    """Parameters, standard errors by the slope of their map, and what the likelihood leaves open."""
    with jax.enable_x64(True):
        values = np.asarray(_named(jnp.asarray(u)))
    slope = np.concatenate([values[:POSITIVE], [1.0 - values[POSITIVE] ** 2], np.ones(len(PANEL) - POSITIVE - 1)])
    sizes, directions = np.linalg.eigh(hessian)
    deviation = 1.0 / np.sqrt(np.maximum(sizes, 1e-12))
    errors = slope * np.sqrt(np.sum((directions * deviation) ** 2, axis=1))
    loose = [n for n in range(POSITIVE + 1) if errors[n] > LOOSE * (values[n] if n < POSITIVE else 1.0)]
    said = tuple(f"{PANEL[n]} is not identified by these curves (standard error {errors[n]:.2g})" for n in loose)
    condition = float(np.sqrt(np.max(sizes) / np.maximum(np.min(sizes), 1e-12)))
    named = dict(zip(PANEL, values.tolist(), strict=True))
    return Solution(
        named, dict(zip(PANEL, errors.tolist(), strict=True)), missed, condition, said, reached, starts, count, seconds
    )
