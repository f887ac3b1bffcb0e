"""A quanto call: the DAX pays in dollars, one dollar a point, whatever the euro is worth.

Equity and exchange rate are one joint market under the dollar's money account. The hedge holds the index, in
euros; the euros themselves are a risk that the client does not share, so as many are borrowed as the index is
worth.
"""

import jax
import jax.numpy as jnp
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.pricing import black

UPDATES = 400
PATHS = 2048
EXPIRY, STRIKE, VOL, FX_VOL, LIKE, EURO = 0.25, 1.0, 0.2, 0.12, -0.5, 0.02

euro = dh.markets.GarmanKohlhagen("EURUSD", FX_VOL, 1.1, rate=0.04, foreign=EURO)
dax = dh.markets.BlackScholes("DAX", VOL, rate=EURO)
market = dh.markets.Joint((euro, dax), {("DAX", "EURUSD"): LIKE}, currency={"DAX": "EURUSD"})


class Abroad(i.AbstractTradable):
    """The index, paid for in euros that cost dollars."""

    def price(self, path):
        return path.quote("DAX") * path.quote("EURUSD")

    def cashflows(self, path):
        return jnp.zeros_like(path.times)


class Quanto(f.AbstractFeature):
    """Index and euros to hold: the delta in dollars, and the euros borrowed for it (or not: the naive hedge)."""

    name: str
    euros: float

    def __call__(self, path):
        left = i.base.time_left(path, jnp.array(EXPIRY))
        forward = path.quote("DAX") * jnp.exp((EURO - LIKE * VOL * FX_VOL) * left)  # of the dollar measure
        growth, discount = forward / path.quote("DAX"), jnp.exp(-0.04 * left)
        units = discount * growth * black.delta(forward, STRIKE, VOL, left) / path.quote("EURUSD")
        return jnp.stack([units, -self.euros * units * path.quote("DAX")], axis=-1)


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=26),
    liability=i.short(i.EuropeanCall("DAX", STRIKE, EXPIRY)),  # its cash is counted in dollars
    instruments=(Abroad(), i.Spot("EURUSD")),
    features=(f.LogMoneyness("DAX", STRIKE), f.TimeLeft(EXPIRY), f.Quote("EURUSD", "euro"),
              Quanto("naive", 0.0), Quanto("quanto", 1.0)),
    cost=dh.frictions.ProportionalCost(2e-4),
)  # fmt: skip
start, train, test = jax.random.split(jax.random.key(0), 3)
quanto, risk = dh.policies.Delta("quanto"), dh.objectives.CVaR(level=0.95)
mlp = dh.policies.MLP(("log_moneyness", "time_left", "euro"), key=start, instruments=2, baseline=quanto)
fit = dh.fit(problem, market, mlp, risk, optax.adam(1e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 20_000, key=test, method="random")
policies = {"none": dh.policies.NoHedge(2), "naive": dh.policies.Delta("naive"), "quanto": quanto, "learnt": fit.policy}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, spread = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:7s} CVaR95 {tail:.5f}  deviation {spread:.5f} dollars")
