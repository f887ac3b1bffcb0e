"""A digital call, sold: cash of 1 if the spot ends at or above the strike.

The delta of a step has no bound: near the strike on the last days it asks for many times what anyone would hold, and
one day of the spot then makes or costs almost half of what the contract pays. So a desk hedges, and charges, a call
spread that is worth at least as much: long calls below the strike, short as many at it. Its delta is never more than 1
over the width. The wider, the smaller the tail and the dearer for the client. The deviation grows: what is left over is
a gain.
"""

import jax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
EXPIRY, DAYS = 0.25, 63

market = dh.markets.BlackScholes("A", vol=0.2)
digital = i.Digital("A", strike=1.0, expiry=EXPIRY)


def spread(width):
    """Calls that pay 0 below 1 - width, 1 from the strike on, and a straight line between: never less than the step."""
    calls = i.EuropeanCall("A", 1.0 - width, EXPIRY), i.EuropeanCall("A", 1.0, EXPIRY)
    return i.Book(calls, (1.0 / width, -1.0 / width))


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=EXPIRY, steps=DAYS)
paths = dh.sample(market, grid, 4 * PATHS, key=jax.random.key(0), method="random")
hedged = {"none": digital, "digital": digital} | {f"{width:.0%} spread": spread(width) for width in (0.01, 0.02, 0.05)}
for name, contract in hedged.items():
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(digital),
        instruments=(i.Spot("A"),),
        features=(f.Delta(contract, quote="A"),),
        cost=dh.frictions.ProportionalCost(1e-3),
    )
    ledger = dh.evaluate(problem, {name: dh.policies.Delta(units=float(name != "none"))}, paths)[name]
    worth = float(jax.vmap(contract.price)(paths)[0, 0])
    tail, deviation, most = float(risk(ledger.wealth)), float(ledger.wealth.std()), float(abs(ledger.position).max())
    print(f"{name:10s} worth {worth:.3f}  CVaR95 {tail:.3f}  deviation {deviation:.3f}  most shares held {most:4.1f}")
