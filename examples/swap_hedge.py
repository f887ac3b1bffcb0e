"""A payer swaption under Hull and White, hedged with the swap that it delivers.

One factor moves everything, so one swap is the hedge, traded every fourth week: held by the ratio of what the two
prices gain with the short rate.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
EXPIRY = 1.0

market = dh.markets.HullWhite(((1, 10), (0.03, 0.038)), mean_reversion=0.05, vol=0.012, tenors=())
curve = i.ModelCurve(market)
years, halves = dh.Schedule.uniform(EXPIRY, 6.0, periods=5), dh.Schedule.uniform(EXPIRY, 6.0, periods=10)
swap = i.Swap(years, halves, 0.04, curve)
swaption = i.Swaption(swap, EXPIRY)


class Ratio(f.AbstractFeature):
    """What the swaption's price gains with the short rate, over what the swap's does."""

    name: str = "ratio"

    def __call__(self, path):
        def slope(contract):
            price = lambda short: contract.price(path.with_quotes({"USD.short": short}))  # noqa: E731
            return jax.jvp(price, (path.quote("USD.short"),), (jnp.ones_like(path.times),))[1]

        return (slope(swaption) / slope(swap))[:, None]


risk = dh.objectives.CVaR(level=0.95)
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=13),
    liability=i.sold(swaption),
    instruments=(swap,),
    features=(Ratio(),),
    cost=dh.frictions.ProportionalCost(1e-3),
)
paths = dh.sample(market, problem.grid, PATHS, key=jax.random.key(0), method="random")
policies = {"none": dh.policies.NoHedge(1), "ratio": dh.policies.Delta("ratio")}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, spread = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:5s}  CVaR95 {tail:.5f}  deviation {spread:.5f} of the notional")
