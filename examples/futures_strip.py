"""A price of one-year oil, promised for settlement in nine months, hedged with the nearest future, which is rolled.

One nearest future a barrel hedges the level of the curve, but also bets on shocks that fade before the delivery
(Schwartz and Smith): here it is no better than nothing. The best constant position is half of it; training finds that.
"""

import jax
import optax

import deephedge as dh
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
DATES = (0.25, 0.5, 0.75, 1.0, 1.25)

market = dh.markets.SchwartzSmith("CL", 60.0, 3.0, 0.5, 0.15, correlation=0.1, rate=0.04, expiries=DATES)
names = tuple(f"CL.future.{years:g}" for years in DATES)
strip = i.FuturesStrip(names, DATES, nearby=1, lag=4 / 52)
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=0.75, steps=39),
    liability=i.short(i.Forward("CL.future.1", strike=60.0, expiry=0.75)),
    instruments=(strip,),
    features=(dh.features.TimeLeft(0.75),),
    cost=dh.frictions.ProportionalCost(2e-4),
)
train, test = jax.random.split(jax.random.key(0))
risk = dh.objectives.CVaR(level=0.95)
one = dh.policies.Static((1.0,))
fit = dh.fit(problem, market, one, risk, optax.adam(1e-2), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 4 * PATHS, key=test, method="random")
policies = {"none": dh.policies.NoHedge(), "one to one": one, "trained": fit.policy}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    print(f"{name:10s} CVaR95 {float(risk(ledger.wealth)):6.3f}  deviation {float(ledger.wealth.std()):.3f} dollars")
print("trained position", fit.policy.positions.round(2).tolist())
print("it rolls in the weeks", strip.rolls(jax.tree.map(lambda x: x[0], paths)).nonzero()[0].tolist())
