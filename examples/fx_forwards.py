"""A forward on the real that nobody can deliver, hedged with what can be dealt in: spot, a forward, an FX swap.

The non-deliverable forward is fixed a week before it is settled, in dollars. Its value moves with the spot and with
the difference of two short rates, of which the Brazilian one moves a lot, mostly up where the real falls. Reais bought
at once take the spot; what they earn until the fixing is left open. The liquid three-month forward with the swap from
three months to twelve makes a forward of twelve months and leaves nothing but the week.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
NEAR, FIXING, SETTLED = 0.25, 1.0, 1.0 + 1 / 52
DOLLAR, REAL, SPOT = 0.05, 0.10, 0.20

fx = dh.markets.GarmanKohlhagen("BRLUSD", vol=0.15, spot=SPOT, rate=DOLLAR, foreign=REAL)
selic = dh.markets.Vasicek(REAL, mean_reversion=0.02, level=REAL, vol=0.025, name="BRL", tenors=())
market = dh.markets.Joint((fx, selic), {("BRL", "BRLUSD"): -0.5}, currency={"BRL": "BRLUSD"})


def ahead(years):
    """Dollars agreed today for a real in so many years."""
    return float(SPOT * jnp.exp((DOLLAR - REAL) * years))


ndf = i.NonDeliverableForward("BRLUSD", ahead(FIXING), FIXING, SETTLED)
near = i.FxForward("BRLUSD", ahead(NEAR), NEAR)
outright = i.FxForward("BRLUSD", ahead(FIXING), FIXING)
swap = i.FxSwap("BRLUSD", ahead(NEAR), ahead(FIXING), NEAR, FIXING)
reais = 1e6
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=53 / 52, steps=53),
    liability=i.sold(ndf, reais),
    instruments=(i.Spot("BRLUSD"), near, swap),
    features=(f.Delta(outright),),
    cost=dh.frictions.HalfSpread((1e-4, 1e-4, 5e-5)),
)
risk = dh.objectives.CVaR(level=0.95)
paths = dh.sample(market, problem.grid, 4 * PATHS, key=jax.random.key(0), method="random")
policies = {
    "none": dh.policies.Delta(units=0.0),
    "spot": dh.policies.Delta(units=reais),
    "forward and swap": dh.policies.Static((0.0, reais, -reais)),
}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, deviation = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:17s} CVaR95 {tail:6.0f}  deviation {deviation:6.0f} dollars on a million reais")
