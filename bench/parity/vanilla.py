"""Specimen of the parity rows: puts and calls under Black and Scholes."""

from functools import partial

import jax
import numpy as np
import QuantLib as ql
from bench.parity.row import TODAY, Row, npv, process

from deephedge.pricing import black

SPOT, RATE, YIELD, VOL, YEARS = 100.0, 0.05, 0.02, 0.25, 1.0
STRIKES = np.array([70.0, 100.0, 130.0])


def ours(call: bool) -> np.ndarray:
    forward, discount = SPOT * np.exp((RATE - YIELD) * YEARS), np.exp(-RATE * YEARS)
    return discount * np.asarray(jax.jit(lambda: black.price(forward, STRIKES, VOL, YEARS, call))())


def theirs(call: bool) -> np.ndarray:
    engine = ql.AnalyticEuropeanEngine(process(SPOT, RATE, YIELD, VOL))
    side, exercise = ql.Option.Call if call else ql.Option.Put, ql.EuropeanExercise(TODAY + 365)
    each = (ql.VanillaOption(ql.PlainVanillaPayoff(side, float(k)), exercise) for k in STRIKES)
    return np.array([npv(option, engine) for option in each])


ROWS = [
    Row(f"European {name}", "Black-Scholes", partial(ours, call), partial(theirs, call))
    for name, call in (("call", True), ("put", False))
]
