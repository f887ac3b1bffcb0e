"""A desk whose clients buy and sell at-the-money options every day, and which hedges with a new option every day.

The world of Cao, Chen, Farghadani, Hull, Poulos, Wang and Yuan (2022), *Gamma and vega hedging using deep
distributional reinforcement learning*: 30 days of 1/252 year from a spot of 10, contracts of 100. The desk is short one
60-day call and takes on a Poisson number of further ones, one a day on average, bought or sold evenly. Each day it may
deal in one new at-the-money call at a cost of 1 % of its value, to hedge none to all of its gamma (or vega); delta is
hedged for free.

An option of the desk lives on beyond the 30 days and each day brings another one, so positions are by the day on which
an option was opened, and one path is followed by ``Flow`` instead of a hedging problem. What the policy sees is known:
exposures, and the profit and loss marked to market so far. With SABR every option is marked at the volatility that
Hagan's formula gives a strike of 10 and what is left of the 30 days: their convention, and kept to compare.
"""

import dataclasses
import json
import time
from abc import abstractmethod
from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, PRNGKeyArray
from scipy.stats import norm, poisson

import deephedge as dh
from bench.effort import Effort, adam
from deephedge import objectives as o
from deephedge.core.parallel import gathered
from deephedge.markets.sampler import Sampler
from deephedge.policies.network import Layers
from deephedge.pricing import sabr
from deephedge.training.fit import Run
from deephedge.training.loop import Recipe, begin
from deephedge.training.pathwise import AbstractSimulation, outcomes
from deephedge.training.same import Optimiser

DAYS, YEAR, SPOT, VOL, SIZE, COST = 30, 252, 10.0, 0.3, 100.0, 0.01
GAMMA, VEGA = 0.27, 1.9  # of a new 60-day call at the start: the units of exposures
COUNTS = norm.ppf(poisson.cdf(range(10), 0.5))  # a shock above the n-th of these brings more than n clients
PARTS = 20  # disjoint parts of the test paths, for standard errors


class Clients(dh.markets.AbstractMarket):
    """A market whose quote ``"clients"`` is how many options the desk takes on at each point, sold ones less than 0.

    Sales and purchases are independent Poisson numbers of mean 1/2: a Poisson stream of mean 1 split evenly.
    """

    market: dh.markets.AbstractMarket

    def shocks(self, grid: dh.TimeGrid) -> tuple[int, int]:
        steps, factors = self.market.shocks(grid)
        return steps, factors + 2

    def path(self, grid: dh.TimeGrid, shocks: Float[Array, "step factor"]) -> dh.MarketPath:
        counts = jnp.sum(shocks[:, -2:, None] > COUNTS, axis=-1).astype(shocks.dtype)
        taken = jnp.concatenate([-jnp.ones(1), counts[:, 0] - counts[:, 1]])
        return self.market.path(grid, shocks[:, :-2]).with_quotes({"clients": taken})


class AbstractKeeper(eqx.Module):
    """A policy: what it keeps of an exposure, from what it sees."""

    @abstractmethod
    def __call__(self, seen: Float[Array, " feature"], exposure: Float[Array, ""]) -> Float[Array, ""]:
        """The exposure to keep, between 0 and ``exposure``."""


class Fraction(AbstractKeeper):
    """Hedges the same share every day: 0 is a hedge with the underlier alone, 1 a neutral one."""

    share: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def __call__(self, seen: Float[Array, " feature"], exposure: Float[Array, ""]) -> Float[Array, ""]:
        return (1.0 - self.share) * exposure


class Band(AbstractKeeper):
    """Brings an exposure to the nearer edge of a band around 0 that a network draws each day."""

    layers: Layers

    @classmethod
    def make(cls, width: int, *, key: PRNGKeyArray) -> "Band":
        return cls(Layers.make((9, width, width, 2), key=key, activation="silu", last=0.1))

    def __call__(self, seen: Float[Array, " feature"], exposure: Float[Array, ""]) -> Float[Array, ""]:
        low, high = jax.nn.softplus(self.layers(seen) - 0.5)
        return jnp.clip(exposure, -low, high)


