"""A one-touch and a double no-touch on EURUSD, sold, and hedged by options that make them.

Half of the paths that reach a level end above it (the reflection principle), so a touch is worth about two digitals
struck there: hold two, and sell them when it is reached, for about a dollar. Inside a corridor a knock-out call struck
at its lower end and a knock-out put struck at its upper one pay its width together: so many of both are the double
no-touch, exactly. The deltas of either are steep and turn where everything is at stake. A touch and a no-touch are a
bond.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
EXPIRY, STEPS, LOW, HIGH = 0.25, 26, 1.05, 1.15

market = dh.markets.GarmanKohlhagen("EURUSD", vol=0.07, spot=1.1, rate=0.03, foreign=0.03)
watched = {"expiry": EXPIRY, "monitoring": EXPIRY / STEPS}
level = {"barrier": HIGH, "up": True, **watched}
touch, no_touch = i.Touch("EURUSD", at_hit=False, **level), i.NoTouch("EURUSD", **level)
digital, inside = i.Digital("EURUSD", HIGH, EXPIRY), i.DoubleNoTouch("EURUSD", LOW, HIGH, **watched)
ends = (i.DoubleBarrier("EURUSD", strike, LOW, HIGH, call=strike == LOW, **watched) for strike in (LOW, HIGH))


class Held(f.AbstractFeature):
    """The delta in euros, or until a level is reached so many of each option."""

    contract: i.AbstractTradable
    euros: jax.Array
    options: jax.Array
    name: str = "held"

    def __call__(self, path):
        alive = 1.0 - self.contract.state(path)["knocked"]
        return jnp.concatenate([self.euros * f.Delta(self.contract)(path)[:, None], alive[:, None] * self.options], 1)


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=EXPIRY, steps=STEPS)
paths = dh.sample(market, grid, PATHS, key=jax.random.key(0), method="random")
today = jax.tree.map(lambda x: x[0], paths)
prices = [float(contract.price(today)[0]) for contract in (touch, digital, no_touch)]
print("touch {:.3f}, digital {:.3f}, no-touch {:.3f}".format(*prices), f"touch + no-touch {prices[0] + prices[2]:.4f}")
cases = {"touch": (touch, (digital,), (2.0,)), "double no-touch": (inside, tuple(ends), 2 * (1 / (HIGH - LOW),))}
for title, (contract, options, units) in cases.items():
    units = jnp.array(units)
    for name, euros, made in (("none", 0.0, 0.0 * units), ("delta", 1.0, 0.0 * units), ("options", 0.0, units)):
        problem = dh.HedgingProblem(
            grid=grid,
            liability=i.sold(contract),
            instruments=(i.Spot("EURUSD"), *options),
            features=(Held(contract, jnp.array(euros), made),),
            cost=dh.frictions.ProportionalCost((1e-4, *(1e-2 for _ in options))),
        )
        ledger = dh.evaluate(problem, {name: dh.policies.Delta("held")}, paths)[name]
        tail, deviation = float(risk(ledger.wealth)), float(ledger.wealth.std())
        most = float(abs(ledger.position[..., 0]).max())
        print(f"{title:16s} {name:8s} CVaR95 {tail:.3f}  deviation {deviation:.3f}  most euros held {most:4.1f}")
