"""A reverting spot with spikes, fitted to its history by a filter that weighs how many jumps each step had."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.stats import norm, poisson
from jaxtyping import Array

from deephedge.core.errors import DataError, require
from deephedge.markets.calibration.engine import Parameter
from deephedge.markets.calibration.likelihood import maximum_likelihood
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.calibration.reverting import history_rows
from deephedge.markets.jump_sizes import NormalJumps
from deephedge.markets.power import MeanRevertingJumps
from deephedge.markets.seasonality import Seasonality
from deephedge.pricing import hullwhite
from deephedge.pricing.schwartz import mean_decay

COUNTS = 4  # from none to three jumps a step are weighed
OUTLIER = 4.0  # robust deviations from which on a move is a jump, to begin with
FADED = (0.3, 0.7)  # of a spike in a step, to begin with


def calibrate_mean_reverting_jumps(
    times: Any, prices: Any, name: str = "spot", seasonality: Seasonality | None = None
) -> Calibration:
    r"""`MeanRevertingJumps` with `NormalJumps` from a history of its spot, by approximate maximum likelihood.

    ``times`` in years on the clock of the ``seasonality``, which is given and taken off, so that the market's grids
    begin at the last of them; ``prices`` positive, in cash. What is seen is :math:`X+Y`; given the number of jumps in a
    step both are normal, but for the times of the jumps, whose mean and variance are kept. The filter weighs 0 to 3
    jumps by Poisson's law and the likelihood of what came, and puts one normal in place of the mixture before the next
    step. So jumps are not cut out by a threshold, and small ones are not missed; the collapse costs little where spikes
    are rare and large, or fade within some steps.

    Found are ``mean_reversion``, ``level`` (cash), ``vol``, ``intensity``, ``decay``, ``jump_mean`` (within 5) and
    ``jump_vol``, all of the real world: let the market's ``curve`` bring in what futures add. It starts at the last
    price, with the filtered ``spike``. The report compares one-step forecasts with what came, in per cent.

    Errors are those of long histories: of many times the time in which the diffusion reverts, with many spikes.

    Raises ``DataError`` for fewer than 30 prices, one not positive, or times that do not increase.

    Source: Cartea and Figueroa (2005) for the model; Harrison and Stevens (1976) for the filter.
    """
    times, prices = history_rows("prices", times, prices)
    require(
        bool(prices.min() > 0), f"prices must be positive to have logarithms, the least was {prices.min()}", DataError
    )
    season = 0.0 if seasonality is None else np.asarray(seasonality(jnp.asarray(times)), float)
    logs, steps = np.log(prices) - season, np.diff(times)
    find = (
        *(Parameter(field, 0.0, 1.0, 1.0) for field in ("mean_reversion", "level", "vol", "intensity", "decay")),
        Parameter("jump_mean", -5.0, 5.0, 0.1, log=False),
        Parameter("jump_vol", 0.0, 1.0, 0.1),
    )
    data = (steps, logs)
    solution = maximum_likelihood(_cost, data, find, _begins(steps, logs), len(steps))
    found = dict(solution.values)
    with jax.enable_x64(True):
        law = jnp.asarray(list(found.values()))
        expected, spike = (np.asarray(row) for row in jax.jit(_filter)(law, jax.tree.map(jnp.asarray, data))[1])
    missed = expected - logs[1:]
    table = dict(time=times[1:], quote=prices[1:], model=prices[1:] * np.exp(missed), residual=100.0 * missed)
    sizes = NormalJumps(found.pop("jump_mean"), found.pop("jump_vol"))
    market = MeanRevertingJumps(name, sizes, prices[-1], **found, spike=spike[-1], seasonality=seasonality)
    return reported("reversion with jumps, history", market, solution._replace(residuals=missed), table, "%")


def _begins(steps: np.ndarray, logs: np.ndarray) -> list[tuple[float, ...]]:
    """What is far out in the moves, by their median, is a jump; two speeds at which it fades."""
    moves, step = np.diff(logs), float(np.median(steps))
    away = moves - np.median(moves)
    calm = 1.4826 * float(np.median(np.abs(away))) + 1e-12
    far = np.abs(away) > OUTLIER * calm
    up = far & (np.sign(away) == np.sign(np.sum(away[far] ** 3)))  # a spike that goes is no second one
    sizes = away[up] if up.sum() > 1 else OUTLIER * calm * np.array([0.8, 1.2])
    often = max(float(up.sum()), 1.0) / float(steps.sum())
    law = (3.0, float(np.exp(np.median(logs))), calm / np.sqrt(step), often)
    size = (float(np.clip(sizes.mean(), -4.0, 4.0)), float(sizes.std()) + calm)
    return [(*law, -np.log1p(-share) / step, *size) for share in FADED]


def _filter(p: Array, data: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
    """Minus the log likelihood; and for each step the log that was expected, and the spike after it."""
    kappa, level, vol, intensity, decay, centre, deviation = p
    steps, logs = data
    log_level, count = jnp.log(level), jnp.arange(COUNTS, dtype=logs.dtype)
    second = centre**2 + deviation**2

    def step(carry: tuple[Array, Array, Array], now: tuple[Array, ...]) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
        spike, spread, cost = carry
        dt, before, after = now
        calm, fade = jnp.exp(-kappa * dt), jnp.exp(-decay * dt)
        size = centre * mean_decay(decay * dt)  # of a jump at the end of the step
        noise = count * (second * mean_decay(2.0 * decay * dt) - size**2)
        gap = fade - calm
        mean = log_level + calm * (before - log_level) + gap * spike + count * size
        variance = gap**2 * spread + noise + hullwhite.short_variance(dt, kappa, vol)
        told = poisson.logpmf(count, intensity * dt) + norm.logpdf(after, mean, jnp.sqrt(variance))
        whole = jax.nn.logsumexp(told)
        weight, shared = jnp.exp(told - whole), fade * gap * spread + noise
        each = fade * spike + count * size + shared / variance * (after - mean)
        left = fade**2 * spread + noise - shared**2 / variance
        middle = weight @ each
        expected = jnp.exp(poisson.logpmf(count, intensity * dt)) @ mean
        return (middle, weight @ (left + (each - middle) ** 2), cost - whole), (expected, middle)

    # Before the first price both parts have their stationary laws.
    first, wide, calm = intensity * centre / decay, intensity * second / (2.0 * decay), vol**2 / (2.0 * kappa)
    share = wide / (wide + calm)
    begin = (first + share * (logs[0] - log_level - first), wide * (1.0 - share), jnp.zeros_like(vol))
    (_, _, cost), rows = lax.scan(step, begin, (steps, logs[:-1], logs[1:]))
    return cost, rows


def _cost(p: Array, data: tuple[Array, Array]) -> Array:
    return _filter(p, data)[0]
