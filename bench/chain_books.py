"""A book of S&P 500 options hedged for a week with the index and listed options: simulated, and on real chains.

A book is three short options out of the money, 18 to 60 days from their end, of a third of a unit each, in units in
which the index starts at 100. It is sold at the bid and closed at its mark after five snapshots. It may be hedged with
three listed options of about 45 days: a call at the money, a put below and a call above. The same quotes are made of a
simulated surface (`bench.chain_world`) and of the chains of Cboe, so one problem serves both: ``"book"`` and each of
`CHOSEN` with their bids, asks and sensitivities.
"""

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import deephedge as dh
from deephedge import data
from deephedge import features as f
from deephedge import instruments as i
from deephedge.studies.chains import GREEKS, greeks

STEPS, LEGS, BOOKS = 5, 3, 64  # snapshots held, options in a book, books on each day of sale
REACH = (-0.07, 0.035)  # log-moneyness of what is sold
SOLD, HEDGE = (18 / 365, 60 / 365), (30 / 365, 60 / 365)  # years to the end
Chosen = dict[str, tuple[float, bool]]
CHOSEN: Chosen = {
    "hedge": (0.0, True),
    "put": (-0.03, False),
    "wing": (0.02, True),
}  # log-moneyness of each, whether a call
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


@dataclass(frozen=True)
class Window:
    """The books sold on one day: paths, and which contracts they and the hedges are."""

    paths: dh.MarketPath
    legs: np.ndarray
    hedges: dict[str, int]


def window(chains: data.Chains, day: int, seed: int, chosen: Chosen = CHOSEN) -> Window:
    """BOOKS books of the contracts that were quoted on ``day``, until STEPS snapshots later, hedged with ``chosen``."""
    part = slice(day, day + STEPS + 1)
    left, money = chains.years(chains.expires, day), np.log(chains.strike / chains.spot[day])
    fit = (
        (chains.halted[:, day] == 0)
        & np.isfinite(chains.mark[:, part]).all(1)
        & np.isfinite(chains.vol[:, part]).all(1)
    )
    sold = fit & (left > SOLD[0]) & (left < SOLD[1]) & (money > REACH[0]) & (money < REACH[1])
    sold = np.flatnonzero(sold & (chains.call == (money >= 0)))
    near = fit & (left > HEDGE[0]) & (left < HEDGE[1])

    def listed(wanted: float, call: bool) -> int:
        """The nearest in time to 45 days, then in moneyness."""
        rows = np.flatnonzero(near & (chains.call == call))
        return int(rows[np.lexsort((np.abs(money[rows] - wanted), np.abs(left[rows] - 45 / 365).round(3)))[0]])

    hedges = {name: listed(*terms) for name, terms in chosen.items()}
    rng = np.random.default_rng((seed, day))
    legs = np.stack([rng.choice(sold, LEGS, replace=False) for _ in range(BOOKS)])
    return Window(_paths(chains, day, part, legs, hedges), legs, hedges)


def _paths(chains: data.Chains, day: int, part: slice, legs: np.ndarray, hedges: dict[str, int]) -> dh.MarketPath:
    times, scale = chains.years(chains.times[part], day), 100.0 / chains.spot[day]
    spot, rate = chains.spot[part] * scale, chains.rate[part]

    def option(rows: np.ndarray) -> dict[str, Array]:
        left = chains.years(chains.expires[rows], day)[..., None] - times
        terms = chains.forward[rows, part] * scale, np.exp(-rate * left), chains.strike[rows][..., None] * scale
        found = greeks(spot, *terms, chains.vol[rows, part], left, chains.call[rows][..., None])
        return found | {side: chains_side[rows, part] * scale for side, chains_side in sides.items()}

    sides = {side: getattr(chains, side) for side in ("mark", "bid", "ask")}
    wide = lambda x: jnp.broadcast_to(jnp.asarray(x, jnp.result_type(float)), (BOOKS, len(times)))  # noqa: E731
    book, level = option(legs.T), chains.vol[hedges["hedge"], part]
    hedged = {name: {side: wide(x) for side, x in option(np.array([row])).items()} for name, row in hedges.items()}
    grown = np.exp(np.concatenate([[0.0], np.cumsum(rate[:-1] * np.diff(times))]))
    own = {"SPX": spot, "rate": rate, "SPX.dividend": chains.dividend[part], "gone": times / times[-1]}
    quotes = quotes_of(book, hedged, level) | own
    return dh.MarketPath(wide(times), {name: wide(x) for name, x in quotes.items()}, wide(grown))
