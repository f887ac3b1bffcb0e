"""A floating-rate note with a cap, held for a year by a desk that deals in a zero bond.

A note that pays the rate of the day is worth its face on each fixing whatever rates do: it is said to have no duration.
The cap that its buyer gave the issuer takes that away, more the higher rates are. A hedge for the plain note is next to
none; the slope of the capped note's price to the short rate, over that of the bond, is the hedge. Without any model, a
payer swap and a floor at the strike are the cap: with both the note is a plain one again.
"""

import equinox as eqx
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


class Held(f.AbstractFeature):
    """Zero bonds that gain with the short rate what the note and a share of the cap do; swaps and floors."""

    note: jax.Array
    cap: jax.Array
    swaps: jax.Array
    name: str = "held"

    def __call__(self, path):
        slope = lambda contract: f.Delta(contract, quote="USD.short")(path)  # noqa: E731
        bonds = (self.cap * slope(cap) - self.note * slope(note)) / slope(zero)
        return jnp.stack([bonds, 0.0 * bonds + self.swaps, 0.0 * bonds + self.swaps], axis=-1)


@eqx.filter_jit
def priced(contracts, path):
    """What each costs today."""
    return [contract.price(path)[0] for contract in contracts]


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=1.0, steps=12)
paths = dh.sample(market, grid, PATHS, key=jax.random.key(0), method="random")
prices = [float(x) for x in priced((note, cap, floor, swap), jax.tree.map(lambda x: x[0], paths))]
print("note {:.4f}, cap {:.4f}, floor {:.4f}, payer swap {:.4f} = cap less floor".format(*prices))
rules = {"none": (0, 0, 0), "as a plain note": (1, 0, 0), "as a capped one": (1, 1, 0), "swap and floor": (0, 0, 1)}
for name, units in rules.items():
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(year, -1.0),  # bought
        instruments=(zero, swap, floor),
        features=(Held(*jnp.array(units, float)),),  # arrays: one compilation serves all
        cost=dh.frictions.HalfSpread((5e-4, 5e-4, 1e-3)),
    )
    wealth = dh.evaluate(problem, {name: dh.policies.Delta("held")}, paths)[name].wealth
    print(f"{name:16s} CVaR95 {float(risk(wealth)):.5f}  deviation {float(wealth.std()):.5f} of the face")
