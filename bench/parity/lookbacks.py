"""Lookbacks under Black and Scholes, their extreme so far given."""

from functools import partial

import jax
import numpy as np
import QuantLib as ql

from bench.parity.row import TODAY, Row, npv, process
from deephedge.pricing import lookback

SPOT, RATE, VOL, YEARS = 100.0, 0.05, 0.25, 1.0
STRIKES = np.array([80.0, 100.0, 125.0])
SIDES = ((True, ql.Option.Call), (False, ql.Option.Put))
PAST = {True: 112.0, False: 91.0}  # the maximum and the minimum


def ours(floats: bool, dividend: float) -> np.ndarray:
    terms = (SPOT, SPOT * np.exp((RATE - dividend) * YEARS))

    def value(call: bool) -> jax.Array:
        if floats:
            return lookback.floating(*terms, PAST[not call], VOL, YEARS, call)
        return lookback.fixed(*terms, PAST[call], STRIKES, VOL, YEARS, call)

    return np.exp(-RATE * YEARS) * np.stack([jax.jit(partial(value, call))() for call, _ in SIDES])


def theirs(floats: bool, dividend: float) -> np.ndarray:
    exercise, stock = ql.EuropeanExercise(TODAY + 365), process(SPOT, RATE, dividend, VOL)
    if floats:
        engine = ql.AnalyticContinuousFloatingLookbackEngine(stock)
        each = [(PAST[not call], ql.FloatingTypePayoff(side)) for call, side in SIDES]
        return np.array([npv(ql.ContinuousFloatingLookbackOption(*terms, exercise), engine) for terms in each])
    engine = ql.AnalyticContinuousFixedLookbackEngine(stock)
    rows = [[(PAST[call], ql.PlainVanillaPayoff(side, float(k))) for k in STRIKES] for call, side in SIDES]
    return np.array([[npv(ql.ContinuousFixedLookbackOption(*it, exercise), engine) for it in row] for row in rows])


ROWS = [
    Row(f"lookback, {'floating' if floats else 'fixed'} strike, call and put{more}", "Black-Scholes",
        partial(ours, floats, dividend), partial(theirs, floats, dividend))
    for floats in (False, True)
    # Theirs divides by rate less dividend, which with us may be 0.
    for dividend, more in ((0.01, ""), (0.09, ", yield above rate"), (RATE - 1e-7, ", no carry"))
]  # fmt: skip
