"""Bonds, swaps and options on them: a flat curve, and the model of Hull and White around it."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
import QuantLib as ql

import deephedge as dh
from bench.parity.row import ACT365, TODAY, Row, flat, npv
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


COUPONS = (0.03, 0.04, 0.05)


def early(buys: bool) -> np.ndarray:
    schedule = dh.Schedule.from_dates("2025-01-02", "2032-01-02", 12, calendar="none", roll="unadjusted",
                                      day_count="act/act icma", today="2025-01-02")  # fmt: skip
    dates, prices = schedule.ends[1:5], 100.0 + np.array([2.0, 1.5, 1.0, 0.5]) * (1 if buys else -1)

    def price(coupon: jax.Array) -> jax.Array:
        bond = i.FixedBond(schedule, coupon, curve(), 100.0)
        return i.CallableBond(i.BermudanBondOption(bond, dates, prices, buys, i.Never())).price(today())[0]

    return np.asarray(jax.jit(jax.vmap(price))(jax.numpy.array(COUPONS)))


def their_early(buys: bool) -> np.ndarray:
    ql.Settings.instance().evaluationDate = TODAY
    dates = ql.Schedule(TODAY, ql.Date(2, 1, 2032), ql.Period(12, ql.Months), ql.NullCalendar(), ql.Unadjusted,
                        ql.Unadjusted, ql.DateGeneration.Backward, False)  # fmt: skip
    kind, sign = (ql.Callability.Call, 1) if buys else (ql.Callability.Put, -1)
    rights = ql.CallabilitySchedule()
    for n, more in enumerate((2.0, 1.5, 1.0, 0.5)):
        price = ql.BondPrice(100.0 + sign * more, ql.BondPrice.Clean)
        rights.append(ql.Callability(price, kind, dates[n + 2]))
    count, engine = ql.ActualActual(ql.ActualActual.ISMA, dates), ql.TreeCallableFixedRateBondEngine(hull_white(), 1400)
    made = [ql.CallableFixedRateBond(0, 100.0, dates, [coupon], count, ql.Unadjusted, 100.0, TODAY, rights)
            for coupon in COUPONS]  # fmt: skip
    return np.array([npv(bond, engine) for bond in made])


def forwards() -> list[i.BondFuture]:
    expiry = (ql.Date(10, 6, 2025) - TODAY) / 365
    return [i.BondFuture(bonds()[:1], (0.95,), expiry, 95.0)]


def their_forwards() -> np.ndarray:
    bond = fixed_bond(12, 0.04, None)
    bond.setPricingEngine(ql.DiscountingBondEngine(flat(RATE)))
    future = ql.BondForward(TODAY, ql.Date(10, 6, 2025), ql.Position.Long, 100.0, 0, ACT365, ql.NullCalendar(),
                            ql.Unadjusted, bond, flat(RATE), flat(RATE))  # fmt: skip
    return np.array([future.cleanForwardPrice()])


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


def loan(start: str, end: str) -> dh.Schedule:
    return dh.Schedule.from_dates(start, end, 6, day_count="act/360", **TERMS)


def caps(strikes: tuple, call: bool, **terms: object) -> list[i.Cap]:
    schedule = loan("2025-07-15", "2030-01-15")
    return [i.Cap(schedule, k, curve(), call, notional=100.0, **terms) for k in strikes]


def hull_white() -> ql.HullWhite:
    return ql.HullWhite(flat(RATE), A, VOL)


def their_caps(strikes: tuple, call: bool, engine: Callable[[], ql.PricingEngine]) -> np.ndarray:
    ql.Settings.instance().evaluationDate = TODAY
    leg = ql.IborLeg([100.0], dates(6, ql.Date(15, 7, 2025), ql.Date(15, 1, 2030)), index(), ACT360, ql.Following, [0])
    kind = ql.Cap if call else ql.Floor
    return np.array([npv(kind(leg, [k]), engine()) for k in strikes])


def swaptions(rates: tuple, payer: bool, **terms: object) -> list[i.Swaption]:
    whole = [swap(k, payer=payer) for k in rates]
    return [i.Swaption(each, each.fixed.starts[0], **terms) for each in whole]


def their_swaptions(
    rates: tuple, payer: bool, engine: Callable[[], ql.PricingEngine], exercise: ql.Exercise | None = None
) -> np.ndarray:
    ql.Settings.instance().evaluationDate = TODAY
    on = exercise or ql.EuropeanExercise(ql.Date(15, 1, 2026))
    return np.array([npv(ql.Swaption(vanilla(k, payer), on), engine()) for k in rates])


def bermudans(payer: bool) -> list[i.BermudanSwaption]:
    whole = [swap(k, payer=payer) for k in RATES]
    return [i.BermudanSwaption(each, each.fixed.starts) for each in whole]


def exercises() -> ql.Exercise:
    starts = list(dates(12, ql.Date(15, 1, 2026), ql.Date(15, 1, 2031)))[:-1]
    return ql.BermudanExercise(starts)


def quote(value: float) -> ql.QuoteHandle:
    return ql.QuoteHandle(ql.SimpleQuote(value))


RATES, STRIKES = (0.02, 0.035, 0.05), (0.02, 0.03, 0.045)
SIDES = (("payer", True), ("receiver", False))
ENGINES = {
    "Hull-White": ("model", None, lambda: ql.JamshidianSwaptionEngine(hull_white()),
                   lambda: ql.AnalyticCapFloorEngine(hull_white())),
    "Black": ("black", "swap.vol", lambda: ql.BlackSwaptionEngine(flat(RATE), quote(0.25), ACT365),
              lambda: ql.BlackCapFloorEngine(flat(RATE), quote(0.25), ACT365)),
    "Bachelier": ("bachelier", "swap.normal_vol",
                  lambda: ql.BachelierSwaptionEngine(flat(RATE), quote(0.009), ACT365),
                  lambda: ql.BachelierCapFloorEngine(flat(RATE), quote(0.009))),
}  # fmt: skip
ROWS = [
    Row("fixed bond", "curve", partial(ours, bonds), their_bonds),
    Row("payer swap, forward start", "curve", partial(ours, lambda: [swap(k) for k in RATES]),
        lambda: np.array([vanilla(k).NPV() for k in RATES])),
    Row("bond future, one bond", "curve", partial(ours, forwards), their_forwards),
    # Theirs is a tree of 1400 steps.
    *(Row("callable bond" if buys else "puttable bond", "Hull-White",
          partial(early, buys), partial(their_early, buys), 2e-5) for buys in (True, False)),
    Row("par swap rate", "curve", partial(ours, lambda: [swap(0.0)], "par"),
        lambda: np.array([vanilla(0.02).fairRate()])),
    *(Row("cap" if call else "floor", model, partial(ours, partial(caps, STRIKES, call, formula=formula, vol=vol)),
          partial(their_caps, STRIKES, call, engine))
      for model, (formula, vol, _, engine) in ENGINES.items() for call in (True, False)),
    *(Row(f"{side} swaption", model, partial(ours, partial(swaptions, RATES, payer, formula=formula, vol=vol)),
          partial(their_swaptions, RATES, payer, engine))
      for model, (formula, vol, engine, _) in ENGINES.items() for side, payer in SIDES),
    # Theirs is a finite-difference scheme, a million cells.
    *(Row(f"Bermudan {side} swaption", "Hull-White", partial(ours, partial(bermudans, payer)),
          lambda payer=payer: their_swaptions(RATES, payer,
              lambda: ql.FdHullWhiteSwaptionEngine(hull_white(), 1600, 1600, 0, 1e-9), exercises()), 5e-6)
      for side, payer in SIDES),
]  # fmt: skip
