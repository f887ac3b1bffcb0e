"""Credit: both legs of default swaps, bonds that default, and options on spreads, at hazards that rise.

QuantLib's engines put a default in the middle of its period, ours integrates over its time: so each leg is
set beside an engine that has the same rule for it, and the whole beside the middle of the period.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import QuantLib as ql

from bench.parity.row import ACT365, TODAY, Row, flat, npv
from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.pricing import black, hazard

RATE, RECOVERY, COUPON, SPREAD = 0.035, 0.4, 0.06, 0.012
KNOTS, HAZARDS = np.array([365, 3 * 365, 5 * 365]), np.array([0.01, 0.025, 0.05])
DAYS, WIDTH = (365, 3 * 365, 5 * 365), 73
VOL, EXERCISE, STRIKES = 0.45, 365, np.array([0.01, 0.0175, 0.03])


def path(rate: float) -> MarketPath:
    """One point, today, with the odds to live to each knot."""
    years = KNOTS / 365
    odds = np.exp(-np.cumsum(HAZARDS * np.diff(years, prepend=0.0)))
    quotes = {f"A.survival.{year:g}y": jnp.array([x]) for year, x in zip(years, odds, strict=True)}
    return MarketPath(jnp.zeros(1), quotes | {"A.alive": jnp.ones(1), "rate": jnp.array([rate])}, jnp.ones(1))


def terms(days: int) -> i.Periods:
    return i.Periods(np.arange(WIDTH, days + 1, WIDTH) / 365)


def swaps(what: str, spread: float) -> np.ndarray:
    made = [i.Cds("A", spread, terms(days), RECOVERY) for days in DAYS]
    return np.array(jax.jit(lambda path: [getattr(swap, what)(path)[0] for swap in made])(path(RATE)))


def bonds(recovery: float, rate: float) -> np.ndarray:
    made = [i.RiskyBond("A", COUPON, terms(days), recovery) for days in DAYS]
    return np.array(jax.jit(lambda path: [bond.price(path)[0] for bond in made])(path(rate)))


def legs(begin: int, days: int, rate: float) -> np.ndarray:
    """One unit at default, and premiums of one a year at their dates, from ``begin`` on."""
    left = np.arange(begin, days + 1, WIDTH) / 365
    logs = hazard.log_survival(KNOTS / 365, HAZARDS, left)
    nothing = np.zeros(len(left) - 1)
    return np.array(jax.jit(hazard.seasoned_legs)(left, logs, np.array(rate), nothing, np.diff(left))[:2])


def premiums() -> np.ndarray:
    return np.array([legs(0, days, RATE)[1] for days in DAYS])


def options(rate: float, call: bool) -> np.ndarray:
    loss, annuity = legs(EXERCISE, 5 * 365, rate)
    return np.asarray(black.price((1 - RECOVERY) * loss, STRIKES * annuity, VOL, EXERCISE / 365, call))


def handle() -> ql.DefaultProbabilityTermStructureHandle:
    ql.Settings.instance().evaluationDate = TODAY
    dates = [TODAY, *(TODAY + int(day) for day in KNOTS)]
    return ql.DefaultProbabilityTermStructureHandle(ql.HazardRateCurve(dates, [HAZARDS[0], *HAZARDS], ACT365))


def isda() -> ql.PricingEngine:
    kind = ql.IsdaCdsEngine
    return kind(handle(), RECOVERY, flat(RATE), False, kind.NoFix, kind.NoBias, kind.Piecewise)


def middle(rate: float = RATE) -> ql.PricingEngine:
    return ql.MidPointCdsEngine(handle(), RECOVERY, flat(rate))


def schedule(begin: int, days: int) -> ql.Schedule:
    dates = [TODAY + day for day in range(begin, days + 1, WIDTH)]
    return ql.Schedule(dates, ql.NullCalendar(), ql.Unadjusted)


def their_swap(
    days: int, spread: float, accrues: bool, begin: int = 0, side: int = ql.Protection.Buyer
) -> ql.CreditDefaultSwap:
    return ql.CreditDefaultSwap(
        side, 1.0, spread, schedule(begin, days), ql.Unadjusted, ACT365, accrues, True, TODAY + begin,
        ql.FaceValueClaim(), ACT365, False, TODAY + begin)  # fmt: skip


def their_par() -> np.ndarray:
    swaps = [their_swap(days, SPREAD, True) for days in DAYS]
    return np.array([(npv(swap, middle()), swap.fairSpread())[1] for swap in swaps])


def their_protection() -> np.ndarray:
    swaps = [their_swap(days, SPREAD, True) for days in DAYS]
    return np.array([(npv(swap, isda()), swap.defaultLegNPV())[1] for swap in swaps])


def their_premiums() -> np.ndarray:
    swaps = [their_swap(days, 1.0, False) for days in DAYS]
    return np.array([(npv(swap, middle()), -swap.couponLegNPV())[1] for swap in swaps])


def their_bonds(recovery: float, rate: float) -> np.ndarray:
    engine = ql.RiskyBondEngine(handle(), recovery, flat(rate))
    made = [ql.FixedRateBond(0, 1.0, schedule(0, days), [COUPON], ACT365) for days in DAYS]
    return np.array([npv(bond, engine) for bond in made])


def their_options(rate: float, call: bool) -> np.ndarray:
    side = ql.Protection.Buyer if call else ql.Protection.Seller

    def price(strike: float) -> float:
        swap = their_swap(5 * 365, strike, False, EXERCISE, side)
        swap.setPricingEngine(middle(rate))
        vol = ql.QuoteHandle(ql.SimpleQuote(VOL))
        engine = ql.BlackCdsOptionEngine(handle(), RECOVERY, flat(rate), vol)
        return npv(ql.CdsOption(swap, ql.EuropeanExercise(TODAY + EXERCISE)), engine)

    return np.array([price(float(strike)) for strike in STRIKES])


CURVE = "hazards by quotes"
ROWS = [
    Row("default swap, protection", CURVE, partial(swaps, "price", 0.0), their_protection),
    Row("default swap, premiums at their dates", CURVE, premiums, their_premiums),
    Row("default swap, par spread", CURVE, partial(swaps, "par_spread", SPREAD), their_par, 1e-4),
    Row("bond without recovery", CURVE, partial(bonds, 0.0, RATE), partial(their_bonds, 0.0, RATE)),
    Row("bond with recovery, no interest", CURVE, partial(bonds, RECOVERY, 0.0), partial(their_bonds, RECOVERY, 0.0)),
    Row("bond with recovery", CURVE, partial(bonds, RECOVERY, RATE), partial(their_bonds, RECOVERY, RATE), 1e-5),
    *[
        Row(f"option to {name} protection{more}", "Black on the spread", partial(options, rate, call),
            partial(their_options, rate, call), within)
        for name, call in (("buy", True), ("sell", False))
        for more, rate, within in ((", no interest", 0.0, 1e-8), ("", RATE, 1e-3))
    ],
]  # fmt: skip
