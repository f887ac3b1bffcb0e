r"""How much of a record is skill: Sharpe ratios that know how short it is and how many were tried.

Sharpe ratios here are per period, not per year: mean over standard deviation of one number a period.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.stats import norm

from deephedge.core.errors import DataError, ParameterError, require

SPLITS = 1_000  # of the series at a time


def sharpe(gains: np.ndarray) -> np.ndarray:
    """Mean over standard deviation (with n - 1) of ``gains`` along the first axis.

    >>> float(sharpe(np.array([1.0, 2.0, 3.0])))
    2.0
    """
    gains = _checked(gains)
    return np.asarray(gains.mean(axis=0) / gains.std(axis=0, ddof=1))


def probabilistic_sharpe(gains: np.ndarray, benchmark: int | float = 0.0) -> float:
    r"""The confidence that the true Sharpe ratio is above ``benchmark``, skewness and fat tails allowed for.

    .. math:: \Phi\!\left(\frac{(\hat S-S^*)\sqrt{n-1}}{\sqrt{1-\gamma_3\hat S+\frac{\gamma_4-1}4\hat S^2}}\right)

    ``gains`` are independent from one period to the next. Source: Bailey and Lopez de Prado (2012), equation 9.

    >>> round(probabilistic_sharpe(np.array([1.0, -1.0, 2.0, 0.0, 1.0])), 3)
    0.831
    """
    return float(norm.cdf((sharpe(gains) - benchmark) * np.sqrt((len(gains) - 1) / _spread(gains))))


def minimum_track_record(gains: np.ndarray, benchmark: int | float = 0.0, confidence: float = 0.95) -> float:
    r"""Periods after which a record like ``gains`` would be above ``benchmark`` with ``confidence``.

    .. math:: 1+\left(1-\gamma_3\hat S+\tfrac{\gamma_4-1}4\hat S^2\right)\left(\frac{z}{\hat S-S^*}\right)^2

    Infinite where the ratio is not above the benchmark. Source: Bailey and Lopez de Prado (2012), equation 11.
    """
    require(0.5 < confidence < 1, f"confidence must be between 0.5 and 1, such as 0.95, was {confidence}")
    ahead = float(sharpe(gains)) - benchmark
    return 1.0 + _spread(gains) * float(norm.ppf(confidence) / ahead) ** 2 if ahead > 0 else np.inf


def expected_maximum(deviation: float, tries: int | float) -> float:
    r"""The Sharpe ratio that the best of independent ``tries`` without skill shows on average.

    .. math:: \sigma\left((1-\gamma)\,\Phi^{-1}(1-\tfrac1N)+\gamma\,\Phi^{-1}(1-\tfrac1{Ne})\right)

    ``deviation`` :math:`\sigma` is the standard deviation of ratios over tries, :math:`\gamma` Euler's constant.
    Source: Bailey and Lopez de Prado (2014), equation 6.

    >>> round(expected_maximum(1.0, 1000), 2)
    3.26
    """
    require(tries >= 1, f"tries must be 1 or more, was {tries}", ParameterError)
    mix = (1 - np.euler_gamma) * norm.isf(1 / tries) + np.euler_gamma * norm.isf(1 / tries / np.e)
    return float(deviation * max(mix, 0.0))  # of one or two tries the formula would make less than nothing


def deflated_sharpe(gains: np.ndarray, tried: np.ndarray, independent: int | float | None = None) -> float:
    """The confidence that a Sharpe ratio above what the best of all tries shows by luck is behind ``gains``.

    ``tried`` are the Sharpe ratios of everything that was tried, ``gains`` those of the best included; ``independent``
    is how many of the tries are, all if not given. Source: Bailey and Lopez de Prado (2014), equation 1.

    >>> gains = np.random.default_rng(0).normal(0.1, 1.0, 250)
    >>> tried = np.random.default_rng(1).normal(0.0, 0.06, 100)
    >>> bool(deflated_sharpe(gains, tried) < probabilistic_sharpe(gains))
    True
    """
    tried = np.asarray(tried, float).ravel()
    require(tried.size > 0 and bool(np.isfinite(tried).all()), "tried must be finite Sharpe ratios", DataError)
    deviation = float(tried.std(ddof=1)) if tried.size > 1 else 0.0
    return probabilistic_sharpe(gains, expected_maximum(deviation, independent or tried.size))


@dataclass(frozen=True, eq=False)
class Overfitting:
    """What choosing the best in one half of a history gives in the other half, over all ways to halve it.

    ``probability``: of ending below the median of all tries. ``logits``: log odds of the chosen one's rank, one a
    split; ``chosen``: which try it was, with its Sharpe ratio ``inside`` (where it was chosen) and ``outside``.
    """

    probability: float
    logits: np.ndarray
    chosen: np.ndarray
    inside: np.ndarray
    outside: np.ndarray

    @property
    def loss(self) -> float:
        """The share of splits in which the chosen one loses outside."""
        return float(np.mean(self.outside < 0))


def overfitting_probability(gains: np.ndarray, blocks: int = 16) -> Overfitting:
    r"""Probability of backtest overfitting of ``gains`` ``(period, try)``, by cross-validation on symmetric halves.

    The periods are cut into an even number of ``blocks``; each half of the blocks in turn chooses the try with the best
    Sharpe ratio, and its rank :math:`r` of :math:`N` in the other half gives :math:`\lambda=\log\frac{r}{N+1-r}`. The
    probability is the share of :math:`\lambda<0`, ties with the median counting one half.
    Source: Bailey, Borwein, Lopez de Prado and Zhu (2017), section 2.

    >>> noise = np.random.default_rng(0).normal(size=(200, 20))
    >>> found = overfitting_probability(noise + np.eye(20)[3], blocks=8)
    >>> found.probability, set(found.chosen.tolist())
    (0.0, {3})
    """
    gains = _checked(gains)
    periods, tries = gains.shape if gains.ndim == 2 else (gains.size, 1)
    require(tries >= 2, f"overfitting needs two tries or more, side by side (period, try), found {tries}", DataError)
    sound = blocks >= 2 and blocks % 2 == 0 and periods >= 2 * blocks
    require(sound, f"blocks must be an even number of up to half of the {periods} periods, was {blocks}")
    sums = _Sums.of(gains, blocks)
    half = np.array(list(combinations(range(blocks), blocks // 2)))
    picks = np.zeros((len(half), blocks))
    np.put_along_axis(picks, half, 1.0, axis=1)
    parts = [sums.judged(picks[at : at + SPLITS]) for at in range(0, len(picks), SPLITS)]
    chosen, inside, outside, rank = (np.concatenate(part) for part in zip(*parts, strict=True))
    logits = np.log(rank / (tries + 1 - rank))
    return Overfitting(float(np.mean((logits < 0) + 0.5 * (logits == 0))), logits, chosen, inside, outside)


@dataclass(frozen=True, eq=False)
class _Sums:
    """What every half needs: for each block the number of periods, the sums of gains and of their squares."""

    centre: np.ndarray
    count: np.ndarray
    first: np.ndarray
    second: np.ndarray

    @classmethod
    def of(cls, gains: np.ndarray, blocks: int) -> "_Sums":
        centre, cut = gains.mean(axis=0), np.arange(blocks) * len(gains) // blocks
        away = gains - centre
        return cls(centre, np.diff(cut, append=len(gains)), np.add.reduceat(away, cut), np.add.reduceat(away**2, cut))

    def ratio(self, picks: np.ndarray) -> np.ndarray:
        """Sharpe ratios ``(split, try)``; 0 for one that does nothing in the half."""
        count = (picks @ self.count)[:, None]
        mean = picks @ self.first / count
        variance = (picks @ self.second - count * mean**2) / (count - 1)
        alive = variance > 1e-14 * self.second.sum(axis=0)
        return np.where(alive, (mean + self.centre) / np.sqrt(np.where(alive, variance, 1.0)), 0.0)

    def judged(self, picks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """For each split who is chosen, its ratio inside and outside, and its rank outside (ties share theirs)."""
        inside, outside = self.ratio(picks), self.ratio(1.0 - picks)
        chosen = inside.argmax(axis=1)
        own = np.take_along_axis(outside, chosen[:, None], axis=1)
        rank = 0.5 + np.sum(outside < own, axis=1) + 0.5 * np.sum(outside == own, axis=1)
        return chosen, inside.max(axis=1), own[:, 0], rank


def _spread(gains: np.ndarray) -> float:
    """What the variance of a Sharpe ratio is, times the number of periods."""
    ratio, away = float(sharpe(gains)), (gains - np.mean(gains)) / np.std(gains)
    return float(1 - np.mean(away**3) * ratio + (np.mean(away**4) - 1) / 4 * ratio**2)


def _checked(gains: np.ndarray) -> np.ndarray:
    gains = np.asarray(gains, float)
    require(len(gains) >= 2, f"a Sharpe ratio needs two periods or more, found {len(gains)}", DataError)
    require(bool(np.isfinite(gains).all()), "gains are not all finite; drop or fill what is missing", DataError)
    still = np.ptp(gains, axis=0) == 0
    require(not bool(np.any(still)), f"{int(np.sum(still))} series of gains never move: no Sharpe ratio", DataError)
    return gains
