"""Options on two prices under Black and Scholes: the formulas of `pricing.basket`."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
import QuantLib as ql

from bench.parity.row import TODAY, Row, npv, process
from deephedge.pricing import basket

SPOTS, RATE, YIELDS, VOLS, YEARS, LIKE = (110.0, 100.0), 0.05, (0.02, 0.01), (0.3, 0.2), 1.0, 0.4
STRIKES = np.array([90.0, 100.0, 120.0])
WIDTHS = np.array([1.0, 5.0, 20.0])
FORWARDS = tuple(s * np.exp((RATE - q) * YEARS) for s, q in zip(SPOTS, YIELDS, strict=True))


def priced(formula: Callable, strikes: np.ndarray, call: bool) -> np.ndarray:
    value = jax.jit(lambda: formula(*FORWARDS, strikes, *VOLS, LIKE, YEARS, call))()
    return np.exp(-RATE * YEARS) * np.asarray(value)


def exchanged() -> np.ndarray:
    return np.exp(-RATE * YEARS) * np.asarray(basket.exchange(*FORWARDS, *VOLS, LIKE, YEARS))


def summed(call: bool) -> np.ndarray:
    like = np.array([[1.0, LIKE], [LIKE, 1.0]])
    value = jax.jit(lambda: basket.basket(np.array(FORWARDS) / 2, STRIKES, np.array(VOLS), like, YEARS, call))()
    return np.exp(-RATE * YEARS) * np.asarray(value)


def stocks() -> list[ql.BlackScholesMertonProcess]:
    return [process(*each) for each in zip(SPOTS, (RATE, RATE), YIELDS, VOLS, strict=True)]


def theirs(payoff: Callable, engine: Callable, strikes: np.ndarray, call: bool) -> np.ndarray:
    side, exercise, two = ql.Option.Call if call else ql.Option.Put, ql.EuropeanExercise(TODAY + 365), stocks()
    payoffs = (payoff(ql.PlainVanillaPayoff(side, float(k))) for k in strikes)
    return np.array([npv(ql.BasketOption(each, exercise), engine(*two)) for each in payoffs])


def margrabe() -> np.ndarray:
    option = ql.MargrabeOption(1, 1, ql.EuropeanExercise(TODAY + 365))
    return np.array(npv(option, ql.AnalyticEuropeanMargrabeEngine(*stocks(), LIKE)))


def matrix_engine(kind: Callable, *more: object) -> Callable:
    return lambda *two: kind(list(two), ql.Matrix([[1.0, LIKE], [LIKE, 1.0]]), *more)


def rows(contract: str, formula: Callable, payoff: Callable, engine: Callable, strikes: np.ndarray) -> list[Row]:
    return [
        Row(f"{contract} {name}", "Black-Scholes", partial(priced, formula, strikes, call),
            partial(theirs, payoff, engine, strikes, call))
        for name, call in (("call", True), ("put", False))
    ]  # fmt: skip


def against(name: str) -> Callable:
    return lambda *two: getattr(ql, name)(*two, LIKE)


MEAN = partial(theirs, lambda p: ql.AverageBasketPayoff(p, 2), matrix_engine(ql.ChoiBasketEngine, 20.0), STRIKES)
EXACT = partial(theirs, ql.SpreadBasketPayoff, matrix_engine(ql.ChoiBasketEngine, 20.0), WIDTHS)
ROWS = [
    Row("exchange", "Black-Scholes", exchanged, margrabe),

    *rows("worst of two", basket.worst_of, ql.MinBasketPayoff, against("StulzEngine"), STRIKES),
    *rows("best of two", basket.best_of, ql.MaxBasketPayoff, against("StulzEngine"), STRIKES),
    *rows("spread, Kirk", basket.kirk, ql.SpreadBasketPayoff, against("KirkEngine"), WIDTHS),
    *rows("spread", basket.spread, ql.SpreadBasketPayoff, against("BjerksundStenslandSpreadEngine"), WIDTHS),
    # Ours are lower bounds; theirs an integral.
    Row("spread call, integrated", "Black-Scholes", partial(priced, basket.spread, WIDTHS, True),
        partial(EXACT, True), 1e-3),
    Row("basket call", "Black-Scholes", partial(summed, True), partial(MEAN, True), 1e-3),
    Row("basket put", "Black-Scholes", partial(summed, False), partial(MEAN, False), 1e-3),
]  # fmt: skip
