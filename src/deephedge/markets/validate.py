"""How far simulated paths look like history: the stylised facts, side by side and scored."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import PRNGKeyArray

from deephedge.core.errors import DataError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.markets.base import AbstractMarket
from deephedge.markets.history import TRADING_DAY, Numbers
from deephedge.markets.scorecard import Scorecard
from deephedge.markets.scoring import Measured
from deephedge.markets.stylised import autocorrelation, maximum_drawdown, ratio

Batch = np.ndarray  # (path, points)


class Agreement(NamedTuple):
    """One statistic: of history, and its mean and 5 % to 95 % range over simulated paths."""

    statistic: str
    real: float
    simulated: float
    low: float
    high: float

    @property
    def inside(self) -> bool:
        """Whether history could be one of the simulated paths, as far as this statistic tells."""
        return self.low <= self.real <= self.high


def agreement(simulated: MarketPath, history: MarketPath | Mapping[str, Numbers], name: str = "SPX") -> list[Agreement]:
    """Stylised facts of ``name`` and its implied volatility in history and over a batch of simulated paths.

    Volatility per root year, kurtosis (3 for a normal), autocorrelation of squared returns, correlation of returns with
    changes of log implied volatility, deepest drawdown, mean and standard deviation of implied volatility along the
    path. Like is compared with like: paths must be as long as the history (one path, or a batch of windows, which
    is averaged). Raises ``DataError`` otherwise. Rows on implied volatility are left out where a side has none.

    >>> import deephedge as dh, jax
    >>> market, grid = dh.markets.BlackScholes("SPX", vol=0.2), dh.TimeGrid.uniform(maturity=1.0, steps=252)
    >>> history = market.path(grid, jax.random.normal(jax.random.key(1), (252, 1)))
    >>> rows = agreement(dh.sample(market, grid, 64, key=jax.random.key(0)), history)
    >>> rows[0].statistic, abs(rows[0].simulated - 0.2) < 0.01
    ('annual volatility', True)
    """
    quotes = history.quotes if isinstance(history, MarketPath) else history
    spots = (np.asarray(simulated.quote(name), float), np.atleast_2d(np.asarray(quotes[name], float)))
    lengths = [spot.shape[-1] for spot in spots]
    require(
        lengths[0] == lengths[1],
        f"simulated paths have {lengths[0]} points, history {lengths[1]}: simulate {lengths[1] - 1} steps, or cut the "
        "history into windows",
        DataError,
    )
    step = float(np.mean(np.diff(np.asarray(simulated.times, float), axis=-1))) or TRADING_DAY
    rows = [_spot_statistics(spot, step) for spot in spots]
    vol = f"{name}.vol"
    if vol in simulated.quotes and vol in quotes:
        vols = (np.asarray(simulated.quotes[vol], float), np.atleast_2d(np.asarray(quotes[vol], float)))
        rows = [row | _vol_statistics(*pair) for row, pair in zip(rows, zip(spots, vols, strict=True), strict=True)]
    return [_row(statistic, values, rows[1][statistic]) for statistic, values in rows[0].items()]


def _row(statistic: str, simulated: np.ndarray, real: np.ndarray) -> Agreement:
    low, high = np.quantile(simulated, [0.05, 0.95])
    return Agreement(statistic, float(real.mean()), float(simulated.mean()), float(low), float(high))


def _spot_statistics(spot: Batch, step: float) -> dict[str, np.ndarray]:
    returns = np.diff(np.log(spot))
    centred = returns - returns.mean(-1, keepdims=True)
    return {
        "annual volatility": centred.std(-1) / np.sqrt(step),
        "kurtosis": ratio(np.mean(centred**4, -1), np.mean(centred**2, -1) ** 2),
        "autocorrelation of squares, lag 1": autocorrelation(centred**2, 1),
        "autocorrelation of squares, lag 5": autocorrelation(centred**2, 5),
        "autocorrelation of squares, lag 10": autocorrelation(centred**2, 10),
        "maximum drawdown": maximum_drawdown(returns),
    }


def _vol_statistics(spot: Batch, vol: Batch) -> dict[str, np.ndarray]:
    moves = np.diff(np.log(spot)), np.diff(np.log(vol))
    a, b = (move - move.mean(-1, keepdims=True) for move in moves)
    return {
        "spot-volatility correlation": ratio(np.mean(a * b, -1), a.std(-1) * b.std(-1)),
        "mean implied volatility": vol.mean(-1),
        "deviation of implied volatility": vol.std(-1),
    }


def validate(
    market: AbstractMarket,
    history: MarketPath | Mapping[str, Numbers],
    window: TimeGrid | int = 252,
    *,
    paths: int = 1000,
    key: PRNGKeyArray,
    names: Sequence[str] | None = None,
    burn: int | None = None,
    stride: int | None = None,
    name: str | None = None,
) -> Scorecard:
    r"""Score the ``market`` on every fact of `FACTS` against ``history``, one long row of daily quotes not fitted to.

    Both sides are windows of ``window`` days (or of a grid of equal steps), so that bias in short samples is the same.
    The market runs ``burn`` days before each window (as many again unless given) and forgets where it started. Windows
    of history start every ``stride`` days, a twelfth of a window unless given. ``names``: the prices; by default all
    quotes that both have, but ``"rate"`` and those with a dot. ``"<name>.vol"`` is used where both have it.

    Errors of history: the stationary bootstrap of its windows in blocks of one window on average, scaled by what such
    blocks make of the variance of a mean when days are independent, with the degrees of freedom of that estimate (see
    `calibration`); those of the market: the bootstrap of its paths. The difference over both errors is then a Student
    variable, and ``z`` the normal at its quantile.

    Raises ``DataError`` for a history too short or with gaps, ``GridError`` for a window below 126 days.
    Source: Cont (2001) for the facts; Politis and Romano (1994) for the bootstrap.

    >>> import deephedge as dh, jax, numpy as np
    >>> returns = 0.01 * np.random.default_rng(0).standard_normal(2000)
    >>> market = dh.markets.BlackScholes("SPX", vol=0.01 * 252**0.5)
    >>> card = dh.markets.validate(market, {"SPX": np.exp(np.cumsum(returns))}, 126, paths=200, key=jax.random.key(0))
    >>> card.share > 0.9
    True
    """
    past = Measured.of(history, window, stride, names)
    return past.score(name or type(market).__name__, past.simulated(market, paths, burn, key))
