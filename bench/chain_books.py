"""A book of S&P 500 options hedged for a week with the index and one listed option: simulated, and on real chains.

A book is three short options out of the money, 18 to 60 days from their end, of a third of a unit each, in units in
which the index starts at 100. It is sold at the bid and closed at its mark after five snapshots. The same quotes are
made of a simulated surface and of the chains of Cboe, so one problem serves both: ``"book"`` and ``"hedge"`` with
their bids, asks and sensitivities.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

import deephedge as dh
from deephedge import data
from deephedge import features as f
from deephedge import instruments as i
from deephedge import markets as m
from deephedge import policies as p
from deephedge.markets import calibration as c
from deephedge.markets.surface_fit import states_of
from deephedge.pricing import black, ssvi

STEPS, LEGS, BOOKS = 5, 3, 64  # snapshots held, options in a book, books on each day of sale
REACH = (-0.07, 0.035)  # log-moneyness of what is sold
SOLD, HEDGE = (18 / 365, 60 / 365), (30 / 365, 60 / 365)  # years to the end
INDEX = 5e-5  # half the spread of the index, a share of it
TENORS = (0.06, 0.1, 0.15, 0.22)  # years, of the surface that is simulated
REVERSION = 4.0  # a year, of the states of the surface
MONEY = np.linspace(-0.08, 0.05, 14)  # log-moneyness at which it is fitted
SIDES = ("mark", "bid", "ask", "delta", "gamma", "vega")
FEATURES = ("delta", "gamma", "vega", "hedge_delta", "hedge_gamma", "hedge_vega", "hedge_half", "level", "gone")


def greeks(spot, ahead, off, strike, vol, left, call) -> dict[str, Array]:
    """Black's price and its sensitivities to the index and to the volatility, discounted."""
    total, share = vol * jnp.sqrt(left), off * ahead / spot
    return {
        "mark": off * black.price(ahead, strike, total, 1.0, call),
        "delta": share * black.delta(ahead, strike, total, 1.0, call),
        "gamma": share * ahead / spot * black.gamma(ahead, strike, total),
        "vega": off * black.vega(ahead, strike, vol, left),
    }


def quotes_of(book: dict[str, Array], hedge: dict[str, Array], level: Array) -> dict[str, Array]:
    """What the problem reads: of the book the mean of its options, the options leading."""
    sums = {side: jnp.mean(book[side], axis=0) for side in SIDES}
    named = {"book": sums, "hedge": hedge}
    found = {f"{name}.{side}": of[side] for name, of in named.items() for side in SIDES}
    half = 0.5 * (hedge["ask"] - hedge["bid"])
    return found | {"book": sums["mark"], "hedge": hedge["mark"], "hedge.half": half, "hedge.vol": level}


def problem(times: Float[Array, " points"]) -> dh.HedgingProblem:
    end = times[-1]
    names = {"delta": "book.delta", "gamma": "book.gamma", "vega": "book.vega", "level": "hedge.vol"}
    names |= {f"hedge_{side}": f"hedge.{side}" for side in ("delta", "gamma", "vega", "half")}
    return dh.HedgingProblem(
        grid=dh.TimeGrid(times),
        liability=i.Book((i.Ending(i.Spot("book"), end), i.Premium(i.Spot("book.bid"))), (-1.0, 1.0)),
        instruments=(i.Spot("SPX"), i.Spot("hedge")),
        features=(*(f.Quote(quote, name) for name, quote in names.items()), f.Quote("gone", "gone")),
        cost=dh.frictions.QuotedSpread((None, "hedge"), default=(INDEX, 0.0)),
        close_out=True,
    )


class GammaBand(p.AbstractPolicy):
    """Whalley and Wilmott's band around delta, of the gamma of the whole book; the option is not used."""

    risk_aversion: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def init(self) -> None:
        return None

    def encode(self, observation):
        half = jnp.cbrt(1.5 * INDEX * 100.0 * observation["gamma"] ** 2 / self.risk_aversion)
        return observation["delta"] - half, observation["delta"] + half

    def __call__(self, encoded, position, state):
        low, high = encoded
        return jnp.stack([jnp.clip(position[0], low, high), jnp.zeros_like(low)]), state


