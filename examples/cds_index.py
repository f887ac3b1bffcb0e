"""An option to buy protection on three names, sold for half a year and hedged with the index it is written on.

The spreads move together, and a name may default before the option ends: its loss is paid to the buyer all the same
(front-end protection), so the hedge has to answer both. As many of the index as the two gain with all spreads (their
CS01) answers the first; of a default it pays the loss on so many only. Protection on a single name, three times as much
of it, is a poor proxy.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
EXPIRY, NAMES = 0.5, ("ABLE", "BAKER", "CHARLIE")

markets = [dh.markets.CirIntensity(name, ((1, 5), (0.02, 0.025)), 0.015, 0.5, 0.018, 0.1, rate=0.02, tenors=())
           for name in NAMES]  # fmt: skip
alike = {(one, other): 0.6 for n, one in enumerate(NAMES) for other in NAMES[:n]}
market = dh.markets.Joint(markets, alike)
index = i.CdsIndex(NAMES, 0.014, i.Periods.regular(5.0), laws=markets)
option = i.CdsIndexOption(index, EXPIRY, vol=0.5)
single = i.Cds(NAMES[0], 0.014, 5.0, law=markets[0])


class Held(f.AbstractFeature):
    """Of the index or the single name as many as gain with all spreads what the option does; none once it is dead."""

    share: jax.Array
    name: str = "held"

    def __call__(self, path):
        gains = jnp.stack([swap.cs01(path) for swap in (index, single)], axis=-1)
        return jnp.where(gains > 0, self.share * option.cs01(path)[:, None] / jnp.where(gains > 0, gains, 1.0), 0.0)


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=EXPIRY, steps=26)
paths = dh.sample(market, grid, 4 * PATHS, key=jax.random.key(0), method="random")
worth, dead = jax.jit(jax.vmap(lambda path: (option.price(path)[0], option.state(path)["defaulted"][-1] > 0)))(paths)
print(f"premium {float(worth[0]):.5f}, names die on {100 * float(dead.mean()):.1f} % of paths")
for name, share in (("none", (0.0, 0.0)), ("single name", (0.0, 1.0)), ("index", (1.0, 0.0))):
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(option),
        instruments=(index, single),
        features=(Held(jnp.array(share)),),
        cost=dh.frictions.HalfSpread((1e-4, 2e-4)),
    )
    wealth = dh.evaluate(problem, {name: dh.policies.Delta("held")}, paths)[name].wealth
    tail, all_of_them, calm = (float(x) for x in (risk(wealth), wealth.std(), wealth[~dead].std()))
    print(f"{name:12s} CVaR95 {tail:.5f}  deviation {all_of_them:.5f}, where nobody dies {calm:.5f}")
