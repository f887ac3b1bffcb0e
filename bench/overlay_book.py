"""The book of the overlay study: a trend position in the index, and the options that are written against it.

Everything is a share of a capital of 1 that neither grows nor shrinks: gains are paid out, losses paid in.
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import deephedge as dh
from deephedge import data
from deephedge import features as f
from deephedge import instruments as i
from deephedge.data import transforms as t
from deephedge.evaluation import read_positions_frame
from deephedge.instruments.base import AbstractTradable
from deephedge.markets.history import pick

STEPS, EXPIRY = 21, 21 / 252
COST = 5e-4  # of the value of every trade in the index and its future
BID = 0.02  # what a buyer pays less than the VIX: it is above at-the-money volatility, and he wants a spread
TARGET, MOST = 0.10, 1.5  # deviation a year of a full position, and the most of it in shares of capital
HELD, CALLS, PUTS, SOLD_AT = "SPX.held", "SPX.calls", "SPX.puts", "SPX.sold.vol"
FEATURES = ("log_moneyness", "time_left", "vol", "calls", "puts")
PROGRAMMES = {
    "straddles": lambda held: (0.5 * np.abs(held), 0.5 * np.abs(held)),
    "covered": lambda held: (np.maximum(held, 0.0), np.maximum(-held, 0.0)),  # calls on what is long, puts on short
}


class Written(AbstractTradable):
    """So many calls and puts as the path quotes, from the side of who bought them."""

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    call: i.EuropeanCall
    put: i.EuropeanPut

    @classmethod
    def at_the_money(cls, vol: str | None = None) -> "Written":
        return cls("SPX", i.EuropeanCall("SPX", 1.0, EXPIRY, vol), i.EuropeanPut("SPX", 1.0, EXPIRY, vol))

    def price(self, path: dh.MarketPath) -> Float[Array, " points"]:
        return path.quote(CALLS) * self.call.price(path) + path.quote(PUTS) * self.put.price(path)

    def cashflows(self, path: dh.MarketPath) -> Float[Array, " points"]:
        return path.quote(CALLS) * self.call.cashflows(path) + path.quote(PUTS) * self.put.cashflows(path)


class Wrote(dh.markets.AbstractMarket):
    """Another market's paths, on which the calls and puts of one row of ``sizes`` have been written at the start."""

    market: dh.markets.AbstractMarket
    sizes: Float[Array, "_ 2"]

    def shocks(self, grid: dh.TimeGrid) -> tuple[int, int]:
        steps, factors = self.market.shocks(grid)
        return steps, factors + 1

    def path(self, grid: dh.TimeGrid, shocks: Float[Array, "step factor"]) -> dh.MarketPath:
        calls, puts = self.sizes[pick(shocks[0, -1], self.sizes.shape[0])]
        return sized(self.market.path(grid, shocks[:, :-1]), calls, puts)


def sized(path: dh.MarketPath, calls: Array, puts: Array) -> dh.MarketPath:
    """The sizes at all points, and the volatility that options are sold at."""
    vol = path.quote("SPX.vol")
    like = {CALLS: jnp.broadcast_to(calls, vol.shape), PUTS: jnp.broadcast_to(puts, vol.shape)}
    return path.with_quotes(like | {SOLD_AT: vol - BID})


def problem(cost: dh.frictions.AbstractCost | None = None) -> dh.HedgingProblem:
    """Options sold below the VIX, marked on it, covered with the index future."""
    options = Written.at_the_money()
    return dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=STEPS),
        liability=i.Book((options, i.Premium(Written.at_the_money(SOLD_AT))), (-1.0, 1.0)),
        instruments=(i.Future("SPX", EXPIRY),),
        features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(EXPIRY), f.Quote("SPX.vol", "vol"), f.Quote(CALLS, "calls"),
                  f.Quote(PUTS, "puts"), f.Delta(options)),
        cost=dh.frictions.ProportionalCost(COST) if cost is None else cost,
    )  # fmt: skip


def trend_frame(history: data.History):
    """Units of the index a share of capital, as vectorbt leaves them: a dated pandas frame, one column a name.

    The mean of three momenta between -1 and 1, at the deviation aimed for. Known at one close, dealt at the next.
    """
    import pandas as pd

    span = (str(history.dates[0]), str(history.dates[-1]))  # nothing is fitted: both are formulas
    known = t.transformed(history, [t.Momentum("SPX"), t.CloseVol("SPX", 63)], span)
    trend = np.clip(np.mean([known.quote(f"SPX.momentum{n}") for n in (21, 63, 252)], axis=0), -1.0, 1.0)
    wanted = trend * np.minimum(TARGET / known.quote("SPX.close_vol63"), MOST)
    units = pd.DataFrame({"SPX": wanted / history.quote("SPX")}, index=pd.DatetimeIndex(history.dates))
    return units.shift(1).dropna()


def with_positions(history: data.History) -> data.History:
    """The history with what the strategy holds from each close on, in shares of capital at that close."""
    positions = read_positions_frame(trend_frame(history))
    held = positions.at(history.dates)[:, positions.names.index("SPX")] * history.quote("SPX")
    return data.History.of(history.dates, {**history.quotes, HELD: held}, source=history.provenance.source)


def strategy_gains(history: data.History, cost: float = COST) -> np.ndarray:
    """Daily gain of the position, from each day to the next, after the cost of the day's trade."""
    spot = history.quote("SPX")
    units = history.quote(HELD) / spot
    return units[:-1] * np.diff(spot) - cost * np.abs(np.diff(units, prepend=0.0) * spot)[:-1]


def months(history: data.History, programme: str) -> tuple[dh.MarketPath, np.ndarray]:
    """Every window of a month, with what the programme writes at its start against the position held there."""
    paths, starts = data.windows(history, STEPS)
    return sized(paths, *sizes(np.asarray(paths.quote(HELD))[:, :1], programme)), starts


def sizes(held: np.ndarray, programme: str) -> tuple[Array, Array]:
    calls, puts = PROGRAMMES[programme](held)
    return jnp.asarray(calls, jnp.float32), jnp.asarray(puts, jnp.float32)


def training_market(history: data.History) -> Wrote:
    """Filtered historical simulation without drift; sizes of both programmes as the same years had them."""
    held = history.quote(HELD)
    held = held[held != 0]  # none in the first year, until the momentum is known
    rows = np.concatenate([np.stack(make(held), axis=1) for make in PROGRAMMES.values()])
    market = dh.markets.FilteredHistorical.fit(history.log_returns("SPX"), history.quote("SPX.vol")[1:])
    return Wrote(market, jnp.asarray(rows, jnp.float32))
