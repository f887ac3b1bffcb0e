"""A market whose variance runs on a business clock, while money accrues in calendar time."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.markets.account import SHORT, accrued
from deephedge.markets.base import AbstractMarket


def _rows(value: Any) -> Array:
    return as_float(np.asarray(value))


class BusinessTime(AbstractMarket):
    r"""``market`` on a clock of its own: between two points it moves as over :math:`\tau(t')-\tau(t)` years.

    ``clock`` is rows (calendar years, business years) as `deephedge.core.calendars.business_clock` makes them, both
    increasing; business time runs evenly between the knots, and as calendar time beyond them. Nights and weekends then
    have less variance than their length. A clock of 1/252 a session lets a market of daily history run on dates.

    Rates and dividends accrue in calendar time. With the inner market's numeraire :math:`N_\tau`, its rate :math:`r`
    and dividend :math:`q`, the numeraire is :math:`N=e^{\int r\,dt}` and a price :math:`S_\tau` becomes

    .. math:: S = \frac{S_\tau}{N_\tau} e^{\int q\,d\tau}\; N\,e^{-\int q\,dt},

    so that discounted prices stay martingales given the past. All other quotes are those of ``market``: volatilities
    are per root *business* year, so Black's formula on them is right where the time left has as many business as
    calendar years.

    Raises ``ParameterError`` for clocks that do not increase, for markets with a short rate, which would have to run on
    calendar time (put them beside this one in a `Joint`), and for futures, whose expiries are dates of the calendar.

    >>> import deephedge as dh, jax
    >>> weekend = [[0, 3 / 365, 4 / 365], [0, 2 / 365, 4 / 365]]
    >>> market = dh.markets.BusinessTime(dh.markets.BlackScholes("SPX", 0.2), clock=weekend)
    >>> dh.sample(market, dh.TimeGrid(weekend[0]), 8, key=jax.random.key(0)).quotes["SPX"].shape
    (8, 3)
    """

    market: AbstractMarket
    clock: Float[Array, "unit quote"] = eqx.field(converter=_rows)

    def __check_init__(self):
        require(self.clock.ndim == 2 and self.clock.shape[0] == 2 and self.clock.shape[1] > 1,
                f"clock must be two rows, calendar and business years, was of shape {self.clock.shape}")  # fmt: skip
        rising = concrete(self.clock, lambda rows: np.isfinite(rows).all() and (np.diff(rows) > 0).all())
        require(rising, f"clock must be finite and increase in both rows, was {self.clock}")
        futures = sorted(name for name, funded in self.market.tradables().items() if not funded)
        require(not futures, f"market must have no futures, their expiries are calendar dates: it has {futures}")

    def business(self, grid: TimeGrid) -> TimeGrid:
        """The same points in business years."""
        calendar, business = self.clock
        beyond = grid.times - jnp.clip(grid.times, calendar[0], calendar[-1])
        return TimeGrid(jnp.interp(grid.times, calendar, business) + beyond)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return self.market.shocks(self.business(grid))

    @property
    def martingale(self) -> bool:
        return self.market.martingale

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return self.market.drivers()

    def tradables(self) -> dict[str, bool]:
        return self.market.tradables()

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        clock = self.business(grid)
        path = self.market.path(clock, shocks)
        short = sorted(name for name in path.quotes if name.endswith(SHORT))
        require(not short, f"market must not have a short rate, put it beside this one in a Joint: it has {short}")
        still = jnp.zeros_like(grid.times)
        numeraire = accrued(grid, path.quotes.get("rate", still))
        quotes = dict(path.quotes)
        for name in self.market.tradables():
            dividend = path.quotes.get(f"{name}.dividend", still)
            carried = numeraire / path.numeraire * accrued(clock, dividend) / accrued(grid, dividend)
            if name in quotes:
                quotes[name] = quotes[name] * carried
        return MarketPath(grid.times, quotes, numeraire)
