"""Neagu, Godin, Simard and Kosseim (2024): a day of hedging in a book that every trade eats into.

A short at-the-money call on 1000, volatility 18.98 %, drift 10 %, no rate, one day of 252 in eight steps, sold at the
Black-Scholes price 4.7698. The exponents are 1 +- 0.001; the book either never fills up again, or at once. The call
is used if selling the share would bring the strike, and the desk then buys what it lacks. Judged by the root of the
mean squared shortfall, everything sold or delivered at the end. ``python -m bench.impact`` trains the paper's own
network through all of its epochs and writes what it reaches on the way.
"""

import argparse
import json
import time

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

import deephedge as dh
from bench.effort import NAMES, Effort, train
from bench.impact_net import BATCHES, EPOCHS, Portfolio, epochs, network
from bench.kept import keep
from deephedge import features as f
from deephedge import instruments as i
from deephedge import objectives as o
from deephedge.policies.base import Scaler, is_scaler, read
from deephedge.pricing import black

SPOT, VOL, DRIFT, STEPS, EXPIRY = 1000.0, 0.1898, 0.1, 8, 1 / 252
PREMIUM = float(black.price(SPOT, SPOT, VOL, EXPIRY))
MARKET = dh.markets.BlackScholes("SPX", vol=VOL, spot=SPOT, drift=DRIFT)
SHORT = 25  # epochs
CASES = {  # impact, fade of the book a year; then as published: delta, Leland, the paper's network
    "no impact": (0.0, np.inf, (1.0355, 1.0355, 1.0413)),
    "filled up at once": (1e-3, np.inf, (2.2831, 2.2100, 2.1058)),
    "never filled up": (1e-3, 0.0, (2.5725, 2.4653, 2.2687)),
}


class Clock(f.AbstractFeature):
    """The time, in years."""

    name: str = eqx.field(static=True, default="time")

    def __call__(self, path: dh.MarketPath) -> Array:
        return path.times


class Delivery(i.AbstractTradable):
    """The share owed and the strike due for it, at the last point: held once the call was used, worth 0 before."""

    def price(self, path: dh.MarketPath) -> Array:
        return jnp.zeros_like(path.times)

    def cashflows(self, path: dh.MarketPath) -> Array:
        return (jnp.arange(STEPS + 2) == STEPS + 1) * (SPOT - path.quote("SPX"))


class Settled(dh.policies.AbstractPolicy):
    """``policy`` in the share until expiry, then one share and its delivery where the call is used, otherwise none.

    The policy is told, as ``"bids"``, what its sales have eaten of a book that never fills up.
    """

    policy: dh.policies.AbstractPolicy
    sell: float = eqx.field(static=True)
    fade: float = eqx.field(static=True)

    def init(self) -> PyTree:
        return self.policy.init(), jnp.zeros(()), jnp.zeros(1)

    def encode(self, observation: dict[str, Array]) -> dict[str, Array]:
        return observation

    def __call__(self, encoded: dict[str, Array], position: Array, state: PyTree) -> tuple[Array, PyTree]:
        inner, bids, before = state
        held = position[:1]
        if self.fade == 0.0:
            bids = bids + jnp.maximum(before - held, 0.0)[0]
        wanted, inner = self.policy(self.policy.encode(encoded | {"bids": bids}), held, inner)
        spot, left = read(encoded, "spot", "time_left")
        used = spot * ((2 + bids) ** self.sell - (1 + bids) ** self.sell) >= SPOT
        ended = jnp.where(used, 1.0, 0.0)
        now = jnp.where(left > 0.5 * EXPIRY / STEPS, jnp.stack([wanted[0], 0.0]), ended)
        return now, (inner, bids, held)


def impact_problem(impact: float, fade: float) -> dh.HedgingProblem:
    walk = dh.frictions.BookWalk(buy=(1 + impact, 1.0), sell=(1 - impact, 1.0), fade=fade)
    return dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=EXPIRY * (STEPS + 1) / STEPS, steps=STEPS + 1),
        liability=i.Nothing(),
        instruments=(i.Spot("SPX"), Delivery()),
        features=(
            f.LogMoneyness("SPX", SPOT), f.TimeLeft(EXPIRY), f.Quote("SPX.vol", "vol"), f.Price(i.Spot("SPX"), "spot"),
            f.Price(i.short(i.EuropeanCall("SPX", SPOT, EXPIRY)), "mark"), Clock(),
        ),
        cost=walk,
    )  # fmt: skip


def learner(impact: float, fade: float, seed: int) -> Settled:
    """A band that sees its wealth and the book; inputs in units of a day's move and of half the premium."""
    inner = dh.policies.NoTransactionBand((*NAMES, "wealth", "bids"), key=jax.random.key(seed))
    mean, scale = (0.0, EXPIRY / 2, VOL, 0.0, 0.0), (0.006, EXPIRY / 3, 1.0, PREMIUM / 2, 0.5)
    known = Scaler(*map(jnp.asarray, (mean, scale, (0.5,), (0.0,))), True)
    inner = jax.tree.map(lambda node: known if is_scaler(node) else node, inner, is_leaf=is_scaler)
    walk = dh.frictions.BookWalk(buy=1 + impact, sell=1 - impact, fade=fade)
    told = dh.policies.WithWealth(inner, walk, prices=("spot",), liability="mark", quotes=("time",))
    return Settled(told, 1 - impact, fade)


