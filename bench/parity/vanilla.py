"""Specimen of the parity rows: puts and calls under Black and Scholes, also on a share with dividends in cash."""

from functools import partial

import jax
import numpy as np
import QuantLib as ql

from bench.parity.row import TODAY, Row, npv, process, rows_of, schedule
from deephedge.pricing import black, dividends

SPOT, RATE, YIELD, VOL, YEARS = 100.0, 0.05, 0.02, 0.25, 1.0
STRIKES = np.array([70.0, 100.0, 130.0])
CASH = ((80, 3.0), (200, 4.0), (300, 2.0))


def ours(call: bool) -> np.ndarray:
    forward, discount = SPOT * np.exp((RATE - YIELD) * YEARS), np.exp(-RATE * YEARS)
    return discount * np.asarray(jax.jit(lambda: black.price(forward, STRIKES, VOL, YEARS, call))())


def ours_ex(call: bool) -> np.ndarray:
    one = jax.vmap(lambda k: dividends.price(SPOT, k, VOL, np.array([YEARS]), RATE, YIELD, rows_of(CASH), call=call))
    return np.asarray(jax.jit(one)(STRIKES))


def theirs(call: bool, cash: tuple = ()) -> np.ndarray:
    stock = process(SPOT, RATE, YIELD, VOL)
    engine = ql.AnalyticDividendEuropeanEngine(stock, schedule(cash)) if cash else ql.AnalyticEuropeanEngine(stock)
    side, exercise = ql.Option.Call if call else ql.Option.Put, ql.EuropeanExercise(TODAY + 365)
    each = (ql.VanillaOption(ql.PlainVanillaPayoff(side, float(k)), exercise) for k in STRIKES)
    return np.array([npv(option, engine) for option in each])


ROWS = [
    Row(f"European {name}{what}", "Black-Scholes", partial(mine, call), partial(theirs, call, cash))
    for what, mine, cash in (("", ours, ()), (", dividends in cash", ours_ex, CASH))
    for name, call in (("call", True), ("put", False))
]
