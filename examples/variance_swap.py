"""A volatility swap on monthly returns, sold in a Heston world and hedged with the variance swap of the same dates.

The root of a variance is worth less than the root of the fair variance. Both swaps are marked by Heston's model; as
many variance swaps are held as make the derivative to the variance of the day 0, and the spot takes the delta.
"""

import equinox as eqx
import jax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048

LAW = {"mean_reversion": 1.5, "long_variance": 0.05, "vol_of_vol": 0.5, "correlation": -0.6}
market = dh.markets.Heston("A", spot=1.0, variance=0.04, **LAW)
terms = {"dates": [n / 12 for n in range(12)], "expiry": 1.0, "strike": 0.0, "model": i.HestonMark(**LAW)}
variance, volatility = i.DatedVarianceSwap("A", **terms), i.VolatilitySwap("A", **terms)

problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=1.0, steps=12),
    liability=i.sold(volatility),
    instruments=(i.Spot("A"), variance),
    features=(
        f.Delta(volatility),
        f.Vega(volatility, quote="A.variance"),
        f.Delta(variance, "hedge_delta"),
        f.Vega(variance, "hedge_vega", quote="A.variance"),
    ),
)
paths = dh.sample(market, problem.grid, PATHS, key=jax.random.key(1), method="random")
first = jax.tree.map(lambda x: x[0], paths)
fair = [float(eqx.filter_jit(swap.price)(first)[0]) for swap in (variance, volatility)]
print(f"fair variance {fair[0]:.5f}, its root {fair[0] ** 0.5:.4f}, fair volatility {fair[1]:.4f}")
policies = {"none": dh.policies.NoHedge(2), "variance swap": dh.policies.DeltaVega()}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    mean, spread = float(ledger.wealth.mean()), float(ledger.wealth.std())
    print(f"{name:13s} mean {mean:+.5f}  deviation {spread:.5f}")