BASELINES = {
    "none": lambda: p.NoHedge(2),
    "delta": lambda: p.Delta(),
    "Whalley-Wilmott": lambda: GammaBand(1.0),
    "delta-gamma": lambda: p.DeltaGamma(("delta", "gamma"), ("hedge_delta", "hedge_gamma")),
    "delta-vega": lambda: p.DeltaVega(),
}


class Books(m.AbstractMarket):
    """A moving surface, on which each path is a book and a hedge of its own, and starts from a level of its own.

    Ten normals of the first step choose them. ``half`` are the constant and the slope in the price of half a spread.
    """

    market: m.MovingSurface
    half: Float[Array, "2"] = eqx.field(converter=jnp.asarray)
    spread: float = eqx.field(static=True, default=0.25)  # deviation of the log of the first volatility

    def shocks(self, grid: dh.TimeGrid) -> tuple[int, int]:
        rows, factors = self.market.shocks(grid)
        return rows, factors + 2 * LEGS + 3

    def path(self, grid: dh.TimeGrid, shocks: Float[Array, "step factor"]) -> dh.MarketPath:
        factors = self.market.shocks(grid)[1]
        own = shocks[0, factors:]
        lift = jnp.exp(2.0 * self.spread * own[-1])
        where = lambda x: (x.levels, x.market.variance, x.market.long_variance)  # noqa: E731
        market = eqx.tree_at(where, self.market, tuple(lift * x for x in where(self.market)))
        path = market.path(grid, shocks[:, :factors])
        share = ndtr(own)
        money, tenor = share[:LEGS], share[LEGS : 2 * LEGS]
        strike = 100.0 * jnp.exp(REACH[0] + (REACH[1] - REACH[0]) * money)
        book = jax.vmap(lambda k, t: self._option(path, k, SOLD[0] + (SOLD[1] - SOLD[0]) * t, k >= 100.0))(
            strike, tenor
        )
        near = 100.0 + 0.2 * own[2 * LEGS]
        hedge = self._option(path, near, HEDGE[0] + (HEDGE[1] - HEDGE[0]) * share[2 * LEGS + 1], True)
        gone = (path.times - path.times[0]) / (path.times[-1] - path.times[0])
        return path.with_quotes(quotes_of(book, hedge, hedge["vol"]) | {"gone": gone})

    def _option(self, path: dh.MarketPath, strike, expiry, call) -> dict[str, Array]:
        left, spot, rate = expiry - path.times, path.quote("SPX"), path.quote("rate")
        ahead, off = spot * jnp.exp((rate - path.quote("SPX.dividend")) * left), jnp.exp(-rate * left)
        levels = jnp.stack([path.quote(f"SPX.ssvi.theta.{t:g}") for t in TENORS], axis=-1)
        theta = jax.vmap(lambda t, row: ssvi.at_the_money(jnp.asarray(TENORS), row, t))(left, levels)
        rho, eta, gamma = (path.quote(f"SPX.ssvi.{name}") for name in ("rho", "eta", "gamma"))
        total = ssvi.total_variance(jnp.log(strike / ahead), theta, rho, ssvi.power_law(theta, eta, gamma))
        vol = jnp.sqrt(total / left)
        found = greeks(spot, ahead, off, strike, vol, left, call)
        half = jnp.minimum(self.half[0] + self.half[1] * found["mark"], found["mark"])
        return found | {"bid": found["mark"] - half, "ask": found["mark"] + half, "vol": vol}


