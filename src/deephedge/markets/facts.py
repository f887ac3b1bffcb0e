"""The table of stylised facts: name, meaning, unit, and the function that measures it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from deephedge.markets import stylised as s

HORIZONS = (1, 5, 21)
MEMORY = (1, 5, 10, 21, 63)
DECAY = (1, 2, 3, 5, 8, 13, 21, 34, 55)
ROUGH_DAYS = (1, 2, 3, 5, 8, 13, 21)
ROUGH_WEEKS = (1, 2, 3, 5, 8)
ORDERS = (0.5, 1.0, 2.0)
LEVERAGE = tuple(range(1, 21))
SHORTEST = 126  # days: below, the memory at 63 days and the tails have nothing to be measured on
YEAR, ONE, LOG = "per root year", "1", "log"
NONE = np.empty((0, 0))


class Series(NamedTuple):
    """What a fact is measured on: windows (path, day), ``step`` years a day.

    ``returns`` (log) of a price; ``vol`` its implied volatility at the *start* of each of these days, ``vol_moves`` the
    change of its log over the day; ``other`` the returns of a second price. Empty where there is none.
    """

    returns: np.ndarray
    step: float
    vol: np.ndarray = NONE
    vol_moves: np.ndarray = NONE
    other: np.ndarray = NONE


Measure = Callable[[Series], np.ndarray]
Summary = Callable[[np.ndarray, np.ndarray], np.ndarray]


def mean(numbers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over windows: ``weights`` has rows that sum to 1, one answer for each."""
    return weights @ numbers


