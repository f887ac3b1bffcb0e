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
EXPIRY, DAYS, LOW, HIGH = 0.25, 63, 1.05, 1.15

market = dh.markets.GarmanKohlhagen("EURUSD", vol=0.07, spot=1.1, rate=0.03, foreign=0.03)
daily = {"expiry": EXPIRY, "monitoring": EXPIRY / DAYS}
level = {"barrier": HIGH, "up": True, **daily}
touch, no_touch = i.Touch("EURUSD", at_hit=False, **level), i.NoTouch("EURUSD", **level)
digital, inside = i.Digital("EURUSD", HIGH, EXPIRY), i.DoubleNoTouch("EURUSD", LOW, HIGH, **daily)
knockouts = (
    i.DoubleBarrier("EURUSD", LOW, LOW, HIGH, **daily),
    i.DoubleBarrier("EURUSD", HIGH, LOW, HIGH, call=False, **daily),
)


class Digitals(f.AbstractFeature):
    """Two digitals until the level is reached, then none."""

    name: str = "two digitals"

    def __call__(self, path):
        units = 2.0 * (1.0 - touch.state(path)["knocked"])
        return jnp.stack([0.0 * units, units], axis=-1)


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=EXPIRY, steps=DAYS)
paths = dh.sample(market, grid, PATHS, key=jax.random.key(0), method="random")
worth = {name: float(jax.vmap(contract.price)(paths)[0, 0]) for name, contract in
         {"touch": touch, "no-touch": no_touch, "digital": digital, "double no-touch": inside}.items()}  # fmt: skip
print({name: round(value, 3) for name, value in worth.items()}, f"bond {worth['touch'] + worth['no-touch']:.4f}")
cases = {
    "touch": (touch, (digital,), dh.policies.Delta("two digitals")),
    "double no-touch": (inside, knockouts, dh.policies.Static((0.0, *2 * (1.0 / (HIGH - LOW),)))),
}
for title, (contract, options, made) in cases.items():
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(contract),
        instruments=(i.Spot("EURUSD"), *options),
        features=(f.Delta(contract), Digitals()),
        cost=dh.frictions.HalfSpread((2e-4, *(1e-2 if contract is touch else 1e-3 for _ in options))),
    )
    policies = {"none": dh.policies.NoHedge(), "delta": dh.policies.Delta(), "options": made}
    for name, ledger in dh.evaluate(problem, policies, paths).items():
        tail, deviation = float(risk(ledger.wealth)), float(ledger.wealth.std())
        most = float(abs(ledger.position[..., 0]).max())
        print(f"{title:16s} {name:8s} CVaR95 {tail:.3f}  deviation {deviation:.3f}  most euros held {most:4.1f}")