def smiles(chains: data.Chains, day: int) -> np.ndarray:
    """Volatilities of one snapshot at TENORS and MONEY: total variances out of the money, joined by lines."""
    left = chains.years(chains.expires, day)
    good = (chains.halted[:, day] == 0) & (left > 0.03) & (left < 0.35) & np.isfinite(chains.vol[:, day])
    good &= chains.call == (chains.strike >= chains.forward[:, day])
    rows = []
    for end in np.unique(chains.expires[good]):
        own = np.flatnonzero(good & (chains.expires == end))
        own = own[np.argsort(chains.strike[own])]
        money = np.log(chains.strike[own] / chains.forward[own, day])
        if money[0] < MONEY[0] and money[-1] > MONEY[-1]:
            rows.append((left[own[0]], np.interp(MONEY, money, chains.vol[own, day] ** 2 * left[own[0]])))
    ends, total = np.array([end for end, _ in rows]), np.stack([row for _, row in rows])
    at = np.stack([np.interp(TENORS, ends, column) for column in total.T], axis=1)
    return np.sqrt(at / np.array(TENORS)[:, None])


def fitted(chains: data.Chains, until: int) -> tuple[Books, dict]:
    """The simulated world of the snapshots before ``until``: SSVI day by day, its dynamics, Heston, half spreads."""
    strike, expiry = np.tile(100 * np.exp(MONEY), len(TENORS)), np.repeat(TENORS, len(MONEY))
    books = [c.OptionQuotes(strike, expiry, forward=100.0, vol=smiles(chains, day).ravel()) for day in range(until)]
    fits = [c.calibrate_ssvi(quotes, starts=1) for quotes in books]
    surfaces = [[fit.parameters[key] for key in fit.parameters] for fit in fits]
    found = np.array(surfaces)
    levels, (rho, eta, gamma) = found[:, : len(TENORS)], found[:, len(TENORS) :].T
    eta = np.minimum(eta, 0.95 * np.asarray(ssvi.eta_limit(rho)))  # on its bound it has no state that could move
    moves = np.diff(np.log(chains.spot[:until]))
    states = np.diff(states_of(np.array(TENORS), levels, rho, eta), axis=0)
    # A month says how much a surface moves and with what, but not how fast it comes back: that is set.
    leverage = [float(np.corrcoef(state, moves)[0, 1]) for state in states.T]
    wild = states.std(axis=0, ddof=1) * np.sqrt(252)
    dynamics = m.SurfaceDynamics(REVERSION, wild, leverage)
    heston = c.calibrate_heston(books[until - 1], "SPX", starts=2)
    carry = {"rate": float(chains.rate[:until].mean()), "dividend": float(chains.dividend[:until].mean())}
    usual = float(np.median(levels, 0)[0] / TENORS[0])  # realised variance at the level of what is quoted
    spot = m.Heston("SPX", 100.0, **heston.parameters | {"variance": usual, "long_variance": usual}, **carry)
    market = m.MovingSurface(
        spot, "SPX", dynamics, TENORS, np.median(levels, 0), float(np.median(rho)), float(np.median(eta)),
        float(np.median(gamma)),
    )  # fmt: skip
    world = fair(Books(market, spreads(chains, until)))
    told = {
        "surface": {"vol": dynamics.vol.tolist(), "leverage": leverage},
        "heston": heston.parameters,
        "half spread": world.half.tolist(),
        "drift": float(world.market.dynamics.mean[0]),
        "ssvi rmse": [float(fit.rmse) for fit in fits],
    }
    return world, told


def fair(world: Books) -> Books:
    """The world in which a short book hedged by delta earns nothing before costs: by the drift of quoted variance.

    Without that a policy would hold options for what they earn. Two runs on the same paths and a straight line.
    """
    grid = dh.TimeGrid.uniform(maturity=7 / 365, steps=STEPS)
    place = lambda x: x.market.dynamics.mean  # noqa: E731

    def earned(drift: float) -> float:
        moved = eqx.tree_at(place, world, jnp.zeros(4).at[0].set(drift))
        paths = dh.sample(moved, grid, 2**13, key=jax.random.key(9))
        ledger = dh.evaluate(problem(grid.times), {"delta": p.Delta()}, paths)["delta"]
        bought = paths.quotes["book"][:, 0] - paths.quotes["book.bid"][:, 0]
        return float(jnp.mean(ledger.wealth + jnp.sum(ledger.cost, axis=-1) + bought))

    first, second = earned(0.0), earned(-1.0)
    return eqx.tree_at(place, world, jnp.zeros(4).at[0].set(first / (second - first)))


