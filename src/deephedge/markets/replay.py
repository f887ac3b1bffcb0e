"""History itself as a market: rolling windows of it, drawn at random."""

from collections.abc import Iterable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import GridError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath, bases
from deephedge.core.types import number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.history import TRADING_DAY, as_history, pick, require_positive, require_step


def _pairs(centre: Mapping[str, str] | Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(dict(centre).items())


def _bases(rebase: Mapping[str, str] | Iterable[str | tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple(bases(rebase).items())


class Replay(AbstractMarket):
    """A window of history drawn uniformly: every quote as it was, and nothing from outside the window.

    ``rebase`` names the quotes divided by their value at the start of the window, so that they start at 1, or says by
    whose value (``{"CL": "CL", "CL.second.units": "CL"}``); the numeraire starts at 1 as well. One normal picks the
    window; a step is one row of history, ``step`` years.

    ``centre`` takes the growth of history off: quotes by name, each with the quote whose mean growth per step
    :math:`g=E[S_{t+1}/S_t]` over the whole history it is divided by, :math:`S_t/g^t` (itself, or another that it
    follows: the first nearby and the rolled future). No policy is then paid for a trend of those years; what a
    day tells of the days after it stays.

    Raises ``DataError`` for gaps, ``UnknownQuote``, ``GridError`` for a grid of other steps or longer than the history.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> market = dh.markets.Replay({"SPX": [100.0, 150.0, 75.0, 120.0]})
    >>> market.path(dh.TimeGrid.uniform(maturity=2 / 252, steps=2), jnp.array([[-3.0]])).quotes["SPX"].tolist()
    [1.0, 1.5, 0.75]
    """

    history: MarketPath = eqx.field(converter=as_history)
    rebase: tuple[tuple[str, str], ...] = eqx.field(static=True, converter=_bases, default=("SPX",))
    step: Float[Array, ""] = number(default=TRADING_DAY)
    centre: tuple[tuple[str, str], ...] = eqx.field(static=True, converter=_pairs, default=())

    def __check_init__(self):
        require_positive(self.history, dict.fromkeys(base for _, base in self.rebase), "rebasing")
        require_positive(self.history, dict.fromkeys(name for pair in self.centre for name in pair), "centring")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        self._windows(grid)
        return 1, 1

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        start = pick(shocks[0, 0], self._windows(grid))
        cut = jax.tree.map(lambda row: jax.lax.dynamic_slice_in_dim(row, start, grid.points), self.history)
        quotes = cut.quotes | {name: cut.quote(name) / cut.quote(base)[0] for name, base in self.rebase}
        steps = jnp.arange(grid.points)
        quotes |= {name: quotes[name] * self._growth(of) ** -steps for name, of in self.centre}
        return MarketPath(grid.times, quotes, cut.numeraire / cut.numeraire[0])

    def _growth(self, name: str) -> Float[Array, ""]:
        row = self.history.quotes[name]
        return jnp.mean(row[1:] / row[:-1])

    def _windows(self, grid: TimeGrid) -> int:
        require_step(grid, self.step)
        days = self.history.times.shape[0]
        require(days >= grid.points, f"a grid of {grid.points} points is longer than the history of {days}", GridError)
        return days - grid.steps
