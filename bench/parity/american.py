"""American options: the closed approximations, and collocation beside QuantLib's own collocation.

Barone-Adesi and Whaley's critical price is searched for by QuantLib to 1e-6 of the strike. Its collocation is numerical
as ours is: without dividends the boundary is not smooth at expiry, and both converge slowly there.
"""

from functools import partial

import jax
import numpy as np
import QuantLib as ql
from bench.parity.row import TODAY, Row, npv, process

from deephedge.pricing import american, american_formulas

YEARS, STRIKE, RATE = 365, 100.0, 0.05
TERMS = [(spot, vol, days) for spot in (80.0, 100.0, 120.0) for vol in (0.2, 0.4) for days in (90, 365)]


def ours(formula, dividend: float) -> np.ndarray:
    spot, vol, days = np.array(TERMS).T
    sides = np.array([[True], [False]])
    return np.asarray(jax.jit(lambda: formula(spot, STRIKE, vol, days / YEARS, RATE, dividend, sides))())


def theirs(engine, dividend: float) -> np.ndarray:
    exercises = {days: ql.AmericanExercise(TODAY, TODAY + days) for _, _, days in TERMS}
    return np.array(
        [
            [
                npv(
                    ql.VanillaOption(ql.PlainVanillaPayoff(side, STRIKE), exercises[days]),
                    engine(process(spot, RATE, dividend, vol)),
                )
                for spot, vol, days in TERMS
            ]
            for side in (ql.Option.Call, ql.Option.Put)
        ]
    )


def collocation(process) -> ql.PricingEngine:
    return ql.QdFpAmericanEngine(process, ql.QdFpAmericanEngine.highPrecisionScheme())


fine = partial(american.price, nodes=14, points=32, turns=16)
METHODS = (
    ("collocation", fine, collocation, 0.03, 1e-8),
    ("collocation, no dividends", fine, collocation, 0.0, 1e-6),
    ("collocation of 6 nodes", american.price, collocation, 0.03, 1e-5),
    (
        "Bjerksund-Stensland",
        american_formulas.bjerksund_stensland,
        ql.BjerksundStenslandApproximationEngine,
        0.03,
        1e-8,
    ),
    ("Barone-Adesi-Whaley", american_formulas.barone_adesi_whaley, ql.BaroneAdesiWhaleyApproximationEngine, 0.03, 1e-5),
)
ROWS = [
    Row(f"American call and put, {name}", "Black-Scholes", partial(ours, ours_, q), partial(theirs, engine, q), within)
    for name, ours_, engine, q, within in METHODS
]