class Flow(AbstractSimulation):
    """Profit and loss of a policy on ``paths`` fresh paths: options are ``tenor`` days long on the hedging side."""

    market: Clients
    sampler: Sampler
    grid: dh.TimeGrid
    paths: int = eqx.field(static=True)
    tenor: int = eqx.field(static=True)
    smile: bool = eqx.field(static=True)  # SABR: vega is what is hedged
    chunk: int | None = eqx.field(static=True, default=None)
    cost: float = eqx.field(static=True, default=COST)  # of the value of an option that is dealt in
    many: bool = eqx.field(static=True, default=False)  # whether a policy holds several, a number for each

    @classmethod
    def of(cls, market: dh.markets.AbstractMarket, tenor: int, smile: bool, paths: int, method: str) -> "Flow":
        market, grid = Clients(market), dh.TimeGrid.uniform(maturity=DAYS / YEAR, steps=DAYS)
        return cls(market, Sampler.of(market.shocks(grid), grid, paths, method), grid, paths, tenor, smile)

    def outcome(self, policy: AbstractKeeper, key: PRNGKeyArray, n: Array):
        path = self.market.path(self.grid, self.sampler(key, n))
        taken, spot, vol = path.quotes["clients"][:-1], path.quote("S"), self.volatility(path)
        book, hedges = options(spot, vol, 60), options(spot, vol, self.tenor)
        today = jax.tree.map(jnp.diagonal, hedges)  # of the option opened on the day
        owed = jax.tree.map(lambda each: taken @ each, book)
        days = jnp.arange(DAYS)
        still = jnp.stack([days / DAYS - 0.5, 5.0 * (spot[:-1] / SPOT - 1.0), 5.0 * (vol[:-1] / VOL - 1.0)], axis=-1)
        hedged, other = (2, 1) if self.smile else (1, 2)

        def day(policy: AbstractKeeper, carry: tuple[Array, Array], now: tuple):
            held, wealth = carry
            today, owed, hedges, still, k = now
            risk = [mine + held @ each for mine, each in zip(owed, hedges, strict=True)]  # of what is held already
            exposure = risk[hedged]
            seen = [exposure, jnp.abs(exposure), owed[hedged], risk[other], wealth / 10.0, today[hedged]]
            kept = policy(jnp.concatenate([still, jnp.stack(seen)]), exposure)
            trade = (kept - exposure) / today[hedged]
            held = held + trade * (days == k)
            wealth = wealth + SIZE * (risk[0] + trade * today[0] - self.cost * jnp.abs(trade) * today[3])
            return (held, wealth), None

        rows = jax.tree.map(jnp.transpose, hedges)  # days lead

        def total(policy: AbstractKeeper) -> Float[Array, ""]:
            start = jnp.zeros(DAYS), jnp.zeros(())
            return lax.scan(partial(day, policy), start, (today, owed, rows, still, days))[0][1]

        return (eqx.filter_vmap(total) if self.many else total)(policy), None

    def volatility(self, path: dh.MarketPath) -> Float[Array, " points"]:
        """At which every option is marked."""
        if not self.smile:
            return path.quote("S.vol")
        left, market = DAYS / YEAR - path.times, self.market.market
        terms = market.vol_of_vol, market.correlation
        return sabr.volatility(path.quote("S"), SPOT, path.quote("S.alpha"), jnp.maximum(left, 0.0), 1.0, *terms)


def options(spot: Float[Array, " points"], vol: Float[Array, " points"], tenor: int):
    """(delta-hedged gain over the next day, gamma, vega, price) of one call opened at the money, (opened, day).

    Black's formula as it is in books, all of it from one pair of normals: a path needs nearly two thousand, and the
    library's price, which loses no digits far from the money, takes ten times as long.
    """
    opened, day = jnp.arange(DAYS)[:, None], jnp.arange(DAYS + 1)[None, :]
    total = vol * jnp.sqrt(jnp.maximum(tenor - (day - opened), 1e-4) / YEAR)
    strike, live = spot[:-1, None], (day >= opened)[:, :-1]
    d = jnp.log(spot / strike) / total + 0.5 * total
    delta, bell = ndtr(d), jnp.exp(-0.5 * d**2) / jnp.sqrt(2.0 * jnp.pi)
    price = spot * delta - strike * ndtr(d - total)
    gain = jnp.diff(price, axis=1) - delta[:, :-1] * jnp.diff(spot)
    gamma, vega = bell / (spot * total * GAMMA), spot * bell * total / (vol * VEGA)
    found = gain, gamma[:, :-1], vega[:, :-1], price[:, :-1]
    return tuple(jnp.where(live, each, 0.0) for each in found)


def figures(wealth: Float[Array, " path"]) -> np.ndarray:
    """Mean, deviation, mean less 1.645 deviations, and the value at risk and its conditional at 95 %, all as gains."""
    wealth = np.sort(np.asarray(wealth, float))
    worst = round(0.05 * wealth.size)
    mean, deviation = wealth.mean(), wealth.std()
    return np.array([mean, deviation, mean - 1.645 * deviation, wealth[worst - 1], wealth[:worst].mean()])


