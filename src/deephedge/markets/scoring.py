"""History cut into windows and resampled, and the facts of any market measured beside it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import PRNGKeyArray
from scipy import stats

from deephedge.core.errors import DataError, GridError, require
from deephedge.core.grid import TimeGrid
from deephedge.markets.base import AbstractMarket, sample
from deephedge.markets.facts import FACTS, SHORTEST, Fact, Series
from deephedge.markets.history import TRADING_YEAR, as_history, require_positive
from deephedge.markets.scorecard import Scorecard, Scored

Batch = dict[str, np.ndarray]
RESAMPLES = 400
FARTHEST = 99.0  # |z| where neither side has an error
ROUNDING = 1e-6  # of float32 quotes, as a share of a value
BLOCK = 1.0  # mean length of a block, in windows
ENOUGH = 3  # windows end to end, below which history has no error to speak of


@dataclass(frozen=True)
class Measured:
    """A history cut into windows, ready to score any number of markets on the same resamples of it."""

    quotes: Batch
    names: tuple[str, ...]
    days: int
    grid: TimeGrid
    weights: np.ndarray  # rows of resamples; the first is the history itself
    kept: float  # share of the variance of a mean that the resamples have
    freedom: float  # degrees of freedom of their variance

    @classmethod
    def of(cls, history: Any, window: TimeGrid | int, stride: int | None, names: Sequence[str] | None) -> "Measured":
        """Cut, and draw the resamples."""
        past = as_history(history)
        grid = window if isinstance(window, TimeGrid) else TimeGrid.uniform(window / TRADING_YEAR, window)
        steps, stride = grid.steps, stride or max(1, grid.steps // 12)
        require(steps >= SHORTEST, f"window must be {SHORTEST} days or more, was {steps}", GridError)
        rows = {name: np.asarray(row, float) for name, row in past.quotes.items()}
        days = len(next(iter(rows.values()))) - 1
        require(
            days >= ENOUGH * steps,
            f"windows of {steps} days need {ENOUGH * steps + 1} days of history, had {days + 1}",
            DataError,
        )
        found = tuple(names or (n for n in rows if "." not in n and n != "rate"))
        require(len(found) > 0, f"the history has no price among {', '.join(rows)}; say names=...", DataError)
        require_positive(past, [*found, *(f"{n}.vol" for n in found if f"{n}.vol" in rows)], "validation")
        starts = np.arange(0, days - steps + 1, stride)
        cut = {name: row[starts[:, None] + np.arange(steps + 1)] for name, row in rows.items()}
        block, size = BLOCK * steps / stride, len(starts)
        return cls(cut, found, days, grid, stationary(size, block), *calibration(size, block, steps / stride))

    def simulated(self, market: AbstractMarket, paths: int, burn: int | None, key: PRNGKeyArray) -> Batch:
        """Quotes of the market over windows of the same length, after ``burn`` days."""
        steps = self.grid.steps
        burn = steps if burn is None else burn
        span = float(self.grid.times[-1] - self.grid.times[0]) / steps
        long = TimeGrid.uniform(span * (steps + burn), steps + burn) if burn else self.grid
        quotes = sample(market, long, paths, key=key, method="random").quotes
        return {name: np.asarray(row, float)[:, burn:] for name, row in quotes.items() if np.ndim(row) == 2}

    def score(self, name: str, simulated: Batch) -> Scorecard:
        """Every fact that both sides have."""
        step = float(self.grid.times[-1] - self.grid.times[0]) / self.grid.steps
        shared = [n for n in self.names if n in simulated]
        require(len(shared) > 0, f"{name} quotes none of {', '.join(self.names)}", DataError)
        paths = len(simulated[shared[0]])
        weights = np.random.default_rng(0).multinomial(paths, np.full(paths, 1 / paths), RESAMPLES) / paths
        weights = np.concatenate([np.full((1, paths), 1 / paths), weights])
        rows, resampled = [], []
        for label, fact, past, now in _each(self.quotes, simulated, shared, step):
            real = _Known.of(fact.summary(fact.measure(past), self.weights), 1.0 / np.sqrt(self.kept))
            made = _Known.of(fact.summary(fact.measure(now), weights), 1.0)
            rows.append(_row(label, fact, real, made, self.freedom))
            resampled.append(_normal((made.draws - real.draws) / _error(real, made), self.freedom))
        size = self.weights.shape[1]
        return Scorecard(name, tuple(rows), self.grid.steps, size, self.days, paths, np.array(resampled))


class _Known(NamedTuple):
    """A value, its standard error, and the draws behind it, which have this error."""

    value: float
    error: float
    draws: np.ndarray

    @classmethod
    def of(cls, found: np.ndarray, inflation: float) -> "_Known":
        draws = found[0] + inflation * (found[1:] - found[0])
        return cls(float(found[0]), float(draws.std()), draws)


def _error(real: _Known, made: _Known) -> float:
    return max(float(np.hypot(real.error, made.error)), ROUNDING * max(abs(made.value), abs(real.value)), 1e-12)


def _normal(t: np.ndarray, freedom: float) -> np.ndarray:
    """The normal at the quantile of a Student variable."""
    return np.asarray(np.sign(t) * np.minimum(stats.norm.isf(stats.t.sf(np.abs(t), freedom)), FARTHEST))


def _row(label: str, fact: Fact, real: _Known, made: _Known, freedom: float) -> Scored:
    t = (made.value - real.value) / _error(real, made)
    z = float(_normal(np.asarray(t), freedom))
    reach = float(stats.t.ppf(0.975, freedom)) * real.error
    numbers = (real.value, real.value - reach, real.value + reach, made.value, made.error, z)
    return Scored(label, fact.name, fact.group, fact.unit, *numbers)


def _returns(quote: np.ndarray) -> np.ndarray:
    return np.diff(np.log(quote), axis=-1)


def _series(side: Batch, name: str, step: float, vol: bool) -> Series:
    if not vol:
        return Series(_returns(side[name]), step)
    implied = side[f"{name}.vol"]
    return Series(_returns(side[name]), step, implied[:, :-1], _returns(implied))


def _each(past: Batch, now: Batch, names: Sequence[str], step: float) -> Iterator[tuple[str, Fact, Series, Series]]:
    """Every fact with the series of both sides that it is measured on."""
    for n, name in enumerate(names):
        vol = f"{name}.vol" in past and f"{name}.vol" in now
        before, after = _series(past, name, step, vol), _series(now, name, step, vol)
        for fact in FACTS:
            if fact.needs == "price" or (vol and fact.needs == "vol"):
                yield name, fact, before, after
        for other in names[n + 1 :]:
            two = before._replace(other=_returns(past[other])), after._replace(other=_returns(now[other]))
            for fact in FACTS:
                if fact.needs == "pair":
                    yield f"{name}, {other}", fact, *two


def stationary(count: int, block: float) -> np.ndarray:
    """Resamples of ``count`` windows as rows of weights, the first the sample itself; blocks of random length.

    Source: Politis and Romano (1994).
    """
    rng, here = np.random.default_rng(0), np.arange(count)
    fresh = rng.random((RESAMPLES, count)) < 1.0 / block
    fresh[:, 0] = True
    last = np.maximum.accumulate(np.where(fresh, here, 0), axis=1)
    starts = rng.integers(count, size=fresh.shape)
    chosen = (np.take_along_axis(starts, last, axis=1) + here - last) % count
    index = chosen + count * np.arange(RESAMPLES)[:, None]
    counts = np.bincount(index.ravel(), minlength=index.size).reshape(index.shape)
    return np.concatenate([np.ones((1, count)), counts]) / count


def calibration(count: int, block: float, overlap: float) -> tuple[float, float]:
    r"""What the variance of a mean over the resamples of `stationary` is of the true one, and its degrees of freedom.

    Windows of ``overlap`` strides have autocovariance :math:`\Sigma_{ij}=(1-|i-j|/overlap)^+` where steps are
    independent and alike. The variance of a resampled mean is a quadratic form :math:`x'Ax`, whose mean is
    :math:`\mathrm{tr}\,A\Sigma`; as a multiple of a chi square (Satterthwaite 1946) it has
    :math:`(\mathrm{tr}\,A\Sigma)^2/\mathrm{tr}\,(A\Sigma)^2` degrees of freedom. Blocks of windows lose a good part:
    the ends of each block, and what the sample's own mean takes away.
    """
    lag = np.abs(np.subtract.outer(np.arange(count), np.arange(count)))
    covariance = np.maximum(1.0 - lag / overlap, 0.0)
    stay = 1.0 - 1.0 / block
    weight = (1.0 - lag / count) * stay**lag + lag / count * stay ** (count - lag)
    weight -= weight.mean(axis=0)  # a circulant: its rows and columns have one mean, which centring takes out
    product = weight @ covariance / count**2
    mean = np.trace(product)
    return float(mean / covariance.mean()), float(mean**2 / np.sum(product * product.T))
