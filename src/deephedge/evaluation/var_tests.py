"""Were the forecasts of value at risk and expected shortfall right? Losses, VaR and ES are positive cash."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

import numpy as np
from scipy.special import xlog1py, xlogy
from scipy.stats import binom, chi2

from deephedge.core.errors import DataError, ParameterError, require

YELLOW, RED = 0.95, 0.9999


@dataclass(frozen=True)
class Backtest:
    """A statistic with the chance of one as bad where the forecasts are right; ``p`` small: they are not.

    ``critical`` is the value at which a test of ``size`` begins to reject. NaN where nothing could be tested.
    """

    statistic: float
    p: float
    critical: float
    size: float = 0.05

    @property
    def rejected(self) -> bool:
        """Whether the forecasts are refused at ``size``."""
        return self.p < self.size


class Zone(Enum):
    """What a supervisor calls a number of exceedances."""

    GREEN = "green"
    YELLOW = "yellow"
    RED = "red"


def exceeded(losses: np.ndarray, var: np.ndarray) -> np.ndarray:
    """On which days the loss was larger than the value at risk forecast for it."""
    losses, var = np.asarray(losses, float), np.asarray(var, float)
    sound = losses.ndim == 1 and losses.shape == var.shape and losses.size > 0
    require(sound, f"one loss and one forecast a day is expected, shapes were {losses.shape}, {var.shape}", DataError)
    require(
        bool(np.isfinite(losses).all() and np.isfinite(var).all()), "losses and forecasts must be finite", DataError
    )
    return losses > var


def kupiec(hits: np.ndarray, level: float, size: float = 0.05) -> Backtest:
    r"""Whether days of exceedance are as frequent as ``1 - level`` (unconditional coverage): chi squared, 1 degree.

    .. math:: -2\log\frac{(1-p)^{n-x}p^x}{(1-x/n)^{n-x}(x/n)^x},\qquad p=1-\text{level}

    Source: Kupiec (1995).

    >>> hits = np.arange(250) % 50 == 0
    >>> round(kupiec(hits, 0.99).p, 3)
    0.162
    """
    hits = _checked(hits, level)
    return _likelihood_ratio(_free(hits) - _log(hits, 1 - level), 1, size)


def independence(hits: np.ndarray, size: float = 0.05) -> Backtest:
    r"""Whether an exceedance makes another on the next day likelier: chi squared, 1 degree.

    The likelihood of a Markov chain with two transition probabilities against one. Exceedances that cluster over longer
    than a day are not seen. Source: Christoffersen (1998), section 3.2.

    >>> independence(np.arange(250) % 50 < 2).rejected
    True
    """
    hits = _checked(hits)
    before, after = hits[:-1], hits[1:]
    return _likelihood_ratio(_free(after[before]) + _free(after[~before]) - _free(after), 1, size)


def conditional_coverage(hits: np.ndarray, level: float, size: float = 0.05) -> Backtest:
    r"""Frequency and independence at once: the sum of both statistics, chi squared with 2 degrees.

    Source: Christoffersen (1998), section 3.3.
    """
    both = kupiec(hits, level).statistic + independence(hits).statistic
    return _likelihood_ratio(both / 2, 2, size)


def traffic_light(hits: np.ndarray, level: float = 0.99) -> Zone:
    """The zone of the Basel committee (1996): yellow where so few exceedances had a chance of 95 %, red of 99.99 %.

    For 250 days at 99 %: green up to 4, yellow from 5 to 9, red from 10.

    >>> traffic_light(np.arange(250) < 5).value
    'yellow'
    """
    hits = _checked(hits, level)
    chance = binom.cdf(hits.sum(), hits.size, 1 - level)
    return Zone.GREEN if chance < YELLOW else Zone.YELLOW if chance < RED else Zone.RED


def shortfall_given_exceedance(
    losses: np.ndarray, var: np.ndarray, es: np.ndarray, scenarios: np.ndarray, size: float = 0.05
) -> Backtest:
    r"""Whether losses beyond the VaR are as large as the expected shortfall says: :math:`Z_1` of Acerbi and Szekely.

    .. math:: Z_1=1-\frac1N\sum_{t:L_t>\text{VaR}_t}\frac{L_t}{\text{ES}_t}

    for :math:`N` exceedances; 0 on average where forecasts are right, below where risk was larger. Says nothing of how
    many exceed. ``p`` is that of the ``scenarios`` ``(draw, day)``: losses of each day under its forecast
    distribution. NaN without exceedances; draws without any are left out. Source: Acerbi and Szekely (2014), eq. 4.
    """
    return _simulated(_first, losses, var, es, scenarios, size)


def shortfall(
    losses: np.ndarray, var: np.ndarray, es: np.ndarray, level: float, scenarios: np.ndarray, size: float = 0.05
) -> Backtest:
    r"""Whether exceedances are neither more nor larger than forecast: :math:`Z_2` of Acerbi and Szekely.

    .. math:: Z_2=1-\frac1{n(1-\text{level})}\sum_{t:L_t>\text{VaR}_t}\frac{L_t}{\text{ES}_t}

    over :math:`n` days; 0 on average where forecasts are right, below where risk was larger. ``scenarios`` as in
    `shortfall_given_exceedance`. Source: Acerbi and Szekely (2014), eq. 6.

    >>> rng = np.random.default_rng(0)
    >>> var, es = np.full(250, 1.96), np.full(250, 2.338)
    >>> shortfall(2 * rng.normal(size=250), var, es, 0.975, rng.normal(size=(2000, 250))).rejected
    True
    """
    _checked(np.zeros(2, bool), level)
    return _simulated(
        lambda ratio: 1 - ratio.sum(axis=-1) / (ratio.shape[-1] * (1 - level)), losses, var, es, scenarios, size
    )


def _first(ratio: np.ndarray) -> np.ndarray:
    count = np.sum(ratio > 0, axis=-1)
    return np.where(count > 0, 1 - ratio.sum(axis=-1) / np.maximum(count, 1), np.nan)


def _simulated(
    statistic: Callable[[np.ndarray], np.ndarray],
    losses: np.ndarray,
    var: np.ndarray,
    es: np.ndarray,
    scenarios: np.ndarray,
    size: float,
) -> Backtest:
    hits, es, draws = exceeded(losses, var), np.asarray(es, float), np.asarray(scenarios, float)
    sound = es.shape == hits.shape and bool(np.all(es >= var)) and bool(np.all(es > 0))
    require(sound, "expected shortfall must be positive and at least the value at risk, one number a day", DataError)
    fits = draws.ndim == 2 and draws.shape[1] == hits.size and bool(np.isfinite(draws).all())
    require(fits, f"scenarios must be finite losses (draw, {hits.size} days), shape was {draws.shape}", DataError)
    found = float(statistic(np.where(hits, losses / es, 0.0)))
    drawn = statistic(np.where(draws > var, draws / es, 0.0))
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(found) or drawn.size == 0:
        return Backtest(np.nan, np.nan, np.nan, size)
    p = (1 + np.sum(drawn <= found)) / (1 + drawn.size)  # the record is one more draw, so that p is never 0
    return Backtest(found, float(p), float(np.quantile(drawn, size)), size)


def _log(hits: np.ndarray, chance: float) -> float:
    """Log likelihood of independent hits."""
    count = hits.sum()
    return float(xlogy(count, chance) + xlog1py(hits.size - count, -chance))


def _free(hits: np.ndarray) -> float:
    """The largest log likelihood that a chance can give them."""
    return _log(hits, float(hits.mean())) if hits.size else 0.0


def _likelihood_ratio(gap: float, freedom: int, size: float) -> Backtest:
    statistic = max(2 * float(gap), 0.0)
    return Backtest(statistic, float(chi2.sf(statistic, freedom)), float(chi2.isf(size, freedom)), size)


def _checked(hits: np.ndarray, level: float = 0.99) -> np.ndarray:
    hits = np.asarray(hits)
    require(0 < level < 1, f"level must be between 0 and 1, such as 0.99, was {level}", ParameterError)
    sound = hits.ndim == 1 and hits.size >= 2 and hits.dtype == bool
    message = f"hits must be true or false, one a day for two days or more; got {hits.dtype} of shape {hits.shape}"
    require(sound, f"{message}: take them from exceeded(losses, var)", DataError)
    return hits
