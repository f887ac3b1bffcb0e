"""Gaussian reversion fitted to one history: Vasicek's short rate, and a spot of any sign, by exact likelihood."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.errors import DataError, require
from deephedge.markets.bachelier import NormalOrnsteinUhlenbeck
from deephedge.markets.calibration.engine import Parameter, Solution
from deephedge.markets.calibration.likelihood import maximum_likelihood
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.rates import Vasicek
from deephedge.pricing import hullwhite

FEWEST = 30  # observations
REACH = 2.0  # ranges of the history by which the level may lie away from its middle


def calibrate_vasicek_history(times: Any, rates: Any, name: str = "USD") -> Calibration:
    r"""`Vasicek` from a history of the short rate: ``mean_reversion``, ``level`` and ``vol`` by exact likelihood.

    ``times`` in years, increasing, with any steps; ``rates`` per year. Over a step :math:`\Delta` the rate is normal,

    .. math:: r_{t+\Delta}\mid r_t\sim N\Big(b+e^{-a\Delta}(r_t-b),\ \sigma^2\frac{1-e^{-2a\Delta}}{2a}\Big),

    given the first. The market starts at the last rate. Its ``level`` and ``mean_reversion`` are those of the real
    world: of the pricing measure only where the risk of rates earns nothing; take ``vol`` (and the speed, if the
    premium is a constant) to `calibrate_vasicek` for the level that today's curve asks for. The speed is too high by
    about 4 over the years of history, and its error near :math:`\sqrt{2a}` over their root, however often rates are
    seen; errors are those of long histories, of many times :math:`1/a`. The
    report compares the forecasts of each step with what came, in basis points.

    Raises ``DataError`` for fewer than 30 rates, times that do not increase, or numbers that are not finite.
    Source: Vasicek (1977); Tang and Chen (2009) for the bias.

    >>> rates = [0.03]
    >>> for z in np.random.default_rng(0).standard_normal(600):
    ...     rates.append(0.04 + np.exp(-0.1) * (rates[-1] - 0.04) + 0.003 * z)
    >>> fit = calibrate_vasicek_history(np.arange(601) / 12, rates)
    >>> bool(abs(fit.parameters["mean_reversion"] - 1.2) < 2 * fit.errors["mean_reversion"])
    True
    """
    solution, table, last = _reverting("rates", times, rates, 1e4)
    return reported("Vasicek, history", Vasicek(last, **solution.values, name=name), solution, table, "bp")


def calibrate_normal_reversion_history(times: Any, prices: Any, name: str = "spot") -> Calibration:
    r"""`NormalOrnsteinUhlenbeck` from a history of its spot, of any sign and without its season; else as
    `calibrate_vasicek_history`. The report is in cash.

    Source: Lucia and Schwartz (2002), section 3.
    """
    solution, table, last = _reverting("prices", times, prices, 1.0)
    market = NormalOrnsteinUhlenbeck(name, last, **solution.values)
    return reported("normal reversion, history", market, solution, table, "cash")


def history_rows(what: str, times: Any, values: Any) -> tuple[np.ndarray, np.ndarray]:
    """Times and values of one history, checked."""
    times, values = np.asarray(times, float), np.asarray(values, float)
    fits = times.ndim == 1 and times.shape == values.shape and len(times) >= FEWEST
    require(fits, f"times and {what} must be rows of one length, {FEWEST} or more, were of shapes {times.shape} and "
            f"{values.shape}", DataError)  # fmt: skip
    bad = np.flatnonzero(~np.isfinite(values))
    require(bad.size == 0, f"{what} are not finite at {bad.size} times (first: {bad[:5].tolist()})", DataError)
    require(bool(np.all(np.diff(times) > 0)), "times must be finite years that increase", DataError)
    require(bool(np.ptp(values) > 0), f"{what} never move, so that nothing can be fitted", DataError)
    return times, values


def _reverting(what: str, times: Any, values: Any, unit: float) -> tuple[Solution, dict[str, np.ndarray], float]:
    times, x = history_rows(what, times, values)
    steps, spread, middle = np.diff(times), float(np.ptp(x)), float(0.5 * (x.min() + x.max()))
    memory = float(np.clip(np.corrcoef(x[:-1], x[1:])[0, 1], 0.05, 0.999))
    begin = (-np.log(memory) / steps.mean(), float(x.mean()), float(np.std(np.diff(x) / np.sqrt(steps))))
    find = (
        Parameter("mean_reversion", 0.0, np.inf, begin[0]),
        Parameter("level", middle - REACH * spread, middle + REACH * spread, begin[1], log=False),
        Parameter("vol", 0.0, np.inf, begin[2]),
    )
    data = (steps, x[:-1], x[1:])
    solution = maximum_likelihood(_cost, data, find, [begin], len(steps))
    kappa, level, _ = solution.values.values()
    model = level + np.exp(-kappa * steps) * (x[:-1] - level)
    table = dict(time=times[1:], quote=x[1:], model=model, residual=unit * (model - x[1:]))
    return solution._replace(residuals=model - x[1:]), table, float(x[-1])


def _cost(p: Array, data: tuple[Array, Array, Array]) -> Array:
    kappa, level, vol = p
    steps, before, after = data
    variance = hullwhite.short_variance(steps, kappa, vol)
    gap = after - level - jnp.exp(-kappa * steps) * (before - level)
    return -jnp.sum(jax.scipy.stats.norm.logpdf(gap, 0.0, jnp.sqrt(variance)))
