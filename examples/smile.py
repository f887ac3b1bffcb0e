"""Options where the volatility moves: a call in a Heston world, a put on a quoted surface; sold and hedged.

The spot alone leaves the volatility open. Of an option that is dealt in, as many are held as make the derivative to the
variance of the day 0 (under Heston the model's, on a surface that of the tenor which both end with), and the spot takes
the delta that is left. The second option is dearer to deal in by far.
"""

import jax

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i

PATHS = 2048
EXPIRY = 0.25

law = {"mean_reversion": 2.0, "long_variance": 0.04, "vol_of_vol": 0.6, "correlation": -0.7}
heston = dh.markets.Heston("A", spot=1.0, variance=0.04, **law)
moves = dh.markets.SurfaceDynamics(mean_reversion=4.0, vol=(0.8, 0.1, 0.2, 0.2), leverage=(-0.7, 0.0, 0.0, 0.0))
today = {"tenors": (0.1, 0.5), "levels": (0.004, 0.02), "rho": -0.6, "eta": 1.0, "gamma": 0.4}
surface = dh.markets.MovingSurface(dh.markets.BlackScholes("A", vol=0.2), "A", moves, **today)
worlds = {  # market, what is sold, what is dealt in, the quote of its variance
    "Heston": (heston, *(i.HestonCall("A", strike, EXPIRY, **law) for strike in (1.05, 1.0)), "A.variance"),
    "surface": (surface, *(i.ListedOption("A", k, 2 * EXPIRY, "put") for k in (0.95, 1.0)), "A.ssvi.theta.0.5"),
}
risk, grid = dh.objectives.CVaR(level=0.95), dh.TimeGrid.uniform(maturity=EXPIRY, steps=26)
policies = {
    "none": dh.policies.DeltaVega(units=0.0),
    "delta": dh.policies.DeltaVega(limit=0.0),
    "delta, vega": dh.policies.DeltaVega(limit=3.0),
}
for world, (market, sold, dealt, quote) in worlds.items():
    greeks = (
        f.Delta(sold),
        f.Vega(sold, quote=quote),
        f.Delta(dealt, "hedge_delta"),
        f.Vega(dealt, "hedge_vega", quote),
    )
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(i.Ending(sold, EXPIRY)),
        instruments=(i.Spot("A"), dealt),
        features=greeks,
        cost=dh.frictions.ProportionalCost((1e-4, 5e-3)),
    )
    paths = dh.sample(market, grid, PATHS, key=jax.random.key(0), method="random")
    for name, ledger in dh.evaluate(problem, policies, paths).items():
        tail, deviation = float(risk(ledger.wealth)), float(ledger.wealth.std())
        print(f"{world:7s} {name:11s} CVaR95 {tail:.4f}  deviation {deviation:.4f}")
