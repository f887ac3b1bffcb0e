"""A convertible bond, held for a year and hedged by selling the stock short.

Converted it is so many shares, but today it is a bond with an option on them: the lattice says how many shares it
moves like. Selling all of them short hedges the option away and leaves a bet on the stock falling; the delta leaves
what convertible desks are after, the gamma of the option and, here, the yield of the debt. Its holder may put it after
two years, its issuer call it from the first year on.
"""

import jax
import jax.numpy as jnp

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
RATIO, HELD = 0.9, 1.0

market = dh.markets.BlackScholes("ACME", vol=0.35, spot=100.0, rate=0.03)
bond = i.FixedBond(dh.Schedule.uniform(0.0, 3.0, periods=3), 0.01, i.FlatCurve(), notional=100.0)
loan = i.ConvertibleBond(
    bond, "ACME", RATIO, spread=0.02, call_price=115.0, call_from=1.0, put_dates=(2.0,), put_prices=(100.0,), steps=40
)
year = i.Ending(loan, HELD)  # what is paid later is in its price then


class Shares(f.AbstractFeature):
    """Shares to hold against the loan until it ends: what its price moves like, or all that it converts into."""

    price: jax.Array
    name: str = "shares"

    def __call__(self, path):
        def worth(spot):
            return sum(loan.parts(path.with_quotes({"ACME": spot})))  # equity and debt

        spot = path.quote("ACME")
        delta = jax.jvp(worth, (spot,), (jnp.ones_like(spot),))[1]
        return loan.state(path)["alive"] * (self.price * delta + (1.0 - self.price) * RATIO)


risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=HELD, steps=13)
paths = dh.sample(market, grid, PATHS // 4, key=jax.random.key(0), method="random")
for name, price, units in (("none", 0.0, 0.0), ("all shares", 0.0, -1.0), ("delta", 1.0, -1.0)):
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(year, -1.0),  # bought
        instruments=(i.Spot("ACME"),),
        features=(Shares(jnp.array(price)),),
        cost=dh.frictions.ProportionalCost(5e-4),
    )
    ledger = dh.evaluate(problem, {name: dh.policies.Delta("shares", units)}, paths)[name]
    tail, deviation, mean = float(risk(ledger.wealth)), float(ledger.wealth.std()), float(ledger.wealth.mean())
    print(f"{name:10s} mean {mean:5.2f}  CVaR95 {tail:5.2f}  deviation {deviation:5.2f} on a face of 100")
