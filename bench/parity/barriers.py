"""Barriers under Black and Scholes: options that knock in or out, one or two barriers, and cash for a touch."""

from functools import partial

import jax
import numpy as np
import QuantLib as ql

from bench.parity.row import TODAY, Row, npv, process
from deephedge.pricing import barrier, black

SPOT, RATE, DIVIDEND, VOL, YEARS, REBATE = 100.0, 0.05, 0.02, 0.25, 1.0, 3.0
STRIKES, LOW, HIGH = np.array([80.0, 100.0, 115.0, 130.0]), 90.0, 120.0
LOWER, UPPER = 75.0, 140.0
FORWARD, DISCOUNT = SPOT * np.exp((RATE - DIVIDEND) * YEARS), np.exp(-RATE * YEARS)
SIDES = ((True, ql.Option.Call), (False, ql.Option.Put))
TERMS = (SPOT, FORWARD)


def stock() -> ql.BlackScholesMertonProcess:
    return process(SPOT, RATE, DIVIDEND, VOL)


def single(out: bool, up: bool) -> np.ndarray:
    level = HIGH if up else LOW

    def value(call: bool) -> jax.Array:
        alive = barrier.out(*TERMS, STRIKES, level, VOL, YEARS, call, up)
        if out:
            return DISCOUNT * alive + REBATE * barrier.touch(*TERMS, level, VOL, YEARS, RATE, up)
        never = 1.0 - barrier.touch(*TERMS, level, VOL, YEARS, up=up)
        return DISCOUNT * (black.price(FORWARD, STRIKES, VOL, YEARS, call) - alive + REBATE * never)

    return np.stack([jax.jit(partial(value, call))() for call, _ in SIDES])


def their_single(out: bool, up: bool) -> np.ndarray:
    kind = getattr(ql.Barrier, ("Up" if up else "Down") + ("Out" if out else "In"))
    terms, exercise = (kind, HIGH if up else LOW, REBATE), ql.EuropeanExercise(TODAY + 365)
    engine = ql.AnalyticBarrierEngine(stock())
    payoffs = [[ql.PlainVanillaPayoff(side, float(k)) for k in STRIKES] for _, side in SIDES]
    return np.array([[npv(ql.BarrierOption(*terms, each, exercise), engine) for each in row] for row in payoffs])


def double(out: bool) -> np.ndarray:
    def value(call: bool) -> jax.Array:
        alive = barrier.double_out(*TERMS, STRIKES, LOWER, UPPER, VOL, YEARS, call)
        return alive if out else black.price(FORWARD, STRIKES, VOL, YEARS, call) - alive

    return DISCOUNT * np.stack([jax.jit(partial(value, call))() for call, _ in SIDES])


def their_double(out: bool) -> np.ndarray:
    kind = ql.DoubleBarrier.KnockOut if out else ql.DoubleBarrier.KnockIn
    terms, exercise = (kind, LOWER, UPPER, 0.0), ql.EuropeanExercise(TODAY + 365)
    engine = ql.AnalyticDoubleBarrierEngine(stock(), 8)
    payoffs = [[ql.PlainVanillaPayoff(side, float(k)) for k in STRIKES] for _, side in SIDES]
    return np.array([[npv(ql.DoubleBarrierOption(*terms, each, exercise), engine) for each in row] for row in payoffs])


def touched(at_hit: bool) -> np.ndarray:
    rate, unit = (RATE, 1.0) if at_hit else (0.0, DISCOUNT)
    value = jax.jit(lambda: barrier.touch(*TERMS, np.array([LOW, HIGH]), VOL, YEARS, rate, np.array([False, True])))
    return unit * np.asarray(value())


def their_touched(at_hit: bool, knock_in: bool = True) -> np.ndarray:
    exercise = ql.AmericanExercise(TODAY, TODAY + 365, not at_hit)
    kind = ql.AnalyticDigitalAmericanEngine if knock_in else ql.AnalyticDigitalAmericanKOEngine
    sides = ((ql.Option.Put, LOW), (ql.Option.Call, HIGH))
    each = (ql.VanillaOption(ql.CashOrNothingPayoff(side, level, 1.0), exercise) for side, level in sides)
    return np.array([npv(option, kind(stock())) for option in each])


def their_double_no_touch() -> float:
    payoff, exercise = ql.CashOrNothingPayoff(ql.Option.Call, 0.0, 1.0), ql.EuropeanExercise(TODAY + 365)
    option = ql.DoubleBarrierOption(ql.DoubleBarrier.KnockOut, LOWER, UPPER, 0.0, payoff, exercise)
    return npv(option, ql.AnalyticDoubleBarrierBinaryEngine(stock()))


ROWS = [
    *(
        Row(f"{'up' if up else 'down'} and {'out' if out else 'in'}, call and put, rebate", "Black-Scholes",
            partial(single, out, up), partial(their_single, out, up))
        for up in (False, True) for out in (True, False)
    ),
    Row("double knock-out, call and put", "Black-Scholes", partial(double, True), partial(their_double, True)),
    Row("double knock-in, call and put", "Black-Scholes", partial(double, False), partial(their_double, False)),
    Row("touch, paid at hit", "Black-Scholes", partial(touched, True), partial(their_touched, True)),
    Row("touch, paid at expiry", "Black-Scholes", partial(touched, False), partial(their_touched, False)),
    Row("no touch", "Black-Scholes", lambda: DISCOUNT - touched(False), partial(their_touched, False, False)),
    Row("double no touch", "Black-Scholes",
        lambda: DISCOUNT * barrier.double_no_touch(*TERMS, LOWER, UPPER, VOL, YEARS), their_double_no_touch),
]  # fmt: skip
