"""A floating-rate note with a cap, held by a desk that deals in a zero bond.

A note that pays the rate of the day is worth its face on each fixing whatever rates do: it is said to have no duration.
The cap that its buyer gave the issuer takes that away, more the higher rates are. A hedge for the plain note is next to
none; the slope of the capped note's price to the short rate, over that of the bond, is the hedge. A floor sold to the
investor with it, and the cap, are a swap: the table's last row.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
STRIKE = 0.04

market = dh.markets.HullWhite(((1, 10), (0.03, 0.038)), mean_reversion=0.05, vol=0.012, tenors=())
curve, halves = i.ModelCurve(market), dh.Schedule.uniform(0.0, 4.0, periods=8)
later = dh.Schedule.uniform(0.5, 4.0, periods=7)
note, zero = i.FloatingRateNote(halves, curve), i.ZeroBond(4.0, curve)
cap, floor = (i.Cap(later, STRIKE, curve, call=call) for call in (True, False))
capped = i.Book((note, cap), (1.0, -1.0))
swap = i.Swap(later, later, STRIKE, curve)
year = i.Ending(capped, 1.0)  # held for a year, and sold for what it is worth then


class Bonds(f.AbstractFeature):
    """Zero bonds that gain with the short rate what a contract does."""

    contract: i.AbstractTradable
    name: str = "bonds"

    def __call__(self, path):
        one, other = (f.Delta(contract, quote="USD.short")(path) for contract in (self.contract, zero))
        return jnp.stack([one / other, 0.0 * one, 0.0 * one], axis=-1)


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=1.0, steps=12)
paths = dh.sample(market, grid, PATHS, key=jax.random.key(0), method="random")
today = jax.tree.map(lambda x: x[0], paths)
prices = [float(contract.price(today)[0]) for contract in (note, cap, floor, swap)]
print("note {:.4f}, cap {:.4f}, floor {:.4f}, payer swap {:.4f} = cap less floor".format(*prices))
rules = {
    "none": (note, dh.policies.Delta("bonds", 0.0)),
    "as a plain note": (note, dh.policies.Delta("bonds", -1.0)),
    "as a capped one": (capped, dh.policies.Delta("bonds", -1.0)),
    "swap and floor": (note, dh.policies.Static((0.0, 1.0, 1.0))),
}
for name, (like, policy) in rules.items():
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(year, -1.0),  # bought
        instruments=(zero, swap, floor),
        features=(Bonds(like),),
        cost=dh.frictions.HalfSpread((5e-4, 5e-4, 1e-3)),
    )
    wealth = dh.evaluate(problem, {name: policy}, paths)[name].wealth
    print(f"{name:16s} CVaR95 {float(risk(wealth)):.5f}  deviation {float(wealth.std()):.5f} of the face")
