"""A risky bond, hedged by the default swap on its issuer: the spread moves every day, default comes once.

One ratio takes out the spread (the quotient of the two CS01), another the default (what the bond loses over what the
swap gains), and they are far apart: the bond is short, the swap is long. Which to hold is a matter of the objective;
`credit.py` learns it.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048

market = dh.markets.CirIntensity("ACME", ((1, 5), (0.03, 0.04)), 0.02, 0.5, 0.025, vol=0.12, rate=0.02)
bond, swap = i.RiskyBond("ACME", coupon=0.05, periods=1.0), i.Cds("ACME", spread=0.025, periods=5.0)


class Ratio(f.AbstractFeature):
    """Swaps to hold against the spread or the default of one bond; none once the name is dead."""

    name: str

    def __call__(self, path):
        alive = path.quote("ACME.alive")
        lost, won = bond.price(path) - bond.recovery, 1 - swap.recovery - swap.price(path)
        if self.name == "spread":
            lost, won = -bond.cs01(path), swap.cs01(path)
        return alive * lost / jnp.where(alive > 0, won, 1.0)


problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=1.0, steps=26),
    liability=i.long(bond),
    instruments=(swap,),
    features=(Ratio("spread"), Ratio("default")),
    cost=dh.frictions.ProportionalCost(1e-2),
)
risk = dh.objectives.CVaR(level=0.95)
paths = dh.sample(market, problem.grid, 4 * PATHS, key=jax.random.key(0), method="random")
policies = {"none": dh.policies.NoHedge(), **{name: dh.policies.Delta(name) for name in ("spread", "default")}}
for name, ledger in dh.evaluate(problem, policies, paths).items():
    print(f"{name:8s} CVaR95 {float(risk(ledger.wealth)):.4f}  deviation {float(ledger.wealth.std()):.4f} of the face")
