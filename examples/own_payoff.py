"""A payoff of your own is one class with ``cashflows``; here a capped call on the average of the last week."""

import jax
import jax.numpy as jnp
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
EXPIRY = 30 / 365


class CappedWeek(i.AbstractContract):
    """Pays the average of the last five closes over 1, between 0 and 0.05, at the end."""

    def cashflows(self, path):
        payoff = jnp.clip(path.quote("SPX")[-5:].mean() - 1.0, 0.0, 0.05)
        return jnp.zeros_like(path.times).at[-1].set(payoff)


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=30),
    liability=i.short(CappedWeek()),
    instruments=(i.Spot("SPX"),),
    features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(EXPIRY), f.Window(f.LogMoneyness("SPX", 1.0), 5, name="week")),
    cost=dh.frictions.ProportionalCost(1e-4),
)
market = dh.markets.BlackScholes("SPX", vol=0.2)
policy = dh.policies.MLP(("log_moneyness", "time_left", "week"), key=jax.random.key(0), inputs=7)
risk = dh.objectives.Entropic(risk_aversion=50.0)
fit = dh.fit(problem, market, policy, risk, optax.adam(3e-3), updates=UPDATES, paths=PATHS, key=jax.random.key(1))
wealth = dh.simulate_wealth(problem, market, fit.policy, paths=50_000, key=jax.random.key(2))
print(f"price {float(risk(wealth)):.5f}; mean payoff {-float(wealth.mean()):.5f}")
