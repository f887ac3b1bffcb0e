"""A ten-year bond, held for half a year and hedged with the bond future.

The future follows the cheapest of the bonds that may be delivered, each divided by its conversion factor; with yields
below the 6 % of the factors that is the shortest one. One future to a bond of the same face hedges too much or too
little, and so does the bond's own factor, which is meant for the one that is delivered. The number of futures is the
ratio of what both gain with the short rate.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
DELIVERY, EXPIRY = "2025-09-10", 0.69
TERMS = {"today": "2025-01-02", "calendar": "target", "day_count": "act/act icma", "roll": "unadjusted"}

market = dh.markets.HullWhite(((1, 5, 15), (0.038, 0.041, 0.044)), mean_reversion=0.03, vol=0.011)
bonds = [(0.04, "2032-05-15"), (0.045, "2034-11-15")]  # that may be delivered


def note(coupon, end):
    """A bond with half-yearly coupons."""
    return i.FixedBond(dh.Schedule.from_dates("2025-01-02", end, 6, **TERMS), coupon, i.ModelCurve(market))


factors = [i.conversion_factor(coupon, DELIVERY, end) for coupon, end in bonds]
future = i.BondFuture([note(*terms) for terms in bonds], factors, EXPIRY)
held = note(*bonds[-1])


class Sold(f.AbstractFeature):
    """Futures sold against the bond: a number, or so large a part of what both gain with the short rate."""

    number: jax.Array
    part: jax.Array
    name: str = "sold"

    def __call__(self, path):
        bond, other = (f.Delta(contract, quote="USD.short")(path) for contract in (held, future))
        return -self.number - self.part * bond / other


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=0.5, steps=26)
paths = dh.sample(market, grid, PATHS, key=jax.random.key(0), method="random")
cheapest = jax.jit(jax.vmap(future.state))(paths)["cheapest"]
share = float((cheapest[:, -1] == cheapest[0, 0]).mean())
print(f"factors {factors}, the cheapest is bond {int(cheapest[0, 0])}, and so after half a year on {100 * share:.0f} %")
rules = {"none": (0.0, 0.0), "one to one": (1.0, 0.0), "factor": (factors[-1], 0.0), "ratio": (0.0, 1.0)}
for name, (number, part) in rules.items():
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(i.Ending(held, 0.5), -1.0),  # bought, and sold for its price after half a year
        instruments=(future,),
        features=(Sold(jnp.array(number), jnp.array(part)),),
        cost=dh.frictions.HalfSpread(2e-4),
    )
    wealth = dh.evaluate(problem, {name: dh.policies.Delta("sold")}, paths)[name].wealth
    print(f"{name:10s} CVaR95 {float(risk(wealth)):.5f}  deviation {float(wealth.std()):.5f} of the face")
