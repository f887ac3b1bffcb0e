"""A short call on the average of three month ends, hedged with spot.

What is fixed no longer moves: delta is the slope of the price a moment after each point, when a fixing there is known.
"""

import jax
import jax.numpy as jnp
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
EXPIRY = 0.25

market = dh.markets.BlackScholes("A", vol=0.3, rate=0.03)
asian = i.Asian("A", dates=(1 / 12, 2 / 12, 3 / 12), expiry=EXPIRY, strike=1.0)


class Delta(f.AbstractFeature):
    """The derivative of the price to the spot from here on."""

    name: str = "delta"

    def __call__(self, path):
        twice = jax.tree.map(lambda x: jnp.repeat(x, 2), path)  # each point, and a moment after it

        def after(spot):
            return asian.price(twice.with_quotes({"A": jnp.stack([path.quote("A"), spot], -1).ravel()}))[1::2]

        spot = path.quote("A")
        return jax.jvp(after, (spot,), (jnp.ones_like(spot),))[1]


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=12),
    liability=i.short(asian),
    instruments=(i.Spot("A"),),
    features=(f.LogMoneyness("A", 1.0), f.TimeLeft(EXPIRY), f.State(asian, "average"), Delta()),
    cost=dh.frictions.ProportionalCost(2e-3),
)
start, train, test = jax.random.split(jax.random.key(0), 3)
delta, risk = dh.policies.Delta("delta"), dh.objectives.CVaR(level=0.95)
mlp = dh.policies.MLP(("log_moneyness", "time_left", "average"), key=start, baseline=delta)
fit = dh.fit(problem, market, mlp, risk, optax.adam(1e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 2 * PATHS, key=test, method="random")
for name, ledger in dh.evaluate(problem, {"delta": delta, "learnt": fit.policy}, paths).items():
    print(f"{name:6s} CVaR95 {float(risk(ledger.wealth)):.5f}  deviation {float(ledger.wealth.std()):.5f}")
