"""A digital call, sold: cash of 1 if the spot ends at or above the strike.

The delta of a step has no bound: near the strike on the last days it asks for many times what anyone would hold. So a
desk hedges, and charges, a call spread that is worth at least as much: long calls below the strike, short as many at
it. Its delta is never more than 1 over the width. Wider costs more premium and leaves more over; a spread of 2 % of
the strike is about where the tail is best here.
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


hedged = {"digital": digital, "1 % spread": spread(0.01), "2 % spread": spread(0.02), "5 % spread": spread(0.05)}
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=DAYS),
    liability=i.sold(digital),
    instruments=(i.Spot("A"),),
    features=tuple(f.Delta(contract, name, "A") for name, contract in hedged.items()),
    cost=dh.frictions.ProportionalCost(1e-3),
)
risk = dh.objectives.CVaR(level=0.95)
paths = dh.sample(market, problem.grid, 4 * PATHS, key=jax.random.key(0), method="random")
premium = {name: float(jax.vmap(contract.price)(paths)[0, 0]) for name, contract in hedged.items()}
policies = {"none": dh.policies.NoHedge()} | {name: dh.policies.Delta(name) for name in hedged}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    tail, deviation = float(risk(ledger.wealth)), float(ledger.wealth.std())
    most, cost = float(abs(ledger.position).max()), float(ledger.cost.sum(-1).mean())
    print(f"{name:11s} CVaR95 {tail:.3f}  deviation {deviation:.3f}  cost {cost:.3f}  most held {most:5.1f}", end="  ")
    print(f"charged {premium.get(name, premium['digital']):.3f}")
