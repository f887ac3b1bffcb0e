"""A bear put spread sold by a desk that already holds stock, closes out at the end, and may not go long.

Any payoff with a price can be a liability; its own delta is a feature, and the centre of the band.
"""

import jax
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
EXPIRY = 30 / 365

spread = i.Book((i.EuropeanPut("SPX", strike=102.0, expiry=EXPIRY), i.EuropeanPut("SPX", 95.0, EXPIRY)), (1.0, -1.0))
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=30),
    liability=i.short(spread),
    instruments=(i.Spot("SPX"),),
    features=(f.LogMoneyness("SPX", 100.0), f.TimeLeft(EXPIRY), f.Delta(spread, quote="SPX")),
    cost=dh.frictions.ProportionalCost(1e-3),
    constraint=dh.frictions.Box(upper=0.0),
    initial=-0.2,
    close_out=True,
)
market = dh.markets.BlackScholes("SPX", vol=0.2, spot=100.0)
delta = dh.policies.Delta("delta")
start, train, test = jax.random.split(jax.random.key(0), 3)
policy = dh.policies.NoTransactionBand(("log_moneyness", "time_left", "delta"), key=start, centre=delta)
risk = dh.objectives.CVaR(level=0.95)
fit = dh.fit(problem, market, policy, risk, optax.adam(3e-3), updates=UPDATES, paths=PATHS, key=train)
paths = dh.sample(market, problem.grid, 20_000, key=test, method="random")
for name, ledger in dh.evaluate(problem, {"learnt": fit.policy, "delta": delta}, paths).items():
    print(f"{name:7s} CVaR95 {float(risk(ledger.wealth)):.3f}  cost {float(ledger.cost.sum(-1).mean()):.3f}")
for check in fit.checks:
    print(check)
