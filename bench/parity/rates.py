"""Bonds, swaps and options on them: a flat curve, and the model of Hull and White around it."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
import QuantLib as ql
from bench.parity.row import TODAY, Row, flat, npv

import deephedge as dh
from deephedge import instruments as i

RATE, A, VOL = 0.035, 0.08, 0.012
TERMS = {"today": "2025-01-02", "calendar": "target"}
TARGET, THIRTY, ACT360 = ql.TARGET(), ql.Thirty360(ql.Thirty360.BondBasis), ql.Actual360()


def today() -> dh.MarketPath:
    """One point: the curve of the day."""
    quotes = {"USD.short": np.array([RATE]), "swap.vol": np.array([0.25]), "swap.normal_vol": np.array([0.009])}
    one = np.ones(1)
    return dh.MarketPath(*jax.tree.map(jax.numpy.asarray, (0.0 * one, quotes, one)))


def curve() -> i.ModelCurve:
    return i.ModelCurve(dh.markets.HullWhite(((1.0, 30.0), (RATE, RATE)), A, VOL))


def ours(made: Callable[[], tuple], what: str = "price") -> np.ndarray:
    return np.array([float(jax.jit(lambda each=each: getattr(each, what)(today()))()[0]) for each in made()])


def bonds() -> tuple:
    schedule = partial(dh.Schedule.from_dates, "2023-05-15", "2032-05-15", roll="unadjusted", **TERMS)
    annual, half = schedule(12, day_count="act/act icma"), schedule(6, day_count="30/360")
    return i.FixedBond(annual, 0.04, curve(), 100.0), i.FixedBond(half, 0.055, curve(), 100.0)


def fixed_bond(months: int, coupon: float, count: ql.DayCounter, **ex: object) -> ql.FixedRateBond:
    ql.Settings.instance().evaluationDate = TODAY
    dates = ql.Schedule(ql.Date(15, 5, 2023), ql.Date(15, 5, 2032), ql.Period(months, ql.Months), TARGET, ql.Unadjusted,
                        ql.Unadjusted, ql.DateGeneration.Backward, False)  # fmt: skip
    counted = ql.ActualActual(ql.ActualActual.ISMA, dates) if count is None else count
    return ql.FixedRateBond(0, 100.0, dates, [coupon], counted, ql.Following)


def their_bonds() -> np.ndarray:
    engine = ql.DiscountingBondEngine(flat(RATE))
    return np.array([npv(fixed_bond(12, 0.04, None), engine), npv(fixed_bond(6, 0.055, THIRTY), engine)])


def schedules(start: str, end: str, lag: int = 0) -> tuple[dh.Schedule, dh.Schedule]:
    fixed = dh.Schedule.from_dates(start, end, 12, day_count="30/360", fixing_lag=lag, **TERMS)
    return fixed, dh.Schedule.from_dates(start, end, 6, day_count="act/360", fixing_lag=lag, **TERMS)


def swap(rate: float, start: str = "2026-01-15", end: str = "2031-01-15", payer: bool = True) -> i.Swap:
    return i.Swap(*schedules(start, end), rate, curve(), payer, 100.0)


def index(lag: int = 0) -> ql.IborIndex:
    return ql.IborIndex("x", ql.Period(6, ql.Months), lag, ql.EURCurrency(), TARGET, ql.ModifiedFollowing, False,
                        ACT360, flat(RATE))  # fmt: skip


def dates(months: int, start: ql.Date, end: ql.Date) -> ql.Schedule:
    return ql.Schedule(start, end, ql.Period(months, ql.Months), TARGET, ql.ModifiedFollowing, ql.ModifiedFollowing,
                       ql.DateGeneration.Backward, False)  # fmt: skip


def vanilla(
    rate: float, payer: bool = True, start: ql.Date = ql.Date(15, 1, 2026), end: ql.Date = ql.Date(15, 1, 2031)
) -> ql.VanillaSwap:
    ql.Settings.instance().evaluationDate = TODAY
    side = ql.VanillaSwap.Payer if payer else ql.VanillaSwap.Receiver
    made = ql.VanillaSwap(side, 100.0, dates(12, start, end), rate, THIRTY, dates(6, start, end), index(), 0.0, ACT360)
    made.setPricingEngine(ql.DiscountingSwapEngine(flat(RATE)))
    return made


RATES = (0.02, 0.035, 0.05)
ROWS = [
    Row("fixed bond", "curve", partial(ours, bonds), their_bonds),
    Row("payer swap, forward start", "curve", partial(ours, lambda: [swap(k) for k in RATES]),
        lambda: np.array([vanilla(k).NPV() for k in RATES])),
    Row("par swap rate", "curve", partial(ours, lambda: [swap(0.0)], "par"),
        lambda: np.array([vanilla(0.02).fairRate()])),
]  # fmt: skip
