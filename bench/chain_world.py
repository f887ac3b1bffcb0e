"""The simulated world of the book on real chains: a moving surface fitted to the snapshots before the test."""

from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

import deephedge as dh
from bench.chain_books import CHOSEN, HEDGE, LEGS, REACH, SOLD, STEPS, Chosen, quotes_of
from deephedge import data
from deephedge import markets as m
from deephedge.markets import calibration as c
from deephedge.markets.surface_fit import states_of
from deephedge.markets.tilt import discounted_returns
from deephedge.pricing import ssvi
from deephedge.studies.chains import greeks
from deephedge.training import Tilt, minimal_entropy_tilt

TENORS = (0.06, 0.1, 0.15, 0.22)  # years, of the surface that is simulated
REVERSION = 0.1  # a year, of the states of the surface: a month says nothing of it, and a policy would trade on it
MONEY = np.linspace(-0.08, 0.05, 14)  # log-moneyness at which it is fitted


class Books(m.AbstractMarket):
    """A moving surface, on which each path is a book and a hedge of its own, and starts from a level of its own.

    Ten normals of the first step choose them. ``half`` are the constant and the slope in the price of half a spread.
    """

    market: m.MovingSurface
    half: Float[Array, "2"] = eqx.field(converter=jnp.asarray)
    chosen: tuple[tuple[str, float], ...] = eqx.field(static=True, default=tuple(CHOSEN.items()))
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
        end = HEDGE[0] + (HEDGE[1] - HEDGE[0]) * share[2 * LEGS + 1]
        hedges = {
            name: self._option(path, 100.0 * jnp.exp(money) + 0.2 * own[2 * LEGS], end, jnp.asarray(money >= 0))
            for name, money in self.chosen
        }
        gone = (path.times - path.times[0]) / (path.times[-1] - path.times[0])
        return path.with_quotes(quotes_of(book, hedges, hedges["hedge"]["vol"]) | {"gone": gone})

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


def surfaces(chains: data.Chains, days: Iterable[int]) -> dict[int, tuple[c.OptionQuotes, c.Calibration]]:
    """SSVI of each snapshot, and the quotes it was fitted to."""
    strike, expiry = np.tile(100 * np.exp(MONEY), len(TENORS)), np.repeat(TENORS, len(MONEY))
    books = {
        day: c.OptionQuotes(strike, expiry, forward=100.0, vol=smiles(chains, day).ravel()) for day in map(int, days)
    }
    return {day: (quotes, c.calibrate_ssvi(quotes, starts=1)) for day, quotes in books.items()}


def fitted(
    chains: data.Chains, days: np.ndarray, known: dict[int, tuple] | None = None, chosen: Chosen = CHOSEN
) -> tuple[m.AbstractMarket, dict]:
    """The simulated world of these snapshots: SSVI day by day, its dynamics, Heston, half spreads.

    ``known`` are `surfaces` of them, if there are; ``chosen`` the listed options. Moves are between neighbours only.
    """
    known = surfaces(chains, days) if known is None else known
    fits = [known[day][1] for day in days]
    found = np.array([[fit.parameters[key] for key in fit.parameters] for fit in fits])
    levels, (rho, eta, gamma) = found[:, : len(TENORS)], found[:, len(TENORS) :].T
    eta = np.minimum(eta, 0.95 * np.asarray(ssvi.eta_limit(rho)))  # on its bound it has no state that could move
    near = np.diff(days) == 1
    moves = np.diff(np.log(chains.spot[days]))[near]
    states = np.diff(states_of(np.array(TENORS), levels, rho, eta), axis=0)[near]
    # A month says how much a surface moves and with what, but not how fast it comes back: that is set.
    leverage = [float(np.corrcoef(state, moves)[0, 1]) for state in states.T]
    wild = states.std(axis=0, ddof=1) * np.sqrt(252)
    dynamics = m.SurfaceDynamics(REVERSION, wild, leverage)
    heston = c.calibrate_heston(known[days[-1]][0], "SPX", starts=2)
    carry = {"rate": float(chains.rate[days].mean()), "dividend": float(chains.dividend[days].mean())}
    usual = float(np.median(levels, 0)[0] / TENORS[0])  # realised variance at the level of what is quoted
    spot = m.Heston("SPX", 100.0, **heston.parameters | {"variance": usual, "long_variance": usual}, **carry)
    market = m.MovingSurface(
        spot, "SPX", dynamics, TENORS, np.median(levels, 0), float(np.median(rho)), float(np.median(eta)),
        float(np.median(gamma)),
    )  # fmt: skip
    half = spreads(chains, days)
    tilt = fair(Books(market, half, tuple(chosen.items())))
    told = {
        "surface": {"vol": dynamics.vol.tolist(), "leverage": leverage},
        "heston": heston.parameters,
        "half spread": half.tolist(),
        "effective": tilt.effective,
        "ssvi rmse": [float(fit.rmse) for fit in fits],
    }
    return tilt.market, told


def gains(path: dh.MarketPath) -> Float[Array, " instrument"]:
    """Of one index with its dividends, and of each listed option less its delta in the index; before costs."""
    moves = discounted_returns(path, ("SPX",))[:, 0] * (path.quote("SPX") / path.numeraire)[:-1]
    options = [
        jnp.sum(jnp.diff(path.quote(name) / path.numeraire) - path.quote(f"{name}.delta")[:-1] * moves)
        for name in CHOSEN
    ]
    return jnp.stack([jnp.sum(moves), *options])


def fair(world: Books) -> Tilt:
    """The world without drifts, by weights on its paths: neither the index nor an option hedged by its delta earns.

    A surface fitted to a month moves otherwise than its skew says, so that a put less a call would earn something, and
    a policy would hold options for that. Of the measures without it this one is the nearest (Buehler et al. 2021).
    """
    grid = dh.TimeGrid.uniform(maturity=7 / 365, steps=STEPS)
    return minimal_entropy_tilt(world, grid, gains, key=jax.random.key(9), paths=2**15)


def spreads(chains: data.Chains, days: np.ndarray) -> np.ndarray:
    """Constant and slope of half the spread in the price, index at 100, over what could be sold or held."""
    left = np.stack([chains.years(chains.expires, day) for day in map(int, days)], axis=1)
    money = np.log(chains.strike[:, None] / chains.spot[days])
    used = (left > SOLD[0]) & (left < SOLD[1]) & (money > REACH[0]) & (money < REACH[1]) & (chains.halted[:, days] == 0)
    used &= chains.call[:, None] == (money >= 0)
    scale = 100.0 / np.broadcast_to(chains.spot[days], used.shape)[used]
    half = 0.5 * (chains.ask - chains.bid)[:, days][used] * scale
    slope, constant = np.polyfit(chains.mark[:, days][used] * scale, half, 1)
    return np.array([max(constant, 0.0), max(slope, 0.0)])