def deviation(numbers: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Standard deviation between windows."""
    return np.sqrt(np.maximum(weights @ numbers**2 - (weights @ numbers) ** 2, 0.0))


def quantile(numbers: np.ndarray, weights: np.ndarray, level: float) -> np.ndarray:
    """Quantile over windows."""
    order = np.argsort(numbers)
    below = np.cumsum(weights[:, order], axis=1) < level - 1e-9
    return numbers[order][np.minimum(below.sum(axis=1), len(numbers) - 1)]


def exponent(numbers: np.ndarray, weights: np.ndarray, lags: tuple[int, ...], order: float) -> np.ndarray:
    """Of a power law in the lag: the slope of log mean over windows on the log of the lag, over ``order``."""
    return s.slope(weights @ numbers, lags) / order


@dataclass(frozen=True)
class Fact:
    """A stylised fact: ``measure`` gives numbers for each window, ``summary`` one for all windows, weighed.

    ``needs``: ``"price"``, ``"vol"`` (a price and its implied volatility) or ``"pair"`` (two prices).
    """

    name: str
    group: str
    meaning: str
    unit: str
    measure: Measure
    needs: str = "price"
    summary: Summary = mean


def _tails(days: int) -> Iterator[Fact]:
    def fact(name: str, meaning: str, unit: str, measure: Callable[[np.ndarray], np.ndarray]) -> Fact:
        return Fact(f"{name}, {days} d", "tails", meaning, unit, lambda d: measure(s.summed(d.returns, days)))

    yield Fact(
        f"standard deviation, {days} d", "tails", "of log returns, annualised", YEAR,
        lambda d: s.summed(d.returns, days).std(-1) / np.sqrt(days * d.step),
    )  # fmt: skip
    yield fact("skewness", "asymmetry of returns", ONE, s.skewness)
    yield fact("excess kurtosis", "weight of both tails, 0 if normal", ONE, s.excess_kurtosis)
    yield fact("tail index of losses", "Hill's 1/alpha of the largest 5 %", ONE, lambda x: s.hill(-x))
    yield fact("tail index of gains", "Hill's 1/alpha of the largest 5 %", ONE, s.hill)
    yield fact("1 % quantile", "of log returns", LOG, lambda x: np.quantile(x, 0.01, axis=-1))
    yield fact("99 % quantile", "of log returns", LOG, lambda x: np.quantile(x, 0.99, axis=-1))


def _lost(d: Series) -> np.ndarray:
    return s.excess_kurtosis(d.returns) - s.excess_kurtosis(s.summed(d.returns, HORIZONS[-1]))


def _sizes(d: Series) -> np.ndarray:
    return np.abs(d.returns - d.returns.mean(-1, keepdims=True))


def _led(d: Series) -> np.ndarray:
    return np.mean([s.correlation(d.returns, np.abs(d.returns), lag) for lag in LEVERAGE], axis=0)


def _rough_realised(d: Series, order: float) -> np.ndarray:
    return s.structure(s.log_realised(d.returns), ROUGH_WEEKS, order)


def _rough_implied(d: Series, order: float) -> np.ndarray:
    return s.structure(np.log(d.vol), ROUGH_DAYS, order)


def _drawdown(d: Series) -> np.ndarray:
    return s.maximum_drawdown(d.returns)


def _gap(d: Series) -> np.ndarray:
    return s.spread(d.returns, d.vol, d.step)


def _of_returns() -> Iterator[Fact]:
    for days in HORIZONS:
        yield from _tails(days)
    yield Fact("kurtosis lost from 1 to 21 d", "aggregation", "sums approach a normal law", ONE, _lost)
    for n in (1, 2, 5):
        yield Fact(f"autocorrelation of r, lag {n}", "returns", "returns do not follow from the past", ONE,
                   lambda d, n=n: s.autocorrelation(d.returns, n))  # fmt: skip
    yield Fact("variance ratio, 21 d", "returns", "variance of 21 days over 21 times that of one", ONE,
               lambda d: s.variance_ratio(d.returns, 21))  # fmt: skip
    said = "large moves follow large moves"
    for n in MEMORY:
        yield Fact(f"autocorrelation of |r|, lag {n}", "clustering", said, ONE,
                   lambda d, n=n: s.autocorrelation(_sizes(d), n))  # fmt: skip
    for n in MEMORY:
        yield Fact(f"autocorrelation of r^2, lag {n}", "clustering", said, ONE,
                   lambda d, n=n: s.autocorrelation(_sizes(d) ** 2, n))  # fmt: skip
    yield Fact("decay of |r|, exponent", "clustering", "of the lag in its autocorrelation, lags 1 to 55", ONE,
               lambda d: s.autocorrelations(_sizes(d), DECAY),
               summary=partial(exponent, lags=DECAY, order=1.0))  # fmt: skip
    yield Fact("spread of volatility", "clustering", "deviation of volatility between windows", YEAR,
               lambda d: d.returns.std(-1) / np.sqrt(d.step), summary=deviation)  # fmt: skip
    for n in LEVERAGE:
        yield Fact(f"leverage, lag {n}", "leverage", f"correlation of r(t) with |r(t + {n})|", ONE,
                   lambda d, n=n: s.correlation(d.returns, np.abs(d.returns), n))  # fmt: skip
    yield Fact("leverage, lags 1 to 20", "leverage", "mean of these correlations", ONE, _led)
    for q in ORDERS:
        yield Fact(f"Hurst exponent of realised vol, q {q:g}", "roughness", "of its log in weeks, 1 to 8 weeks", ONE,
                   partial(_rough_realised, order=q), summary=partial(exponent, lags=ROUGH_WEEKS, order=q))  # fmt: skip
    yield Fact("maximum drawdown, mean", "drawdown", "deepest fall from a peak in a window", "share", _drawdown)
    for q in (0.1, 0.5, 0.9):
        yield Fact(f"maximum drawdown, {100 * q:g} % quantile", "drawdown", "over windows", "share",
                   _drawdown, summary=partial(quantile, level=q))  # fmt: skip


def _of_vol() -> Iterator[Fact]:
    for q in ORDERS:
        yield Fact(f"Hurst exponent of implied vol, q {q:g}", "roughness", "of its log, 1 to 21 days", ONE,
                   partial(_rough_implied, order=q), "vol", partial(exponent, lags=ROUGH_DAYS, order=q))  # fmt: skip
    fact = partial(Fact, needs="vol")
    level, moves, both, gap = "implied vol", "price with vol", "tail dependence at 5 %", "implied less realised"
    yield fact(f"{level}, mean", "implied", "level", YEAR, lambda d: d.vol.mean(-1))
    yield fact(f"{level}, deviation", "implied", "within a window", YEAR, lambda d: d.vol.std(-1))
    yield fact(f"{level}, moves", "implied", "deviation of a day's change of log", LOG, lambda d: d.vol_moves.std(-1))
    yield fact(f"{level}, memory", "implied", "autocorrelation of log, lag 21", ONE,
               lambda d: s.autocorrelation(np.log(d.vol), 21))  # fmt: skip
    for when, n in (("", 0), (" a day later", 1), (" a day before", -1)):
        yield fact(f"{moves}{when}", "cross", "correlation of r with changes of log vol", ONE,
                   lambda d, n=n: s.correlation(d.returns, d.vol_moves, n))  # fmt: skip
    yield fact("falls with leaps of vol", "cross", both, ONE, lambda d: s.tail_dependence(d.returns, -d.vol_moves))
    yield fact("rises with drops of vol", "cross", both, ONE, lambda d: s.tail_dependence(-d.returns, d.vol_moves))
    yield fact(f"{gap}, mean", "spread", "vol less that of the next 21 days", YEAR, lambda d: _gap(d).mean(-1))
    yield fact(f"{gap}, deviation", "spread", "within a window", YEAR, lambda d: _gap(d).std(-1))
    yield fact(f"{gap}, memory", "spread", "autocorrelation, lag 21", ONE, lambda d: s.autocorrelation(_gap(d), 21))


def _of_pairs() -> Iterator[Fact]:
    both = "tail dependence at 5 %"
    rows: tuple[tuple[str, str, Measure], ...] = (
        ("correlation, 1 d", "of returns", lambda d: s.correlation(d.returns, d.other)),
        ("correlation, 5 d", "of returns", lambda d: s.correlation(s.summed(d.returns, 5), s.summed(d.other, 5))),
        ("correlation of |r|", "of sizes", lambda d: s.correlation(np.abs(d.returns), np.abs(d.other))),
        ("second a day later", "correlation of returns", lambda d: s.correlation(d.returns, d.other, 1)),
        ("second a day before", "correlation of returns", lambda d: s.correlation(d.returns, d.other, -1)),
        ("falls together", both, lambda d: s.tail_dependence(d.returns, d.other)),
        ("rises together", both, lambda d: s.tail_dependence(-d.returns, -d.other)),
    )
    for name, meaning, measure in rows:
        yield Fact(name, "cross", meaning, ONE, measure, "pair")


FACTS: tuple[Fact, ...] = (*_of_returns(), *_of_vol(), *_of_pairs())
