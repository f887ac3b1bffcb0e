"""Quadratic costs and quadratic risk, where the optimum is exact: tracking a delta, a signal, a liquidation."""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge import objectives as o
from deephedge.frictions.funding import Holdings
from deephedge.pricing import bachelier
from oracles import linear_quadratic, signal_tracking

# Value, its standard error, the least known, and a bound from below: the least itself where that is exact.
Judge = Callable[[dh.Ledger, dh.MarketPath], tuple[float, float, float, float]]


class Case(NamedTuple):
    """A problem, how to train for it, and how to judge what was learnt on fresh paths."""

    problem: dh.HedgingProblem
    market: dh.markets.AbstractMarket
    risk: o.AbstractObjective
    policy: Callable[[Array], dh.policies.AbstractPolicy]
    judge: Judge
    updates: int
    rate: float = 3e-3
    seeds: int = 3
    paths: int = 4096


class RunningVariance(dh.frictions.AbstractCharge):
    r"""Risk as a price: :math:`\frac\lambda2\,v\,\Delta\,(x-x^*)^2`, the variance of a step's gain against a target's.

    ``variance`` in cash squared a year and unit, ``target`` the position (units) that carries no risk, by default none.
    """

    risk_aversion: float
    variance: float
    target: f.AbstractFeature | None = None

    def measure(self, path: dh.MarketPath) -> Float[Array, " points"]:
        return jnp.zeros_like(path.times) if self.target is None else self.target(path)

    def __call__(self, held: Holdings, known: Float[Array, ""]) -> Float[Array, ""]:
        return 0.5 * self.risk_aversion * self.variance * held.years * jnp.sum((held.position - known) ** 2)


class NormalDelta(f.AbstractFeature):
    """Bachelier's delta of a book of calls."""

    underlier: str = eqx.field(static=True)
    strike: float
    expiry: float
    units: float
    name: str = eqx.field(static=True, default="delta")

    def __call__(self, path: dh.MarketPath) -> Float[Array, " points"]:
        vol, left = path.quote(f"{self.underlier}.normal_vol"), jnp.maximum(self.expiry - path.times, 0.0)
        return self.units * bachelier.delta(path.quote(self.underlier), self.strike, vol, left)


def sampled(values: np.ndarray) -> tuple[float, float]:
    return float(values.mean()), float(values.std() / np.sqrt(values.size))


def tracking(start: float) -> Case:
    """Bank, Soner and Voss with ten trades: quadratic costs, the risk that of the distance to Bachelier's delta."""
    setting = {"vol": 2.0, "maturity": 0.2, "notional": 200.0, "impact": 1e-3, "risk_aversion": 0.01}
    exact = linear_quadratic.solve(**setting, steps=10, start=start).value
    premium, delta = 200.0 * 2.0 * np.sqrt(0.2 / (2 * np.pi)), NormalDelta("S", 10.0, 0.2, 200.0)
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=0.2, steps=10),
        liability=i.Book((i.EuropeanCall("S", strike=10.0, expiry=0.2),), (-200.0,)),
        instruments=(i.Spot("S"),),
        features=(delta, f.TimeLeft(0.2)),
        cost=dh.frictions.QuadraticCost(1e-3 * 10 / 0.2),
        funding=RunningVariance(0.01, 4.0, delta),
        initial=start,
    )

    def judge(ledger: dh.Ledger, _: dh.MarketPath) -> tuple[float, float, float, float]:
        paid = np.asarray(ledger.cost - ledger.charge, float).sum(-1)
        left = np.asarray(ledger.liability, float) + premium + np.asarray(ledger.gain, float).sum(-1)
        return *sampled(premium + paid + 0.005 * left**2), exact, exact

    market = dh.markets.Bachelier("S", 10.0, vol=2.0)
    return Case(problem, market, o.Expectation(), lambda key: mlp(problem, key), judge, 600, 5e-3)


def mlp(problem: dh.HedgingProblem, key: Array) -> dh.policies.AbstractPolicy:
    return dh.policies.MLP(problem.feature_names, key=key, activation="silu")


def signal() -> Case:
    """Garleanu and Pedersen: a price that reverts to its mean is its own signal; a year in 24 trades."""
    reversion, vol, steps, first, aversion, cost = 4.0, 0.5, 24, 0.8, 3.0, 0.02
    decay = np.exp(-reversion / steps)
    noise = vol**2 * (1 - decay**2) / (2 * reversion)
    terms = {"cost": cost, "risk": 0.5 * aversion * noise, "gain": 1 - decay}
    exact = signal_tracking.solve(steps=steps, **terms, decay=decay, noise=noise, signal=1.0 - first).value
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=1.0, steps=steps),
        liability=i.Nothing(),
        instruments=(i.Spot("S"),),
        features=(f.Quote("S", "price"), f.TimeLeft(1.0)),
        cost=dh.frictions.QuadraticCost(cost),
        funding=RunningVariance(aversion, noise * steps),
    )

    def judge(ledger: dh.Ledger, paths: dh.MarketPath) -> tuple[float, float, float, float]:
        held, seen = np.asarray(ledger.position[..., 0], float), 1.0 - np.asarray(paths.quotes["S"], float)[:, :-1]
        traded = np.diff(held, axis=1, prepend=0.0)
        lost = cost * traded**2 + terms["risk"] * held**2 - terms["gain"] * seen * held
        return *sampled(lost.sum(axis=1)), exact, exact

    market = dh.markets.NormalOrnsteinUhlenbeck("S", first, mean_reversion=reversion, level=1.0, vol=vol)
    return Case(problem, market, o.Expectation(), lambda key: mlp(problem, key), judge, 400, 5e-3)


def liquidation() -> Case:
    """Almgren and Chriss: sell a position, a plan made in advance; mean and variance of what it brings."""
    vol, impact, aversion, years, steps = 0.95, 0.02, 0.5, 1.0, 10
    tau = years / steps
    terms = {"cost": impact / tau, "risk": 0.5 * aversion * vol**2 * tau, "start": 1.0, "closes": True}
    exact = signal_tracking.solve(steps=steps, **terms).value
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=years, steps=steps),
        liability=i.Nothing(),
        instruments=(i.Spot("S"),),
        features=(f.TimeLeft(years),),
        cost=dh.frictions.QuadraticCost(impact / tau),
        initial=1.0,
        close_out=True,
    )

    def judge(ledger: dh.Ledger, _: dh.MarketPath) -> tuple[float, float, float, float]:
        held, paid = np.asarray(ledger.position[..., 0], float), np.asarray(ledger.cost, float).sum(-1)
        return *sampled(paid + terms["risk"] * np.sum(held**2, axis=1)), exact, exact

    def policy(key: Array) -> dh.policies.AbstractPolicy:
        return dh.policies.MLP(("time_left",), key=key, activation="silu", semi_recurrent=False)

    market = dh.markets.Bachelier("S", 10.0, vol=vol)
    return Case(problem, market, o.MeanVariance(risk_aversion=aversion), policy, judge, 400, 5e-3)
