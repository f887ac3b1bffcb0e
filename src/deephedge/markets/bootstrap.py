"""History cut into blocks of random length and glued together anew."""

from collections.abc import Mapping

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import UnknownQuote, nearest, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.history import TRADING_DAY, as_history, pick, require_positive, require_step


def _levels(start: Mapping[str, float]) -> dict[str, Float[Array, ""]]:
    return {name: as_float(value) for name, value in start.items()}


class BlockBootstrap(AbstractMarket):
    r"""Stationary bootstrap of the joint changes of all quotes of a history.

    Each step takes the log changes of one day of history, for all quotes at once; the next step takes the day after
    it (the first follows the last), or with probability ``1 / block`` a day drawn afresh, so that blocks have
    geometric lengths of ``block`` days on average. Paths start at ``start`` (a quote's last value in the history where
    none is given), and the numeraire stays 1. A step is one row of history, ``step`` years.

    ``centre`` names the quotes whose mean growth per step is removed: :math:`E[S_{t+1}/S_t]=1`. Only with ``block=1``
    does that make them martingales: inside a block the next day follows from the last.

    Raises ``DataError`` for quotes that are not positive, ``GridError`` for a grid of other steps.

    Source: Politis and Romano (1994).

    >>> import deephedge as dh, jax
    >>> quotes = {"SPX": [100.0, 101.0, 99.0, 102.0], "SPX.vol": [0.2, 0.19, 0.22, 0.2]}
    >>> market = dh.markets.BlockBootstrap(quotes, block=2)
    >>> dh.sample(market, dh.TimeGrid.uniform(maturity=5 / 252, steps=5), 8, key=jax.random.key(0)).quotes["SPX"].shape
    (8, 6)
    """

    history: MarketPath = eqx.field(converter=as_history)
    block: Float[Array, ""] = number(default=21.0)
    centre: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=())
    start: dict[str, Float[Array, ""]] = eqx.field(converter=_levels, default_factory=dict)
    step: Float[Array, ""] = number(default=TRADING_DAY)

    def __check_init__(self):
        require(concrete(self.block, lambda b: b >= 1), f"block must be 1 day or more on average, was {self.block}")
        require_positive(self.history, self.history.quotes, "a bootstrap of log changes")
        for name in (*self.centre, *self.start):
            known = name in self.history.quotes
            require(known, f"the history has no quote {name!r}: {nearest(name, self.history.quotes)}", UnknownQuote)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        require_step(grid, self.step)
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return bool(self.centre) and concrete(self.block, lambda b: b == 1)

    def tradables(self) -> dict[str, bool]:
        return dict.fromkeys(self.centre, True)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        require_step(grid, self.step)
        days = self.history.times.shape[0] - 1
        fresh, broken = pick(shocks[:, 0], days), ndtr(shocks[:, 1]) * self.block < 1.0

        def follow(day: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            day = jnp.where(now[1], now[0], (day + 1) % days)
            return day, day

        _, chosen = lax.scan(follow, fresh[0], (fresh, broken.at[0].set(True)))
        quotes = {name: self._quote(name, chosen) for name in self.history.quotes}
        return MarketPath(grid.times, quotes, jnp.ones_like(grid.times))

    def _quote(self, name: str, chosen: Array) -> Float[Array, " points"]:
        row = self.history.quotes[name]
        changes = jnp.log(row[1:] / row[:-1])
        if name in self.centre:
            changes = changes - jnp.log(jnp.mean(jnp.exp(changes)))
        moves = accumulated(changes[chosen])
        return self.start.get(name, row[-1]) * jnp.exp(moves)
