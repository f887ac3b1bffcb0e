"""A call on a basket of two stocks, hedged with both together.

The basket's own price has a derivative to each stock: the two deltas are one feature, a policy, and the centre of what
is learnt.
"""

import jax
import jax.numpy as jnp
import optax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

UPDATES = 400
PATHS = 2048
EXPIRY, LIKE = 0.25, 0.5

market = dh.markets.BlackScholes(("A", "B"), vol=(0.2, 0.3), rate=0.03, correlation=[[1, LIKE], [LIKE, 1]])
basket = i.Basket(("A", "B"), weights=(0.5, 0.5), strike=1.0, expiry=EXPIRY, correlation=LIKE)


class Deltas(f.AbstractFeature):
    """The derivatives of the basket's price to its two stocks."""

    name: str = "deltas"

    def __call__(self, path):
        def value(quotes):
            return basket.price(path.with_quotes(quotes)).sum()  # the price at a point reads that point alone

        slopes = jax.grad(value)({name: path.quote(name) for name in ("A", "B")})
        return jnp.stack([slopes["A"], slopes["B"]], axis=-1)


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=13),
    liability=i.short(basket),
    instruments=(i.Spot("A"), i.Spot("B")),
    features=(f.TimeLeft(EXPIRY), f.LogMoneyness("A", 1.0, name="a"), f.LogMoneyness("B", 1.0, name="b"), Deltas()),
    cost=dh.frictions.ProportionalCost(1e-3),
)
start, train, test = jax.random.split(jax.random.key(0), 3)
delta, risk = dh.policies.Delta("deltas"), dh.objectives.CVaR(level=0.95)
mlp = dh.policies.MLP(("time_left", "a", "b"), key=start, instruments=2, baseline=delta)
fit = dh.fit(problem, market, mlp, risk, optax.adam(1e-3), updates=UPDATES, paths=PATHS, key=train, checks=False)
paths = dh.sample(market, problem.grid, 2 * PATHS, key=test, method="random")
policies = {"none": dh.policies.NoHedge(2), "delta": delta, "learnt": fit.policy}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, spread = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:6s} CVaR95 {tail:.5f}  deviation {spread:.5f}")
print(f"price  {float(basket.price(jax.tree.map(lambda x: x[0], paths))[0]):.5f}")
