"""A ten-year bond, held for half a year and hedged with the bond future.

The future follows the cheapest of the bonds that may be delivered, each divided by its conversion factor. One future to
a bond is the naive hedge. The conversion factor of the bond is the usual one; the right number is the ratio of what
both gain with the short rate, which knows that the cheapest bond is a shorter one, and another where rates rise.
"""

import jax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
DELIVERY, EXPIRY = "2025-09-10", 0.69
TERMS = {"today": "2025-01-02", "calendar": "target", "day_count": "act/act icma", "roll": "unadjusted"}

market = dh.markets.HullWhite(((1, 5, 15), (0.05, 0.055, 0.058)), mean_reversion=0.03, vol=0.011)
bonds = [(0.055, "2032-05-15"), (0.06, "2033-05-15"), (0.05, "2034-11-15")]  # that may be delivered


def note(coupon, end):
    """A bond with half-yearly coupons."""
    return i.FixedBond(dh.Schedule.from_dates("2025-01-02", end, 6, **TERMS), coupon, i.ModelCurve(market))


factors = [i.conversion_factor(coupon, DELIVERY, end) for coupon, end in bonds]
future = i.BondFuture([note(*terms) for terms in bonds], factors, EXPIRY)
held = note(0.05, "2034-11-15")


class Ratio(f.AbstractFeature):
    """What the bond gains with the short rate, over what the future does."""

    name: str = "ratio"

    def __call__(self, path):
        bond, other = (f.Delta(contract, quote="USD.short")(path) for contract in (held, future))
        return bond / other


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=0.5, steps=26),
    liability=i.sold(i.Ending(held, 0.5), -1.0),  # bought, and sold for its price after half a year
    instruments=(future,),
    features=(Ratio(),),
    cost=dh.frictions.HalfSpread(2e-4),
)
risk = dh.objectives.CVaR(level=0.95)
paths = dh.sample(market, problem.grid, PATHS, key=jax.random.key(0), method="random")
cheapest = jax.vmap(future.state)(paths)["cheapest"]
share = [round(float((cheapest[:, -1] == n).mean()), 2) for n in range(len(bonds))]
print(f"factors {factors}, today the cheapest is bond {int(cheapest[0, 0])}, after half a year in shares {share}")
policies = {
    "none": dh.policies.Static((0.0,)),
    "one to one": dh.policies.Static((-1.0,)),
    "factor": dh.policies.Static((-factors[-1],)),
    "ratio": dh.policies.Delta("ratio", -1.0),
}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, deviation = float(risk(ledger.wealth)), float(ledger.wealth.std())
    print(f"{name:10s} CVaR95 {tail:.5f}  deviation {deviation:.5f} of the face")
