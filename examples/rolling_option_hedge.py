"""A call of one year, hedged every third day with the stock and the one-month option of the day.

The option is struck at the money and replaced every two weeks, so it always has gamma where the stock is. The
option's spread is 20 times the stock's, a share of its own price.
"""

import jax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048

market = dh.markets.BlackScholes("A", vol=0.2, rate=0.03)
call = i.EuropeanCall("A", strike=1.0, expiry=1.0)
option = i.RollingOption("A", tenor=1 / 12, every=1 / 24)
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=1.0, steps=120),
    liability=i.sold(call),
    instruments=(i.Spot("A"), option),
    features=(
        f.Delta(call),
        f.Gamma(call),
        f.Delta(option, "hedge_delta"),  # of the option held: its strike stays where it was opened
        f.Gamma(option, "hedge_gamma"),
    ),
    cost=dh.frictions.ProportionalCost((1e-4, 2e-3)),
)
paths = dh.sample(market, problem.grid, PATHS, key=jax.random.key(0), method="random")
policies = {"none": dh.policies.NoHedge(2), "delta": dh.policies.Delta(), "delta, gamma": dh.policies.DeltaGamma()}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    spread, cost = float(ledger.wealth.std()), float(ledger.cost.sum(-1).mean())
    print(f"{name:12s} deviation {spread:.5f}  cost {cost:.5f}")
rolls = option.rolls(jax.tree.map(lambda x: x[0], paths))
print(f"the option was replaced {int(rolls.sum())} times")