def spreads(chains: data.Chains, until: int) -> np.ndarray:
    """Constant and slope of half the spread in the price, index at 100, over what could be sold or held."""
    days = np.arange(until)
    left = np.stack([chains.years(chains.expires, day) for day in range(until)], axis=1)
    money = np.log(chains.strike[:, None] / chains.spot[days])
    used = (left > SOLD[0]) & (left < SOLD[1]) & (money > REACH[0]) & (money < REACH[1]) & (chains.halted[:, days] == 0)
    used &= chains.call[:, None] == (money >= 0)
    scale = 100.0 / np.broadcast_to(chains.spot[days], used.shape)[used]
    half = 0.5 * (chains.ask - chains.bid)[:, days][used] * scale
    slope, constant = np.polyfit(chains.mark[:, days][used] * scale, half, 1)
    return np.array([max(constant, 0.0), max(slope, 0.0)])


@dataclass(frozen=True)
class Window:
    """The books sold on one day: paths, and which contracts they are made of."""

    paths: dh.MarketPath
    legs: np.ndarray
    hedge: int


def window(chains: data.Chains, day: int, seed: int) -> Window:
    """BOOKS books of the contracts that were quoted on ``day``, until STEPS snapshots later."""
    part = slice(day, day + STEPS + 1)
    left, money = chains.years(chains.expires, day), np.log(chains.strike / chains.spot[day])
    fit = (
        (chains.halted[:, day] == 0)
        & np.isfinite(chains.mark[:, part]).all(1)
        & np.isfinite(chains.vol[:, part]).all(1)
    )
    sold = fit & (left > SOLD[0]) & (left < SOLD[1]) & (money > REACH[0]) & (money < REACH[1])
    sold = np.flatnonzero(sold & (chains.call == (money >= 0)))
    near = np.flatnonzero(fit & (left > HEDGE[0]) & (left < HEDGE[1]) & chains.call)
    hedge = int(near[np.lexsort((np.abs(money[near]), np.abs(left[near] - 45 / 365).round(3)))[0]])
    rng = np.random.default_rng((seed, day))
    legs = np.stack([rng.choice(sold, LEGS, replace=False) for _ in range(BOOKS)])
    return Window(_paths(chains, day, part, legs, hedge), legs, hedge)


def _paths(chains: data.Chains, day: int, part: slice, legs: np.ndarray, hedge: int) -> dh.MarketPath:
    times, scale = chains.years(chains.times[part], day), 100.0 / chains.spot[day]
    spot, rate = chains.spot[part] * scale, chains.rate[part]

    def option(rows: np.ndarray) -> dict[str, Array]:
        left = chains.years(chains.expires[rows], day)[..., None] - times
        terms = chains.forward[rows, part] * scale, np.exp(-rate * left), chains.strike[rows][..., None] * scale
        found = greeks(spot, *terms, chains.vol[rows, part], left, chains.call[rows][..., None])
        return found | {side: chains_side[rows, part] * scale for side, chains_side in sides.items()}

    sides = {side: getattr(chains, side) for side in ("mark", "bid", "ask")}
    book, one = option(legs.T), option(np.array([hedge]))
    hedged = {side: jnp.broadcast_to(value, (BOOKS, len(times))) for side, value in one.items()}
    level = jnp.broadcast_to(chains.vol[hedge, part], (BOOKS, len(times)))
    grown = np.exp(np.concatenate([[0.0], np.cumsum(rate[:-1] * np.diff(times))]))
    own = {"SPX": spot, "rate": rate, "SPX.dividend": chains.dividend[part], "gone": times / times[-1]}
    quotes = quotes_of(book, hedged, level) | own
    wide = lambda x: jnp.broadcast_to(jnp.asarray(x, jnp.result_type(float)), (BOOKS, len(times)))  # noqa: E731
    return dh.MarketPath(wide(times), {name: wide(x) for name, x in quotes.items()}, wide(grown))
