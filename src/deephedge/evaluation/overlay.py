"""A strategy with and without its hedge: drawdown and tail of two series of profit and loss, paired."""

from dataclasses import dataclass

import numpy as np

from deephedge.core.errors import DataError, ParameterError, require
from deephedge.evaluation.bootstrap import AUTO, Resampling, block_length
from deephedge.evaluation.compare import Estimate, Ruler


@dataclass(frozen=True)
class Overlay:
    """`series_metrics` of the strategy ``alone``, of ``hedged``, and their ``difference`` hedged - alone.

    ``p`` of a difference tests that it is 0. ``block`` is the mean length of the blocks resampled, in days.
    """

    alone: dict[str, Estimate]
    hedged: dict[str, Estimate]
    difference: dict[str, Estimate]
    days: int
    block: int
    level: float


def overlay(
    strategy: np.ndarray,
    hedge: np.ndarray,
    *,
    level: float = 0.95,
    block: int | str | None = AUTO,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Overlay:
    """Daily profit and loss of a ``strategy`` in cash, beside the same with that of its ``hedge`` added.

    Days are resampled in stationary blocks (Politis and Romano, 1994), the same days for both, so that differences
    are paired; ``block`` is their mean length, by default what Politis and White's rule asks for. Intervals are
    the value and Student's t as in `compare`. The largest drawdown is one event: its interval is rough.

    >>> rng = np.random.default_rng(0)
    >>> strategy = rng.normal(size=500)
    >>> found = overlay(strategy, -0.5 * strategy, resamples=200)
    >>> found.difference["std"].significant, round(found.hedged["cvar"].value / found.alone["cvar"].value, 6)
    (True, 0.5)
    """
    strategy, hedge = _checked("strategy", strategy), _checked("hedge", hedge)
    same = strategy.size == hedge.size
    require(same, f"both series must be of the same days, found {strategy.size} and {hedge.size}", DataError)
    require(0 < confidence < 1, f"confidence must be between 0 and 1, such as 0.95, was {confidence}", ParameterError)
    both = np.stack([strategy, strategy + hedge])
    how = Resampling(block_length(strategy.size, block, None, list(both)), resamples, seed, circular=False)
    rows = [[series_metrics(one[order], level) for one in both] for order in how.orders(strategy.size)]
    alone, hedged = ({m: np.concatenate([row[n][m] for row in rows]) for m in rows[0][0]} for n in (0, 1))
    value = [{m: float(each) for m, each in series_metrics(one, level).items()} for one in both]
    ruler = Ruler(confidence, max(1.0, strategy.size / how.block - 1), 1.0)
    return Overlay(
        {m: ruler(value[0][m], alone[m]) for m in alone},
        {m: ruler(value[1][m], hedged[m]) for m in hedged},
        {m: ruler(value[1][m] - value[0][m], hedged[m] - alone[m], test=True) for m in alone},
        strategy.size, how.block, level,
    )  # fmt: skip


def series_metrics(gains: np.ndarray, level: float = 0.95) -> dict[str, np.ndarray]:
    """``mean``, ``std``, ``cvar`` (of the worst share ``1 - level`` of days) and ``drawdown``, over the last axis.

    The drawdown is the most that was lost from a peak of the sum so far, which starts at 0; losses are positive.

    >>> found = series_metrics(np.array([1.0, -2.0, -1.0, 4.0]), level=0.5)
    >>> float(found["mean"]), float(found["cvar"]), float(found["drawdown"])
    (0.5, 1.5, 3.0)
    """
    require(0 <= level < 1, f"level must be from 0 to below 1, such as 0.95, was {level}", ParameterError)
    gains = np.asarray(gains, float)
    days = gains.shape[-1]
    share = (1 - level) * days
    weight = np.clip(share - np.arange(days), 0.0, 1.0)
    reach = int(np.count_nonzero(weight))
    worst = np.sort(np.partition(gains, reach - 1, axis=-1)[..., :reach], axis=-1)
    wealth = np.cumsum(gains, axis=-1)
    peak = np.maximum(np.maximum.accumulate(wealth, axis=-1), 0.0)
    return {
        "mean": np.asarray(gains.mean(axis=-1)),
        "std": np.asarray(gains.std(axis=-1, ddof=1)),
        "cvar": np.asarray(-(worst @ weight[:reach]) / share),
        "drawdown": np.asarray(np.max(peak - wealth, axis=-1)),
    }


def _checked(name: str, gains: np.ndarray) -> np.ndarray:
    gains = np.asarray(gains, float)
    sound = gains.ndim == 1 and gains.size >= 8 and bool(np.isfinite(gains).all())
    require(sound, f"{name} must be finite cash, one number a day for 8 days or more; shape {gains.shape}", DataError)
    return gains
