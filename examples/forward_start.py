"""A call struck at the spot of the day in half a year, in a Heston world: before its start, a position in variance.

Until the strike is fixed a move of the spot moves the price in proportion, and the gamma is 0; what moves it is the
variance expected between start and end. Two variance swaps, long to the end and short to the start, are that variance.
The price is Black's on the volatility which the two swaps imply, and so are the numbers of stocks and swaps. Stock
alone leaves the variance open.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
START, EXPIRY, STEPS = 0.5, 1.0, 52
LAW = {"mean_reversion": 1.5, "long_variance": 0.05}

market = dh.markets.Heston("A", spot=1.0, variance=0.04, vol_of_vol=0.5, correlation=-0.6, **LAW)
call = i.ForwardStart("A", ratio=1.0, start=START, expiry=EXPIRY, vol="A.ahead")
near, far = i.VarianceSwap("A", START, **LAW), i.VarianceSwap("A", EXPIRY, **LAW)


def priced(path):
    """The path with the volatility of what is to come after the start, as the two swaps have it."""
    gone = jnp.where(path.times < START - 1e-6, near.price(path), path.quote("A.realised_variance"))
    left = EXPIRY - jnp.maximum(path.times, START)
    ahead = jnp.where(left > 1e-6, (far.price(path) - gone) / jnp.maximum(left, 1e-6), 0.04)
    return path.with_quotes({"A.ahead": jnp.sqrt(jnp.maximum(ahead, 1e-4))})


class Hedge(f.AbstractFeature):
    """Stocks, and so large a share of the variance swaps to the start and the end as move like the call does."""

    share: jax.Array
    name: str = "hedge"

    def __call__(self, path):
        path = priced(path)
        stocks, vega, vol = f.Delta(call)(path), f.Vega(call)(path), path.quote("A.ahead")
        left = jnp.maximum(EXPIRY - jnp.maximum(path.times, START), 1.0 / STEPS)
        swaps = self.share * vega / (2.0 * vol * left)  # cash per unit of variance times years
        return jnp.stack([stocks, jnp.where(path.times < START, -swaps, 0.0), swaps], axis=-1)


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=EXPIRY, steps=STEPS)
paths = dh.sample(market, grid, PATHS, key=jax.random.key(0), method="random")
premium = float(jax.vmap(lambda path: call.price(priced(path)))(paths)[0, 0])
for name, share, units in (("none", 0.0, 0.0), ("stock", 0.0, 1.0), ("stock and swaps", 1.0, 1.0)):
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.short(call),
        instruments=(i.Spot("A"), near, far),
        features=(Hedge(jnp.array(share)),),
        cost=dh.frictions.HalfSpread((2e-4, 1e-3, 1e-3)),
    )
    wealth = premium + dh.evaluate(problem, {name: dh.policies.Delta("hedge", units)}, paths)[name].wealth
    mean, tail, deviation = float(wealth.mean()), float(risk(wealth)), float(wealth.std())
    print(f"{name:16s} mean {mean:+.4f}  CVaR95 {tail:.4f}  deviation {deviation:.4f}")
