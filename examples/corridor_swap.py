"""A corridor variance swap: weekly squared returns count only where the week began between two levels.

A variance swap held one for one also earns what the corridor leaves out. Held in the weeks that count and sold in the
others, it pays what is realised; what is still to come changes with the spot, as the chance of being inside does, and
that is the delta's.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
EXPIRY, WEEKS, LOW, HIGH = 0.25, 13, 0.95, 1.05

market = dh.markets.BlackScholes("A", vol=0.2)
dates = [EXPIRY * n / WEEKS for n in range(WEEKS)]
corridor = i.CorridorVarianceSwap("A", dates, EXPIRY, strike=0.0, low=LOW, high=HIGH, notional=100.0)
swap = i.QuotedVarianceSwap("A", EXPIRY, notional=100.0 / EXPIRY)


class Held(f.AbstractFeature):
    """A variance swap while the spot is in the corridor or always, and the corridor's delta or none."""

    always: jax.Array
    delta: jax.Array
    name: str = "held"

    def __call__(self, path):
        spot = path.quote("A")
        counts = jnp.where((spot >= LOW) & (spot <= HIGH), 1.0, self.always)
        return jnp.stack([self.delta * f.Delta(corridor)(path), counts], axis=-1)


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=EXPIRY, steps=WEEKS)
paths = dh.sample(market, grid, 4 * PATHS, key=jax.random.key(0), method="random")
prices = [float(jax.vmap(contract.price)(paths)[0, 0]) for contract in (corridor, swap)]
print("fair variance inside {:.3f} of {:.3f} points".format(*prices))
rules = {
    "none": (0.0, 0.0, 0.0),
    "always": (1.0, 0.0, 1.0),
    "inside": (0.0, 0.0, 1.0),
    "inside, delta": (0.0, 1.0, 1.0),
}
for name, (always, delta, units) in rules.items():
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(corridor),
        instruments=(i.Spot("A"), swap),
        features=(Held(jnp.array(always), jnp.array(delta)),),
        cost=dh.frictions.HalfSpread((2e-4, 0.02)),
    )
    wealth = dh.evaluate(problem, {name: dh.policies.Delta("held", units)}, paths)[name].wealth
    print(f"{name:14s} CVaR95 {float(risk(wealth)):.3f}  deviation {float(wealth.std()):.3f} variance points")
