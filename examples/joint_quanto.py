"""A quanto call: the DAX pays in dollars, one dollar a point, whatever the euro is worth.

Equity and exchange rate are one joint market under the dollar's money account. The hedge holds the index, in
euros; the euros themselves are a risk that the client does not share, so as many are borrowed as the index is
worth. A forward of the same kind needs no euros, and costs more to deal in.
"""

import jax
import jax.numpy as jnp
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

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


call = i.QuantoOption("DAX", "EURUSD", STRIKE, EXPIRY, correlation=LIKE)
forward = i.QuantoForward("DAX", "EURUSD", STRIKE, EXPIRY, correlation=LIKE)


class Index(f.AbstractFeature):
    """Index and euros to hold: the delta in dollars, and the euros borrowed for it (or not: the naive hedge)."""

    name: str
    euros: float

    def __call__(self, path):
        units = f.Delta(call)(path) / path.quote("EURUSD")
        return jnp.stack([units, -self.euros * units * path.quote("DAX"), 0.0 * units], axis=-1)


class Forwards(f.AbstractFeature):
    """Quanto forwards that gain with the index what the call does: they leave no euros to think of."""

    name: str = "forward"

    def __call__(self, path):
        gains = f.Delta(forward)(path)
        units = jnp.where(gains > 0, f.Delta(call)(path) / jnp.where(gains > 0, gains, 1.0), 0.0)
        return jnp.stack([0.0 * units, 0.0 * units, units], axis=-1)


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=26),
    liability=i.short(call),
    instruments=(Abroad(), i.Spot("EURUSD"), forward),
    features=(f.LogMoneyness("DAX", STRIKE), f.TimeLeft(EXPIRY), f.Quote("EURUSD", "euro"),
              Index("naive", 0.0), Index("quanto", 1.0), Forwards()),
    cost=dh.frictions.HalfSpread((4e-4, 4e-4, 2e-3)),
)  # fmt: skip
start, train, test = jax.random.split(jax.random.key(0), 3)
quanto, risk = dh.policies.Delta("quanto"), dh.objectives.CVaR(level=0.95)
mlp = dh.policies.MLP(("log_moneyness", "time_left", "euro"), key=start, instruments=3, baseline=quanto)
fit = dh.fit(problem, market, mlp, risk, optax.adam(1e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 20_000, key=test, method="random")
rules = {name: dh.policies.Delta(name) for name in ("naive", "quanto", "forward")}
policies = {"none": dh.policies.NoHedge(3), **rules, "learnt": fit.policy}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, spread = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:7s} CVaR95 {tail:.5f}  deviation {spread:.5f} dollars")
