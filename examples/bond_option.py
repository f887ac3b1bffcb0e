"""A call on a five-year bond under Hull and White, hedged with two zero bonds: tradables of your own, in ten lines.

A model whose bonds have a formula needs no instrument class from us: a tradable says its cash and its price.
Held daily the formula's two bonds are the hedge; traded every fourth week and at a cost the network may do
better, and here it is told only the rate.
"""

import jax
import jax.numpy as jnp
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.pricing import hullwhite

UPDATES = 400
PATHS = 2048
EXPIRY, STRIKE, A, VOL = 1.0, 0.86, 0.05, 0.012

market = dh.markets.HullWhite(((1, 10), (0.03, 0.038)), A, VOL, tenors=())


class ZeroBond(i.AbstractTradable):
    """One unit of cash at ``end``, at the price of the model."""

    end: float

    def price(self, path):
        left = i.base.time_left(path, jnp.array(self.end))
        return jnp.where(left > 0, market.bond(path.quote("USD.short"), path.times, left), 0.0)

    def cashflows(self, path):
        return jnp.where(i.base.at_expiry(path, jnp.array(self.end)), 1.0, 0.0)


near, far = ZeroBond(EXPIRY), ZeroBond(5.0)


class BondCall(i.AbstractContract):
    """The right to buy the five-year bond."""

    def cashflows(self, path):
        payoff = jnp.maximum(far.price(path) - STRIKE, 0.0)
        return jnp.where(i.base.at_expiry(path, jnp.array(EXPIRY)), payoff, 0.0)


class Jamshidian(f.AbstractFeature):
    """The derivatives of the closed price to both bonds."""

    name: str = "formula"

    def __call__(self, path):
        left = EXPIRY - path.times[:-1]
        slopes = jax.grad(lambda p, q, left: hullwhite.bond_option(p, q, STRIKE, left, 4.0, A, VOL), argnums=(0, 1))
        held = jnp.stack(jax.vmap(slopes)(near.price(path)[:-1], far.price(path)[:-1], left), axis=-1)
        return jnp.concatenate([held, held[-1:]])  # nothing is decided at the last point


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=13),
    liability=i.short(BondCall()),
    instruments=(near, far),
    features=(f.TimeLeft(EXPIRY), f.Quote("USD.short", "short"), Jamshidian()),
    cost=dh.frictions.ProportionalCost(1e-4),
)
start, train, test = jax.random.split(jax.random.key(0), 3)
risk = dh.objectives.CVaR(level=0.95)
mlp = dh.policies.MLP(("time_left", "short"), key=start, instruments=2)
fit = dh.fit(problem, market, mlp, risk, optax.adam(3e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 10_000, key=test, method="random")
policies = {"none": dh.policies.NoHedge(2), "formula": dh.policies.Delta("formula"), "learnt": fit.policy}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, spread = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:8s} CVaR95 {tail:.5f}  deviation {spread:.5f} of the face")
