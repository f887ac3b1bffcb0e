"""Options on the average of monthly prices under Black and Scholes, fresh and with three prices fixed.

The first price is today's: QuantLib counts the time to a geometric average strike from there.
"""

from functools import partial

import jax
import numpy as np
import QuantLib as ql

from bench.parity.row import TODAY, Row, npv, process
from deephedge.pricing import asian

SPOT, RATE, DIVIDEND, VOL, YEARS = 100.0, 0.05, 0.02, 0.3, 1.0
STRIKES = np.array([80.0, 100.0, 120.0])
DAYS, PAST = np.arange(0, 361, 30), np.array([95.0, 104.0, 101.0])
DISCOUNT = np.exp(-RATE * YEARS)
SIDES = ((True, ql.Option.Call), (False, ql.Option.Put))


def law(past: bool) -> tuple[np.ndarray, np.ndarray]:
    """Forwards and variances of the fixings."""
    known = PAST if past else PAST[:0]
    forwards = SPOT * np.exp((RATE - DIVIDEND) * DAYS / 365)
    return np.r_[known, forwards], np.r_[0.0 * known, VOL**2 * DAYS / 365]


def fixed(formula, past: bool) -> np.ndarray:
    terms = law(past)
    return DISCOUNT * np.stack([jax.jit(lambda call=call: formula(*terms, STRIKES, call))() for call, _ in SIDES])


def floating(formula) -> np.ndarray:
    terms = (*law(False), SPOT * np.exp((RATE - DIVIDEND) * YEARS), VOL**2 * YEARS)
    return DISCOUNT * np.stack([jax.jit(lambda call=call: formula(*terms, call))() for call, _ in SIDES])


def option(kind: int, past: bool, payoff: ql.StrikedTypePayoff) -> ql.DiscreteAveragingAsianOption:
    known, exercise = PAST if past else PAST[:0], ql.EuropeanExercise(TODAY + 365)
    sum_ = float(np.sum(known) if kind == ql.Average.Arithmetic else np.prod(known))
    dates = [TODAY + int(day) for day in DAYS]
    return ql.DiscreteAveragingAsianOption(kind, sum_, len(known), dates, payoff, exercise)


def theirs(kind: int, engine, past: bool, strikes: np.ndarray | None = STRIKES) -> np.ndarray:
    priced = engine(process(SPOT, RATE, DIVIDEND, VOL))
    if strikes is None:
        strikes = [100.0]  # of no matter
    rows = [[ql.PlainVanillaPayoff(side, float(k)) for k in strikes] for _, side in SIDES]
    return np.array([[npv(option(kind, past, payoff), priced) for payoff in row] for row in rows])


def fine(process: ql.BlackScholesMertonProcess) -> ql.PricingEngine:
    return ql.ChoiAsianEngine(process, 20.0)


GEOMETRIC, ARITHMETIC = ql.Average.Geometric, ql.Average.Arithmetic
PRICE, STRIKE = (
    ql.AnalyticDiscreteGeometricAveragePriceAsianEngine,
    ql.AnalyticDiscreteGeometricAverageStrikeAsianEngine,
)
ROWS = [
    Row("geometric average, call and put", "Black-Scholes", partial(fixed, asian.geometric, False),
        partial(theirs, GEOMETRIC, PRICE, False)),
    Row("geometric average, begun", "Black-Scholes", partial(fixed, asian.geometric, True),
        partial(theirs, GEOMETRIC, PRICE, True)),
    Row("geometric average as strike", "Black-Scholes", lambda: floating(asian.geometric_strike)[:, None],
        partial(theirs, GEOMETRIC, STRIKE, False, None)),
    # Theirs is an integral, ours what one normal knows and the rest as lognormal.
    Row("arithmetic average, call and put", "Black-Scholes", partial(fixed, asian.arithmetic, False),
        partial(theirs, ARITHMETIC, fine, False), 5e-4),
    Row("arithmetic average, begun", "Black-Scholes", partial(fixed, asian.arithmetic, True),
        partial(theirs, ARITHMETIC, fine, True), 5e-4),
]  # fmt: skip
