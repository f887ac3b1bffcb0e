"""How much of a result is luck? The same network from several starting points, trained at once."""

import jax
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
EXPIRY = 20 / 250
NAMES = ("log_moneyness", "time_left", "vol")

problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=20),
    liability=i.short(i.EuropeanCall("SPX", strike=1.0, expiry=EXPIRY)),
    instruments=(i.Spot("SPX"),),
    features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(EXPIRY), f.Quote("SPX.vol", "vol")),
    cost=dh.frictions.ProportionalCost(1e-3),
)
market, risk = dh.markets.BlackScholes("SPX", vol=0.2), dh.objectives.CVaR(level=0.9)
starts = [dh.policies.NoTransactionBand(NAMES, key=k) for k in jax.random.split(jax.random.key(1), 4)]
fits = dh.fit_seeds(
    problem, market, starts, risk, optax.adam(3e-3), updates=UPDATES, paths=PATHS, key=jax.random.key(2)
)
paths = dh.sample(market, problem.grid, 20_000, key=jax.random.key(3), method="random")
policies = {f"seed {n}": fit.policy for n, fit in enumerate(fits)}
for name, ledger in dh.evaluate(problem, policies | {"delta": dh.policies.BlackScholesDelta()}, paths).items():
    print(f"{name:7s} CVaR90 {float(risk(ledger.wealth)):.5f}")
