"""Convertible bonds under Black and Scholes, with and without a credit spread."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import QuantLib as ql

import deephedge as dh
from bench.parity.row import ACT365, TODAY, Row, npv, process
from deephedge import instruments as i

RATE, VOL, STEPS = 0.05, 0.3, 400
SPOTS = (20.0, 80.0, 100.0, 300.0)
END = ql.Date(2, 1, 2028)


def ours(spread: float, dividend: float, put: float | None) -> np.ndarray:
    schedule = dh.Schedule.from_dates("2025-01-02", "2028-01-02", 12, today="2025-01-02", calendar="none",
                                      roll="unadjusted")  # fmt: skip
    when = {} if put is None else {"put_dates": schedule.ends[1:2], "put_prices": (put,)}
    bond = i.FixedBond(schedule, 0.02, i.FlatCurve(), 100.0)
    made = i.ConvertibleBond(bond, "A", 1.0, spread, steps=STEPS, **when)
    one = jnp.ones(len(SPOTS))
    quotes = {"A": jnp.array(SPOTS), "A.vol": VOL * one, "rate": RATE * one, "A.dividend": dividend * one}
    path = dh.MarketPath(0.0 * one, quotes, one)  # points of one moment
    return np.maximum(jax.jit(lambda: sum(made.parts(path)))(), SPOTS)


def theirs(spread: float, dividend: float, put: float | None) -> np.ndarray:
    rights = ql.CallabilitySchedule()
    dates = ql.Schedule(TODAY, END, ql.Period(12, ql.Months), ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted,
                        ql.DateGeneration.Backward, False)  # fmt: skip
    if put is not None:
        rights.append(ql.Callability(ql.BondPrice(put, ql.BondPrice.Clean), ql.Callability.Put, dates[2]))

    def price(spot: float) -> float:
        market = process(spot, RATE, dividend, VOL)
        bond = ql.ConvertibleFixedCouponBond(ql.AmericanExercise(TODAY, END), 1.0, rights, TODAY, 0, [0.02], ACT365,
                                             dates, 100.0)  # fmt: skip
        quote = ql.QuoteHandle(ql.SimpleQuote(spread))
        return npv(bond, ql.BinomialConvertibleEngine(market, "crr", 2 * STEPS, quote))

    return np.array([price(spot) for spot in SPOTS])


# Both are lattices. Theirs discounts the whole at a rate between the two that the chance of conversion makes, and not
# equity at one and debt at the other: with a spread the two go apart.
ROWS = [
    Row(f"convertible bond{name}", "Black-Scholes", partial(ours, *terms), partial(theirs, *terms), within)
    for name, *terms, within in (
        ("", 0.0, 0.0, None, 1e-4),
        (" of a share with dividends", 0.0, 0.04, None, 1e-4),
        (", put once", 0.0, 0.0, 98.0, 3e-4),
        (" with a spread", 0.03, 0.0, None, 6e-3),
    )
]