def judged(wealth: Array) -> dict[str, float]:
    """Root of the mean squared shortfall, with its standard error, and the mean error, losses above 0."""
    error = -(np.asarray(wealth, float) + PREMIUM)
    loss = np.maximum(error, 0.0) ** 2
    value = np.sqrt(loss.mean())
    return {"value": value, "error": loss.std() / (2 * value * np.sqrt(loss.size)), "mean": error.mean()}


def leland(impact: float, fade: float) -> dh.policies.Leland:
    """At what half of a sale loses, one step after half a share, the first delta, was sold already."""
    bids, sell = 0.5 * kept(fade), 1 - impact
    lost = 1 - ((2 + bids) ** sell - (1 + bids) ** sell)
    return dh.policies.Leland(lost / 2, EXPIRY / STEPS)


def kept(fade: float) -> float:
    """The share of what was eaten that is still missing one step later."""
    return float(np.exp(-fade * EXPIRY / STEPS))


def judge(effort: Effort, problem: dh.HedgingProblem, policies: dict, seed: int) -> dict[str, dict]:
    key = jax.random.key(4000 + seed)
    test = dh.sample(MARKET, problem.grid, effort.paths(400_000), key=key, method="random")
    return {name: judged(ledger.wealth) for name, ledger in dh.evaluate(problem, policies, test).items()}


def walking_the_book(effort: Effort) -> list[dict]:
    """The rules within half a per cent of what was published, our hedge below it, the paper's network within one."""
    rows = []
    for name, (impact, fade, published) in effort.some(CASES):
        problem, risk = impact_problem(impact, fade), o.SemiQuadraticError(price=PREMIUM)
        rules = {"delta": dh.policies.BlackScholesDelta(), "Leland": leland(impact, fade)}
        for seed in effort.seeds(5):
            fit, seconds = train(effort, problem, MARKET, learner(impact, fade, seed), risk, seed, 250, 4096, rate=5e-3)
            policies = {kind: Settled(rule, 1 - impact, fade) for kind, rule in rules.items()} | {"learnt": fit.policy}
            found = judge(effort, problem, policies, seed)
            told = dict(zip(found, published, strict=True))
            same = all(abs(found[kind]["value"] / told[kind] - 1) <= 0.005 for kind in rules)
            rows.append({"case": name, "seed": seed, "published": told, **found, "seconds": seconds,
                         "passed": bool(same and found["learnt"]["value"] <= told["learnt"])})  # fmt: skip
            print("impact", json.dumps(rows[-1]), flush=True)
    return rows + [papers_network(effort, seed) for seed in effort.seeds(5)]


def schooling(effort: Effort, seed: int, count: int):
    """The paper's network in the book that never fills up: the problem, and the policy and loss of each epoch."""
    impact, fade, _ = CASES["never filled up"]
    problem, key = impact_problem(impact, fade), jax.random.key(seed)
    inner = Portfolio(network(key), 1 + impact, 1 - impact, kept(fade), PREMIUM)
    policy, risk = Settled(inner, 1 - impact, fade), o.SemiQuadraticError(price=PREMIUM)
    return problem, epochs(problem, MARKET, policy, risk, key, effort.updates(count), effort.updates(BATCHES))


def papers_network(effort: Effort, seed: int) -> dict:
    """The paper's network after ``SHORT`` epochs, a quarter of the paper's."""
    started, told = time.perf_counter(), CASES["never filled up"][2][2]
    problem, school = schooling(effort, seed, SHORT)
    *_, (policy, loss) = school
    seconds, found = time.perf_counter() - started, judge(effort, problem, {"network": policy}, seed)
    row = {"case": "never filled up", "seed": seed, "published": {"network": told}, **found, "loss": loss,
           "seconds": seconds, "passed": bool(abs(found["network"]["value"] / told - 1) <= 0.01)}  # fmt: skip
    print("impact", json.dumps(row), flush=True)
    return row


def main() -> None:
    """Train the paper's network in the book that never fills up through all of its epochs, judged on the way."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed, effort, rows = parser.parse_args().seed, Effort(False), []
    problem, school = schooling(effort, seed, EPOCHS)
    for epoch, (policy, loss) in enumerate(school, 1):
        rows.append({"epoch": epoch, "loss": loss})
        if epoch in (1, 2, 5, 10, 20, 50, EPOCHS):
            rows[-1] |= judge(effort, problem, {"network": policy}, seed)
        print("epochs", json.dumps(rows[-1]), flush=True)
    keep(f"impact-epochs-{seed}", rows)


if __name__ == "__main__":
    main()
