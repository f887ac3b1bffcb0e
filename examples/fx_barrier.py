"""An importer's knock-out: a call on EURUSD that ends worthless once the euro is cheap.

Sold by the desk, watched at each fixing, hedged with spot and with the vanilla call of the same strike, which takes
most of the gamma and costs more to deal in. Prices and deltas read the rates of both currencies from the path.
"""

import jax
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
EXPIRY, STEPS = 0.25, 26
STRIKE, BARRIER = 1.10, 1.08

market = dh.markets.GarmanKohlhagen("EURUSD", vol=0.08, spot=1.1, rate=0.05, foreign=0.02)
knockout = i.Barrier("EURUSD", strike=STRIKE, barrier=BARRIER, expiry=EXPIRY, up=False, monitoring=EXPIRY / STEPS)
vanilla = i.EuropeanCall("EURUSD", strike=STRIKE, expiry=EXPIRY)
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=STEPS),
    liability=i.short(knockout),
    instruments=(i.Spot("EURUSD"), vanilla),
    features=(f.LogMoneyness("EURUSD", BARRIER), f.TimeLeft(EXPIRY), f.State(knockout, "knocked"), f.Delta(knockout)),
    cost=dh.frictions.ProportionalCost((1e-4, 5e-3)),
)
start, train, test = jax.random.split(jax.random.key(0), 3)
risk = dh.objectives.CVaR(level=0.95)
mlp = dh.policies.MLP(("log_moneyness", "time_left", "knocked", "delta"), key=start, instruments=2)
fit = dh.fit(problem, market, mlp, risk, optax.adam(2e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 4 * PATHS, key=test, method="random")
premium = float(jax.vmap(knockout.price)(paths)[0, 0])
print(f"premium {premium:.5f} dollars a euro, the vanilla {float(jax.vmap(vanilla.price)(paths)[0, 0]):.5f}")
for name, policy in {
    "none": dh.policies.NoHedge(),
    "vanilla": dh.policies.Static((0.0, 1.0)),
    "learnt": fit.policy,
}.items():
    ledger = dh.evaluate(problem, {name: policy}, paths)[name]
    tail, spread = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:8s} CVaR95 {tail:.5f}  deviation {spread:.5f}  cost {float(ledger.cost.sum(-1).mean()):.5f}")
