"""A lookback put: the holder sells at the highest weekly price of a quarter, and gets what the spot is below it.

At a new high the maximum moves along with the spot: the delta is near 0 there, and the gamma that of a straddle. The
spot, dealt in once a week, leaves it open. One straddle at today's price, bought with the premium and kept, takes
most of it while highs are near; the spot then hedges the difference.
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
    """One straddle, and the spot that is left to hold beside it."""

    name: str = "straddle"

    def __call__(self, path):
        left = f.Delta(lookback)(path) - f.Delta(straddle, quote="A")(path)
        return jnp.stack([left, jnp.ones_like(left)], axis=-1)


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=WEEKS),
    liability=i.sold(lookback),
    instruments=(i.Spot("A"), straddle),
    features=(f.Delta(lookback), Beside()),
    cost=dh.frictions.ProportionalCost((2e-4, 1e-2)),
)
risk = dh.objectives.CVaR(level=0.95)
paths = dh.sample(market, problem.grid, PATHS, key=jax.random.key(0), method="random")
prices = [float(jax.vmap(contract.price)(paths)[0, 0]) for contract in (lookback, straddle)]
print("premium {:.4f}, the straddle {:.4f}".format(*prices))
policies = {"none": dh.policies.NoHedge(2), "delta": dh.policies.Delta(), "straddle": dh.policies.Delta("straddle")}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, spread = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:9s} CVaR95 {tail:.4f}  deviation {spread:.4f}  cost {float(ledger.cost.sum(-1).mean()):.4f}")
