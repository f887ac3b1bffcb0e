"""A cliquet: the client gets the sum of quarterly returns, each held between -2 % and 5 %.

Past returns are known and the last fixing is the strike of the running period: both are features, from the contract's
own memory. The baseline is the delta of its price, a sum of forward-start call spreads.
"""

import jax
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048

market = dh.markets.BlackScholes("A", vol=0.2, rate=0.02)
cliquet = i.Cliquet("A", dates=(0.0, 0.25, 0.5, 0.75), expiry=1.0, floor=-0.02, cap=0.05)

problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=1.0, steps=12),
    liability=i.short(cliquet),
    instruments=(i.Spot("A"),),
    features=(f.TimeLeft(1.0), f.LogMoneyness("A", 1.0), f.State(cliquet, "accrued"), f.State(cliquet, "fixing"),
              f.Delta(cliquet)),
    cost=dh.frictions.ProportionalCost(1e-3),
)  # fmt: skip
start, train, test = jax.random.split(jax.random.key(0), 3)
delta, risk = dh.policies.Delta("delta"), dh.objectives.CVaR(level=0.95)
mlp = dh.policies.MLP(("time_left", "log_moneyness", "accrued", "fixing"), key=start, baseline=delta)
fit = dh.fit(problem, market, mlp, risk, optax.adam(1e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 2 * PATHS, key=test, method="random")
policies = {"none": dh.policies.NoHedge(), "delta": delta, "learnt": fit.policy}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    print(f"{name:6s} CVaR95 {float(risk(ledger.wealth)):.5f}  deviation {float(ledger.wealth.std()):.5f}")
