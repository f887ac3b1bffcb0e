"""A call on EURUSD: two interest rates, so the delta and what the hedge earns both know the foreign one.

Money market: 5 % in dollars, 1 % in euros. The band learns around the delta of Garman and Kohlhagen; a delta
that knows no rates aims beside it.
"""

import jax
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
EXPIRY = 0.5

market = dh.markets.GarmanKohlhagen("EURUSD", vol=0.08, spot=1.1, rate=0.05, foreign=0.01)
call = i.FxOption("EURUSD", strike=1.12, expiry=EXPIRY)  # its price reads both rates from the path
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=26),
    liability=i.short(call),
    instruments=(i.Spot("EURUSD"),),  # euros held earn the euro rate
    features=(f.LogMoneyness("EURUSD", 1.12), f.TimeLeft(EXPIRY), f.Quote("EURUSD.vol", "vol"), f.Delta(call)),
    cost=dh.frictions.ProportionalCost(3e-4),
)
start, train, test = jax.random.split(jax.random.key(0), 3)
delta, risk = dh.policies.Delta("delta"), dh.objectives.CVaR(level=0.95)
band = dh.policies.NoTransactionBand(("log_moneyness", "time_left", "delta"), key=start, centre=delta)
fit = dh.fit(problem, market, band, risk, optax.adam(3e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 20_000, key=test, method="random")
policies = {"none": dh.policies.NoHedge(), "no rates": dh.policies.BlackScholesDelta(), "delta": delta}
for name, ledger in dh.evaluate(problem, policies | {"learnt": fit.policy}, paths).items():
    print(f"{name:8s} CVaR95 {float(risk(ledger.wealth)):.5f}  cost {float(ledger.cost.sum(-1).mean()):.5f} dollars")
