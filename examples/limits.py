"""A desk within limits: on its Greeks, on what it trades at once, on its loss in a crash; and which one binds."""

import jax
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import frictions as c
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
EXPIRY = 0.25
call = i.EuropeanCall("SPX", strike=1.0, expiry=EXPIRY)
limits = c.Limits(
    (c.delta_limit("SPX", 0.1), c.TurnoverLimit(1.0), c.ScenarioLimit("crash", 0.05, {"SPX": 0.8}, {"SPX.vol": 0.1})),
    box=c.Box(lower=0.0, upper=1.0),
)
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=12),
    liability=i.sold(call),
    instruments=(i.Spot("SPX"), i.EuropeanCall("SPX", strike=1.05, expiry=0.5)),
    features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(EXPIRY), f.Delta(call)),
    cost=c.ProportionalCost((1e-3, 1e-2)),
    constraint=limits,
)
market = dh.markets.BlackScholes("SPX", vol=0.2)
policy = dh.policies.MLP(("log_moneyness", "time_left", "delta"), key=jax.random.key(0), instruments=2)
risk = dh.objectives.CVaR(0.95)
fit = dh.fit(
    problem, market, policy, risk, optax.adam(3e-3), updates=UPDATES, paths=PATHS, key=jax.random.key(1), validation=0
)
paths = dh.sample(market, problem.grid, PATHS, key=jax.random.key(2), method="random")
ledger = dh.evaluate(problem, {"learnt": fit.policy}, paths)["learnt"]
print(f"CVaR 95 %: {float(risk(ledger.wealth)):.4f}; largest use of a limit: {float(ledger.usage.max()):.4f}")
for n, limit in enumerate(limits.limits):
    print(f"{limit.name} binds in {float((ledger.usage[..., n] > 0.99).mean()):.1%} of decisions")
