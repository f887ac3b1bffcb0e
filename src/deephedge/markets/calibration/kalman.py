"""Schwartz and Smith's two factors, fitted to futures curves through time by the Kalman filter."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array

from deephedge.core.errors import DataError, require
from deephedge.markets.calibration.engine import Parameter, Solution
from deephedge.markets.calibration.likelihood import maximum_likelihood
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.commodity import Schwartz, SchwartzSmith
from deephedge.pricing import schwartz

WIDE = 10.0  # variance of the long-term factor before the first curve: nothing is known
PANEL = (
    "mean_reversion", "short_vol", "long_vol", "noise", "correlation", "real_growth", "growth", "premium",
)  # fmt: skip
ONE = ("mean_reversion", "vol", "noise", "level", "real_level")

Panel = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # steps, years to expiry, log prices, whether quoted


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
    data = _panel(times, years, prices, 3 * len(PANEL))
    positive = tuple(Parameter(name, 0.0, 1.0, 1.0) for name in PANEL[:4])
    drifts = tuple(Parameter(name, -5.0, 5.0, 0.0, log=False) for name in PANEL[5:])
    find = (*positive, Parameter("correlation", -1.0, 1.0, 0.0, log=False), *drifts)
    vol = _vol(data)
    begins = [(kappa, vol, vol, 0.02, 0.0, 0.0, 0.0, 0.0) for kappa in _speeds(starts)]
    solution = maximum_likelihood(_cost, data, find, begins, int(data[3].sum()))
    found = dict(solution.values)
    solution, table, state = _compared(_filter, solution, times, data)
    for field in ("noise", "real_growth"):
        found.pop(field)
    market = SchwartzSmith(name, float(np.exp(state.sum())), short=float(state[0]), **found)
    return reported("Schwartz-Smith, panel", market, solution, table, "%")


def calibrate_schwartz_panel(times: Any, years: Any, prices: Any, name: str = "spot", starts: int = 2) -> Calibration:
    r"""`Schwartz`, with one factor, from futures curves through time; data and ``starts`` are those of
    `calibrate_schwartz_smith_panel`.

    The same filter with a long-term factor that is known and stays. Found are ``mean_reversion``, ``vol``, ``level``
    (of the pricing measure, cash), ``real_level`` (cash), where the spot reverts to, and ``noise``. The error of the
    logarithm of ``real_level`` is about ``vol / (mean_reversion * sqrt(years of data))``. One factor leaves much of
    most curves to the noise: look at the residuals by expiry. The market stands at the last filtered spot and follows
    the pricing measure. Source: Schwartz (1997), model 1 and section 3.
    """
    data = _panel(times, years, prices, 3 * len(ONE))
    middle = float(np.exp(np.sum(data[2]) / np.sum(data[3])))
    vol = _vol(data)
    find = tuple(Parameter(name, 0.0, 1.0, 1.0) for name in ONE)
    begins = [(kappa, vol, 0.02, middle, middle) for kappa in _speeds(starts)]
    solution = maximum_likelihood(_one_cost, data, find, begins, int(data[3].sum()))
    kappa, sigma, _, level, _ = solution.values.values()
    solution, table, state = _compared(_one_filter, solution, times, data)
    market = Schwartz(name, float(np.exp(state.sum())), kappa, level, sigma)
    return reported("Schwartz, panel", market, solution, table, "%")


def _panel(times: Any, years: Any, prices: Any, least: int) -> Panel:
    """The history as the filter takes it, checked."""
    times, prices = np.asarray(times, float), np.asarray(prices, float)
    require(prices.ndim == 2 and times.shape == prices.shape[:1], "prices must be (time, contract), times a row of as "
            f"many times, were of shapes {prices.shape} and {times.shape}", DataError)  # fmt: skip
    try:
        years = np.broadcast_to(np.asarray(years, float), prices.shape)
    except ValueError as fault:
        raise DataError(f"years must have a number for each of the {prices.shape[1]} contracts: {fault}") from fault
    known = np.isfinite(prices)
    require(bool(np.all(np.diff(times) > 0)), "times must increase", DataError)
    many = bool(np.all(prices[known] > 0) and known.sum() > least)
    require(many, f"prices must be positive and more than {least}", DataError)
    require(bool(np.all(years[known] >= 0)), "years to expiry must be 0 or more", DataError)
    logs = np.where(known, np.log(np.where(known, prices, 1.0)), 0.0)
    return np.diff(times, prepend=times[0] - 1.0), np.where(known, years, 1.0), logs, known.astype(float)


def _vol(data: Panel) -> float:
    """Of the mean log price, to begin with."""
    steps, _, logs, known = data
    level = np.sum(logs * known, 1) / np.maximum(known.sum(1), 1)
    return float(np.clip(np.std(np.diff(level) / np.sqrt(steps[1:])), 0.02, 2.0))


def _speeds(starts: int) -> Any:
    return np.geomspace(0.5, 3.0, starts) if starts > 1 else (1.2,)


def _compared(
    run: Any, solution: Solution, times: Any, data: Panel
) -> tuple[Solution, dict[str, np.ndarray], np.ndarray]:
    """The solution with its residuals, quoted and filtered prices in a table, and the last state."""
    _, years, logs, known = data
    known = known > 0
    with jax.enable_x64(True):
        values = jnp.asarray(list(solution.values.values()))
        states, filtered = (np.asarray(row) for row in jax.jit(run)(values, jax.tree.map(jnp.asarray, data))[1])
    missed = (filtered - logs)[known]
    when = np.broadcast_to(np.asarray(times, float)[:, None], logs.shape)[known]
    table = dict(time=when, expiry=years[known], quote=np.exp(logs[known]), model=np.exp(filtered[known]))
    return solution._replace(residuals=missed), table | {"residual": 100.0 * missed}, states[-1]


def _filter(p: Array, data: tuple[Array, ...], known_long: Array | None = None) -> tuple[Array, tuple[Array, Array]]:
    """Minus the log likelihood; and the state after each time, with the mean of the log prices there.

    The long-term factor starts at ``known_long``, or unknown.
    """
    kappa, sigma, long, noise, rho, drift, growth, premium = p
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
    wide = jnp.asarray(WIDE if known_long is None else 0.0)
    start = jnp.stack([jnp.diag(jnp.stack([sigma**2 / (2.0 * kappa), wide]))])
    moves, decay = jnp.concatenate([start, moves[1:]]), decay.at[0].set(0.0)
    first = first if known_long is None else known_long
    begin = (jnp.stack([0.0 * first, first]), jnp.zeros((2, 2)), jnp.zeros(()))
    rows = (decay, steps.at[0].set(0.0), moves, loads, level, logs, known)
    (_, _, cost), states = lax.scan(step, begin, rows)
    return cost, (states, level + jnp.einsum("tqn,tn->tq", loads, states))


def _one_filter(p: Array, data: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
    """`Schwartz` as two factors: the long-term one is the log of the real level, and the premium makes the level."""
    kappa, vol, noise, level, real = p
    still = jnp.zeros_like(vol)
    premium = kappa * jnp.log(real / level)
    return _filter(jnp.stack([kappa, vol, still, noise, still, still, still, premium]), data, jnp.log(real))


def _cost(p: Array, data: tuple[Array, ...]) -> Array:
    return _filter(p, data)[0]


def _one_cost(p: Array, data: tuple[Array, ...]) -> Array:
    return _one_filter(p, data)[0]
