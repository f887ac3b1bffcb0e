"""Protection sold on a name for a year, hedged by selling its three-year bond short.

The bond answers two risks, and by different amounts: the spread that moves every day, and the default that
comes once. The network weighs them by the objective; each of the two classical ratios looks at one.
"""

import jax
import jax.numpy as jnp
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.instruments.base import time_left

UPDATES = 400
PATHS = 2048
TERM, LOSS, RATE = 1.0, 0.6, 0.02

market = dh.markets.CirIntensity(
    "ACME", ((1, 5), (0.03, 0.04)), 0.02, 0.5, 0.025, vol=0.12, recovery=0.0, rate=RATE, tenors=()
)


def bond(path, intensity, years):
    return market.bond(intensity, path.quote("ACME.alive"), path.times, years)


class Bond(i.AbstractTradable):
    """A zero bond of the name, worth nothing after default."""

    def price(self, path):
        return bond(path, path.quote("ACME.intensity"), 3.0 - path.times)

    def cashflows(self, path):
        return jnp.zeros_like(path.times)  # it outlives the problem


class Protection(i.AbstractContract):
    """Pays the loss at default, if that comes within the term."""

    def cashflows(self, path):
        alive = path.quote("ACME.alive")
        return LOSS * jnp.concatenate([jnp.zeros(1), alive[:-1] - alive[1:]])


class Ratios(f.AbstractFeature):
    """Bonds to hold against the spread, or against the default; owed is about LOSS x (riskless - risky bond)."""

    against: str
    name: str

    def __call__(self, path):
        left, rate = time_left(path, jnp.array(TERM)), path.quote("ACME.intensity")
        value = LOSS * (jnp.exp(-RATE * left) - bond(path, rate, left))
        if self.against == "default":
            return -(LOSS - value) / jnp.maximum(bond(path, rate, 3.0 - path.times), 0.01) * path.quote("ACME.alive")
        owed, held = (jax.jvp(lambda x, t=t: bond(path, x, t), (rate,), (jnp.ones_like(rate),))[1]
                      for t in (left, 3.0 - path.times))  # fmt: skip
        return -LOSS * owed / jnp.where(held < 0, held, -1.0)


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=TERM, steps=26),
    liability=i.short(Protection()),
    instruments=(Bond(),),
    features=(f.TimeLeft(TERM), f.Quote("ACME.intensity", "intensity"), f.Quote("ACME.alive", "alive"),
              Ratios("spread", "spread"), Ratios("default", "default")),
    cost=dh.frictions.ProportionalCost(1e-3),
)  # fmt: skip
start, train, test = jax.random.split(jax.random.key(0), 3)
risk = dh.objectives.CVaR(level=0.95)
mlp = dh.policies.MLP(("time_left", "intensity", "alive", "spread", "default"), key=start)
fit = dh.fit(problem, market, mlp, risk, optax.adam(3e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 20_000, key=test, method="random")
policies = {name: dh.policies.Delta(name) for name in ("spread", "default")}
policies = {"none": dh.policies.NoHedge(), **policies, "learnt": fit.policy}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, spread = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:8s} CVaR95 {tail:.4f}  deviation {spread:.4f} of the notional")
