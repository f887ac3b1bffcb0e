"""Contracts on returns, variance and foreign prices under Black and Scholes."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import QuantLib as ql

from bench.parity.row import ACT365, TODAY, Row, flat, npv, process
from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.pricing import cliquet

SPOT, RATE, YIELD, VOL = 100.0, 0.05, 0.02, 0.25
DAYS = (73, 146, 219, 365)  # the first is the start
RATIOS = (0.9, 1.0, 1.1)


def now(**more: float) -> MarketPath:
    """One point: today."""
    quotes = {"A": SPOT, "A.vol": VOL, "rate": RATE, "A.dividend": YIELD} | more
    return MarketPath(jnp.zeros(1), {name: jnp.full(1, value) for name, value in quotes.items()}, jnp.ones(1))


def forward_starts(call: bool) -> np.ndarray:
    def one(ratio: jax.Array) -> jax.Array:
        return i.ForwardStart("A", ratio, DAYS[0] / 365, 1.0, call).price(now())[0]

    return np.asarray(jax.jit(jax.vmap(one))(jnp.array(RATIOS)))


def their_forward_starts(call: bool) -> np.ndarray:
    side, engine = ql.Option.Call if call else ql.Option.Put, ql.ForwardEuropeanEngine(process(SPOT, RATE, YIELD, VOL))
    payoff, exercise = ql.PlainVanillaPayoff(side, 0.0), ql.EuropeanExercise(TODAY + 365)
    return np.array([npv(ql.ForwardVanillaOption(k, TODAY + DAYS[0], payoff, exercise), engine) for k in RATIOS])


def strips() -> np.ndarray:
    """Calls from each date to the next, paid there."""
    path = now()
    return np.array(
        [
            sum(
                float(i.ForwardStart("A", k, a / 365, b / 365).price(path)[0])
                for a, b in zip((0, *DAYS[:-1]), DAYS, strict=True)
            )
            for k in RATIOS
        ]
    )


def ratchet(engine: type, rate: float) -> np.ndarray:
    priced = engine(process(SPOT, rate, YIELD, VOL))
    resets, exercise = [TODAY + day for day in (0, *DAYS[:-1])], ql.EuropeanExercise(TODAY + DAYS[-1])
    payoffs = (ql.PercentageStrikePayoff(ql.Option.Call, k) for k in RATIOS)
    return np.array([npv(ql.CliquetOption(payoff, exercise, resets), priced) for payoff in payoffs])


def floored() -> np.ndarray:
    """Returns above a floor at no rate, where it is the same to pay each and to pay the sum."""
    days = np.diff([0, *DAYS]) / 365
    floors = np.array(RATIOS)[:, None] - 1.0
    kept = jax.jit(lambda: cliquet.capped_return(np.exp(-YIELD * days), VOL, floors, None, days) - floors)()
    return np.asarray(kept).sum(axis=1)


FOREIGN, FX_VOL, LIKE = 0.03, 0.12, -0.4


def quantos(call: bool) -> np.ndarray:
    path = now(**{"EURUSD.dividend": FOREIGN, "EURUSD.vol": FX_VOL})

    def one(ratio: jax.Array) -> jax.Array:
        return i.QuantoOption("A", "EURUSD", SPOT * ratio, 1.0, call, correlation=LIKE).price(path)[0]

    return np.asarray(jax.jit(jax.vmap(one))(jnp.array(RATIOS)))


def their_quantos(call: bool) -> np.ndarray:
    stock, flat_vol = process(SPOT, RATE, YIELD, VOL), ql.BlackConstantVol(TODAY, ql.NullCalendar(), FX_VOL, ACT365)
    like = ql.QuoteHandle(ql.SimpleQuote(LIKE))
    engine = ql.QuantoEuropeanEngine(stock, flat(FOREIGN), ql.BlackVolTermStructureHandle(flat_vol), like)
    side, exercise = ql.Option.Call if call else ql.Option.Put, ql.EuropeanExercise(TODAY + 365)
    payoffs = (ql.PlainVanillaPayoff(side, SPOT * k) for k in RATIOS)
    return np.array([npv(ql.QuantoVanillaOption(payoff, exercise), engine) for payoff in payoffs])


ROWS = [
    *(
        Row(f"quanto {name}", "Black-Scholes", partial(quantos, call), partial(their_quantos, call))
        for name, call in (("call", True), ("put", False))
    ),
    *(
        Row(
            f"forward start {name}", "Black-Scholes", partial(forward_starts, call), partial(their_forward_starts, call)
        )
        for name, call in (("call", True), ("put", False))
    ),
    Row("strip of forward starts", "Black-Scholes", strips, partial(ratchet, ql.AnalyticCliquetEngine, RATE)),
    Row("cliquet with a floor", "Black-Scholes", floored, partial(ratchet, ql.AnalyticPerformanceEngine, 0.0)),
]
