"""A lookback put: the holder sells at the highest weekly price of a quarter, and gets what the spot is below it.

At a new high the maximum moves along with the spot: the delta is near 0 there, and the gamma that of a straddle. The
spot, dealt in once a week, leaves it open. One straddle at today's price, bought with the premium and kept, takes it
until the high has moved away; the spot hedges the difference.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
EXPIRY, WEEKS = 0.25, 13

market = dh.markets.BlackScholes("A", vol=0.2, rate=0.02)
lookback = i.Lookback("A", EXPIRY, call=False, monitoring=EXPIRY / WEEKS)
straddle = i.Book((i.EuropeanCall("A", 1.0, EXPIRY), i.EuropeanPut("A", 1.0, EXPIRY)), (1.0, 1.0))


class Beside(f.AbstractFeature):
    """So many straddles, and the spot that is left to hold beside them."""

    straddles: jax.Array
    name: str = "hedge"

    def __call__(self, path):
        left = f.Delta(lookback)(path) - self.straddles * f.Delta(straddle, quote="A")(path)
        return jnp.stack([left, jnp.broadcast_to(self.straddles, left.shape)], axis=-1)


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=EXPIRY, steps=WEEKS)
paths = dh.sample(market, grid, PATHS, key=jax.random.key(0), method="random")
for name, straddles, units in (("none", 0.0, 0.0), ("delta", 0.0, 1.0), ("straddle", 1.0, 1.0)):
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(lookback),
        instruments=(i.Spot("A"), straddle),
        features=(Beside(jnp.array(straddles)),),  # an array: one compilation serves all three
        cost=dh.frictions.ProportionalCost((2e-4, 1e-2)),
    )
    ledger = dh.evaluate(problem, {name: dh.policies.Delta("hedge", units)}, paths)[name]
    tail, spread, cost = float(risk(ledger.wealth)), float(ledger.wealth.std()), float(ledger.cost.sum(-1).mean())
    print(f"{name:9s} CVaR95 {tail:.4f}  deviation {spread:.4f}  cost {cost:.4f}")
