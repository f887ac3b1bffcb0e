"""American options: the closed approximations, and collocation beside QuantLib's own collocation.

Barone-Adesi and Whaley's critical price is searched for by QuantLib to 1e-6 of the strike. Its collocation is numerical
as ours is: without dividends the boundary is not smooth at expiry, and both converge slowly there. With dividends in
cash (all before expiry, where our spot is QuantLib's with escrowed dividends) theirs are finite differences.
"""

from functools import partial

import jax
import numpy as np
import QuantLib as ql

from bench.parity.row import TODAY, Row, npv, process, rows_of, schedule
from deephedge.pricing import american, american_formulas, dividends

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


CASH, MONTHS = ((80, 3.0), (200, 4.0), (300, 2.0)), (40, 85, 130, 199, 250, 301, 365)
EX_STRIKES, STEPS = np.array([80.0, 100.0, 120.0]), 800


def ours_ex(dates: tuple[float, ...], dividend: float, sides: tuple[bool, ...]) -> np.ndarray:
    def one(strike, call):
        years = np.array(dates) / YEARS
        return dividends.price(100.0, strike, 0.25, years, RATE, dividend, rows_of(CASH), call=call)

    return np.asarray(jax.jit(jax.vmap(jax.vmap(one, (0, None)), (None, 0)))(EX_STRIKES, np.array(sides)))


def theirs_ex(exercise: ql.Exercise, dividend: float, sides: tuple[bool, ...]) -> np.ndarray:
    def one(strike: float, call: bool) -> float:
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, strike)
        grid = (STEPS, STEPS, 0, ql.FdmSchemeDesc.Douglas(), False, -ql.nullDouble())
        engine = ql.FdBlackScholesVanillaEngine(
            process(100.0, RATE, dividend, 0.25), schedule(CASH), *grid, ql.FdBlackScholesVanillaEngine.Escrowed
        )
        return npv(ql.VanillaOption(payoff, exercise), engine)

    return np.array([[one(float(k), call) for k in EX_STRIKES] for call in sides])


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
    *(
        Row(f"American call and put, {name}", "Black-Scholes", partial(ours, by, q), partial(theirs, engine, q), within)
        for name, by, engine, q, within in METHODS
    ),
    Row("American call, dividends in cash", "Black-Scholes",
        partial(ours_ex, (79.999, 199.999, 299.999, 365), 0.0, (True,)),
        partial(theirs_ex, ql.AmericanExercise(TODAY, TODAY + 365), 0.0, (True,)), 2e-5),
    Row("Bermudan call and put, dividends in cash", "Black-Scholes",
        partial(ours_ex, MONTHS, 0.03, (True, False)),
        partial(theirs_ex, ql.BermudanExercise([TODAY + days for days in MONTHS]), 0.03, (True, False)), 2e-5),
]  # fmt: skip
