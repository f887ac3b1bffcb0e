"""One day's value at risk of the overlay book: what it holds, revalued under the filtered moves of the last two years.

Source: Barone-Adesi, Giannopoulos and Vosper (1999), with an exponentially weighted variance in place of a GARCH.
"""

from dataclasses import dataclass

import numpy as np

import deephedge as dh
from bench.overlay_book import CALLS, HELD, PUTS, STEPS
from deephedge import data
from deephedge.data import transforms as t
from deephedge.evaluation import Backtest, conditional_coverage, exceeded, kupiec, shortfall
from deephedge.pricing import black

MEMORY = 500  # days of moves
VAR, ES = 0.99, 0.975


@dataclass(frozen=True, eq=False)
class Held:
    """What the book holds over each day: the index and its future in cash, options at the money of 1, and its marks."""

    index: np.ndarray
    calls: np.ndarray
    puts: np.ndarray
    spot: np.ndarray
    vol: np.ndarray
    left: np.ndarray

    @classmethod
    def of(cls, paths: dh.MarketPath, ledger: dh.Ledger) -> "Held":
        """Windows one after another; day by day."""
        spot, vol, calls, puts, held = (
            np.asarray(paths.quote(name), float)[:, :-1] for name in ("SPX", "SPX.vol", CALLS, PUTS, HELD)
        )
        left = np.broadcast_to((STEPS - np.arange(STEPS)) / 252, spot.shape)
        index = held + np.asarray(ledger.position, float)[..., 0] * spot
        return cls(*(each.ravel() for each in (index, calls, puts, spot, vol, left)))

    def losses(self, returns: np.ndarray, vols: np.ndarray) -> np.ndarray:
        """Loss ``(..., day)`` under log ``returns`` of the index and log changes of its implied volatility."""
        after, vol = self.spot * np.exp(returns), self.vol * np.exp(vols)
        left = np.where(self.left > 1.5 / 252, self.left - 1 / 252, 0.0)
        options = sum(
            count * (_price(after, vol, left, call) - _price(self.spot, self.vol, self.left, call))
            for count, call in ((self.calls, True), (self.puts, False))
        )
        return options - self.index * np.expm1(returns)


def forecasts(history: data.History, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Moves of the day after each of ``days`` (their numbers), as the ``MEMORY`` days up to it suggest: (draw, day).

    Returns in deviations of what was forecast for them, times the deviation forecast now; volatility moves along.
    """
    deviation = t.EwmaVol("SPX").fit(history)(history)["SPX.ewma_vol"] / np.sqrt(252)
    returns, vols = history.log_returns("SPX"), history.log_returns("SPX.vol")
    filtered = returns[1:] / deviation[1:-1]  # [k]: from day k + 1 to k + 2, by what was known on day k + 1
    rows = days[None, :] - 2 - np.arange(MEMORY)[:, None]
    return filtered[rows] * deviation[days], vols[1:][rows]


def risk_backtest(history: data.History, days: np.ndarray, held: Held) -> dict:
    """Value at risk and expected shortfall of each day before it, against what came; before costs."""
    scenarios = held.losses(*forecasts(history, days))
    came = held.losses(history.log_returns("SPX")[days], history.log_returns("SPX.vol")[days])
    var, hundredth = (np.quantile(scenarios, level, axis=0) for level in (ES, VAR))
    tail = np.maximum(scenarios - var, 0.0).mean(axis=0) / (1 - ES)
    es = var + tail
    kept = (es > 0) & (tail > 0)  # a book that cannot lose has no shortfall to test
    hits = exceeded(came[kept], hundredth[kept])
    # A row is the same history a day later: mixed within each day, rows are draws of their own.
    drawn = np.random.default_rng(0).permuted(scenarios[:, kept], axis=0)
    return {
        "days": int(kept.sum()), "left out": int((~kept).sum()), "exceedances": int(hits.sum()),
        "expected": (1 - VAR) * float(kept.sum()), "kupiec": _told(kupiec(hits, VAR)),
        "conditional coverage": _told(conditional_coverage(hits, VAR)),
        "shortfall": _told(shortfall(came[kept], var[kept], es[kept], ES, drawn)),
    }  # fmt: skip


def _told(found: Backtest) -> dict:
    return {"statistic": found.statistic, "p": found.p, "rejected": bool(found.rejected)}


def _price(spot: np.ndarray, vol: np.ndarray, left: np.ndarray, call: bool) -> np.ndarray:
    return np.asarray(black.price(spot, 1.0, vol, left, call=call), float)