def judged(wealth: Float[Array, " path"]) -> dict[str, list[float]]:
    """The figures and their standard errors, from disjoint parts of the paths."""
    parts = np.array([figures(part) for part in np.array_split(np.asarray(wealth), PARTS)])
    return {"figures": figures(wealth).tolist(), "errors": (parts.std(0, ddof=1) / PARTS**0.5).tolist()}


def learn(effort: Effort, flow: Flow, risk: o.AbstractObjective, seed: int, updates: int, rate: float):
    """The loop of ``dh.fit`` on paths of ``flow``; the best policy on a bank of its own."""
    start, updates = time.perf_counter(), effort.updates(updates)
    band = Band.make(32, key=jax.random.key(seed))
    parameters, fixed = eqx.partition(band, eqx.is_inexact_array)
    bank = Flow.of(flow.market.market, flow.tenor, flow.smile, effort.paths(8192), "sobol")
    recipe = Recipe(flow, bank, fixed, jax.random.key(100 + seed), Optimiser(adam(rate, updates)), 0.98, many=False)
    state = gathered(begin(recipe, parameters, risk, updates, -(-updates // 50)))
    state = gathered(Run(recipe, recipe.key[None], updates, 50, None, None, None, flow.paths).to_the_end(state))
    return eqx.combine(state.best, fixed), time.perf_counter() - start


WORLDS = {  # market, days of the hedging option, published rows and the bars: places in ``figures`` and the least gain
    "GBM": (
        lambda: dh.markets.BlackScholes("S", VOL, spot=SPOT), 30,
        {0.0: (0.05, 14.99, -24.61, -24.29, -36.64), 1.0: (-6.84, 1.88, -9.93, -10.12, -11.55)},
        {"MSD": {2: -7.9}, "CVaR": {4: -9.5}},
    ),
    "SABR": (
        lambda: dh.markets.Sabr("S", SPOT, VOL, 0.3, -0.7), 90,
        {0.0: (None, None, -35.76, -34.43, -52.91), 1.0: (None, None, -22.20, -22.05, -27.18)},
        {"CVaR": {3: -17.9, 4: -22.8}},
    ),
}  # fmt: skip
RISKS = {"MSD": lambda: o.MeanStd(multiple=1.645), "CVaR": lambda: o.CVaR(level=0.95)}
_outcomes = eqx.filter_jit(outcomes)


def client_flow(effort: Effort) -> list[dict]:
    """Bar 4: published baselines within 2 % (or three standard errors of their 5 000 paths), then learnt policies."""
    rows = []
    for name, (make, tenor, published, bars) in effort.some(WORLDS):
        smile, key = name == "SABR", jax.random.key(4000)
        test = Flow.of(make(), tenor, smile, effort.paths(100_000), "random")

        shares = np.arange(11) / 10
        many = eqx.filter_vmap(Fraction)(jnp.asarray(shares))
        wealth = gathered(_outcomes(dataclasses.replace(test, many=True), many, key))[0]
        fractions = {share: judged(wealth[:, n]) for n, share in enumerate(shares.tolist())}
        best = max(row["figures"][4] for row in fractions.values())
        for share, row in fractions.items():
            theirs = published.get(share, ())
            noise = 3.0 * np.array(row["errors"]) * np.sqrt(test.paths / 5_000)
            near = [t is None or abs(t - v) <= max(0.02 * abs(t), e)
                    for t, v, e in zip(theirs, row["figures"], noise, strict=False)]  # fmt: skip
            rows.append({"world": name, "policy": f"{share} of the exposure", **row, "published": theirs,
                         "seconds": 0.0, "passed": all(near)})  # fmt: skip
            print("flow", json.dumps(rows[-1]), flush=True)
        training = Flow.of(make(), tenor, smile, effort.paths(1024), "sobol")
        for kind, least in bars.items():
            for seed in effort.seeds(5):
                policy, seconds = learn(effort, training, RISKS[kind](), seed, 200, 1e-2)
                row = judged(gathered(_outcomes(test, policy, key))[0])
                free = np.asarray(gathered(_outcomes(dataclasses.replace(test, cost=0.0), policy, key))[0], float)
                leak = float(free.mean() / free.std() * np.sqrt(free.size))  # no foresight, no gain, where all is fair
                met = all(row["figures"][place] >= bar for place, bar in least.items()) and (smile or abs(leak) <= 3.0)
                better = 1.0 - row["figures"][4] / best
                passed = met and (kind != "CVaR" or better >= 0.04)
                rows.append({"world": name, "policy": f"band, {kind}", "seed": seed, **row, "bars": least,
                             "gain in standard errors": leak, "better than the best fraction on CVaR": better,
                             "seconds": seconds, "passed": bool(passed)})  # fmt: skip
                print("flow", json.dumps(rows[-1]), flush=True)
    return rows
