"""A short up-and-out call, watched weekly, hedged with spot.

Near the barrier its delta is large and turns sign: following it to the letter costs much and hedges badly. A policy
that knows whether the barrier was reached learns how far to follow.
"""

import jax
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
EXPIRY, WEEK = 0.25, 0.25 / 13

market = dh.markets.BlackScholes("A", vol=0.2, rate=0.03)
barrier = i.Barrier("A", strike=1.0, barrier=1.15, expiry=EXPIRY, up=True, monitoring=WEEK)
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=13),
    liability=i.short(barrier),
    instruments=(i.Spot("A"),),
    features=(f.LogMoneyness("A", 1.15), f.TimeLeft(EXPIRY), f.State(barrier, "knocked"), f.Delta(barrier)),
    cost=dh.frictions.ProportionalCost(1e-3),
)
start, train, test = jax.random.split(jax.random.key(0), 3)
delta, risk = dh.policies.Delta("delta"), dh.objectives.CVaR(level=0.95)
mlp = dh.policies.MLP(("log_moneyness", "time_left", "knocked", "delta"), key=start)
fit = dh.fit(problem, market, mlp, risk, optax.adam(2e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 2 * PATHS, key=test, method="random")
policies = {"none": dh.policies.NoHedge(), "delta": delta, "learnt": fit.policy}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, spread = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:6s} CVaR95 {tail:.5f}  deviation {spread:.5f}")
