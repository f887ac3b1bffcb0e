"""A book of S&P 500 options hedged for a week with the index and listed options: simulated, and on real chains.

A book is three short options out of the money, 18 to 60 days from their end, of a third of a unit each, in units in
which the index starts at 100. It is sold at the bid and closed at its mark after five snapshots. It may be hedged with
three listed options of about 45 days: a call at the money, a put below and a call above. The same quotes are made of a
simulated surface (`bench.chain_world`) and of the chains of Cboe, so one problem serves both: ``"book"`` and each of
`CHOSEN` with their bids, asks and sensitivities.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import deephedge as dh
from deephedge import data
from deephedge import features as f
from deephedge import instruments as i
from deephedge.core.types import as_float
from deephedge.studies.chains import GREEKS, Books

STEPS, LEGS, BOOKS = 5, 3, 64  # snapshots held, options in a book, books on each day of sale
REACH = (-0.07, 0.035)  # log-moneyness of what is sold
SOLD, HEDGE = (18 / 365, 60 / 365), (30 / 365, 60 / 365)  # years to the end
Chosen = dict[str, float]
CHOSEN: Chosen = {"hedge": 0.0, "put": -0.03, "wing": 0.02}  # log-moneyness of each: a put below 0, else a call
INDEX = 5e-5  # half the spread of the index, a share of it
SIDES = ("mark", "bid", "ask", *GREEKS)
FEATURES = (*GREEKS, *(f"{name}_{of}" for name in CHOSEN for of in (*GREEKS, "half")), "level", "gone")


def quotes_of(book: dict[str, Array], hedges: dict[str, dict[str, Array]], level: Array) -> dict[str, Array]:
    """What the problem reads: of the book the mean of its options, the options leading."""
    named = {"book": {side: jnp.mean(book[side], axis=0) for side in SIDES}, **hedges}
    found = {f"{name}.{side}": of[side] for name, of in named.items() for side in SIDES}
    found |= {f"{name}.half": 0.5 * (of["ask"] - of["bid"]) for name, of in hedges.items()}
    return found | {name: of["mark"] for name, of in named.items()} | {"level": level}


def problem(times: Float[Array, " points"]) -> dh.HedgingProblem:
    end = times[-1]
    names = {greek: f"book.{greek}" for greek in GREEKS} | {"level": "level", "gone": "gone"}
    names |= {f"{name}_{of}": f"{name}.{of}" for name in CHOSEN for of in (*GREEKS, "half")}
    return dh.HedgingProblem(
        grid=dh.TimeGrid(times),
        liability=i.Book((i.Ending(i.Spot("book"), end), i.Premium(i.Spot("book.bid"))), (-1.0, 1.0)),
        instruments=(i.Spot("SPX"), *(i.Spot(name) for name in CHOSEN)),
        features=tuple(f.Quote(names[name], name) for name in FEATURES),
        cost=dh.frictions.QuotedSpread((None, *CHOSEN), default=(INDEX, *(0.0 for _ in CHOSEN))),
        close_out=True,
    )


def window(chains: data.Chains, day: int, seed: int, chosen: Chosen = CHOSEN) -> dh.MarketPath:
    """BOOKS books of the contracts that were quoted on ``day``, until STEPS snapshots later, hedged with ``chosen``."""
    drawn = Books("", count=LEGS, books=BOOKS, years=SOLD, money=REACH, hedges=chosen, hedge_years=HEDGE, seed=seed)
    times = chains.years(chains.times[day : day + STEPS + 1], day)
    quotes = {name: as_float(row) for name, row in drawn.sold(chains, day, times).items()}
    grown, wide = quotes.pop("numeraire"), as_float(np.broadcast_to(times, (BOOKS, len(times))))
    return dh.MarketPath(wide, quotes | {"gone": wide / wide[:, -1:]}, grown)
