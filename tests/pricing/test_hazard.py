"""Hazard curves and credit default swaps, against QuantLib's standard model and plain quadrature."""

import jax
import numpy as np
import pytest
import QuantLib as ql

from deephedge.core.errors import ParameterError
from deephedge.pricing import cir, curve, hazard

TODAY = ql.Date(2, 1, 2024)
KNOTS = np.array([365, 3 * 365, 5 * 365, 10 * 365])
HAZARDS = np.array([0.004, 0.02, 0.05, 0.015])
FIFTHS = np.arange(1, 51) * 73 / 365
AREAS = np.cumsum([0.0, 0.004, 0.04, 0.1, 0.075])
RATE, RECOVERY = 0.035, 0.4
TENORS, SPREADS = np.array([1.0, 3.0, 5.0, 10.0]), np.array([0.004, 0.009, 0.014, 0.018])


@pytest.fixture(scope="module", autouse=True)
def double():
    ql.Settings.instance().evaluationDate = TODAY
    with jax.enable_x64(True):
        yield


def swap(days: int, coupon: float, mid_point: bool = False) -> ql.CreditDefaultSwap:
    """QuantLib's swap on the same hazards, with a premium every 73 days."""
    count = ql.Actual365Fixed()
    curve = ql.HazardRateCurve([TODAY, *(TODAY + int(d) for d in KNOTS)], [HAZARDS[0], *HAZARDS], count)
    curve.enableExtrapolation()
    flat = ql.YieldTermStructureHandle(ql.FlatForward(TODAY, RATE, count))
    dates = ql.Schedule([TODAY + 73 * k for k in range(days // 73 + 1)], ql.NullCalendar(), ql.Unadjusted)
    made = ql.CreditDefaultSwap(
        ql.Protection.Buyer, 1.0, coupon, dates, ql.Unadjusted, count, True, True, TODAY, ql.FaceValueClaim(), count
    )
    handle = ql.DefaultProbabilityTermStructureHandle(curve)
    if mid_point:
        engine = ql.MidPointCdsEngine(handle, RECOVERY, flat)
    else:
        kinds = ql.IsdaCdsEngine
        engine = kinds(handle, RECOVERY, flat, False, kinds.NoFix, kinds.NoBias, kinds.Piecewise)
    made.setPricingEngine(engine)
    return made


def integrals(dates, log_discount):
    """Both legs by Gauss-Legendre between all dates and knots, in NumPy."""
    x, w = np.polynomial.legendre.leggauss(12)
    ends = np.unique(np.concatenate([[0.0], dates, KNOTS / 365]))
    ends = ends[ends <= dates[-1]]
    a, b = ends[:-1, None], ends[1:, None]
    t, w = 0.5 * (a + b) + 0.5 * (b - a) * x, 0.5 * (b - a) * w
    starts = np.concatenate([[0.0], dates])
    rate = HAZARDS[np.searchsorted(KNOTS / 365, 0.5 * (a + b))]
    alive = lambda t: np.exp(-np.interp(t, np.append(0, KNOTS / 365), AREAS))  # noqa: E731
    flow = w * rate * alive(t) * np.exp(log_discount(t))
    accrued = flow * (t - starts[np.searchsorted(starts, t) - 1])
    upto = lambda flow: np.array([flow[ends[1:] <= date].sum() for date in dates])  # noqa: E731
    return upto(flow), upto(accrued) + np.cumsum(np.diff(starts) * alive(dates) * np.exp(log_discount(dates)))


@pytest.mark.parametrize("years", [4, 10])
def test_swaps_are_those_of_the_standard_model(years):
    theirs = swap(365 * years, 0.01)
    terms, at = (FIFTHS, KNOTS / 365, HAZARDS, RATE), 5 * years - 1
    loss, premium = (np.asarray(leg)[at] for leg in hazard.legs(*terms))
    np.testing.assert_allclose((1 - RECOVERY) * loss, theirs.defaultLegNPV(), rtol=1e-12)
    # Their premium at default counts a day and a half more, the bias of the standard model.
    assert 1.49 < 365 * (-100 * theirs.couponLegNPV() - premium) / loss < 1.52
    spread, price = hazard.par_spread(*terms, RECOVERY), hazard.upfront(*terms, RECOVERY, 0.01)
    np.testing.assert_allclose(np.asarray(spread)[at], theirs.fairSpread(), rtol=1e-4)
    np.testing.assert_allclose(np.asarray(price)[at], theirs.NPV(), atol=1e-5)
    middle = swap(365 * years, 0.01, mid_point=True)  # defaults in the middle of a period
    np.testing.assert_allclose(np.asarray(spread)[at], middle.fairSpread(), rtol=1e-3)


def test_legs_are_the_integrals_over_the_time_of_default():
    flat = hazard.legs(FIFTHS, KNOTS / 365, HAZARDS, RATE)
    np.testing.assert_allclose(flat, integrals(FIFTHS, lambda t: -RATE * t), rtol=1e-12)
    rates, gaps = np.array([[1.0, 5.0], [0.0, 0.06]]), []
    bent = jax.jit(lambda t: curve.log_discount(*rates, t))
    for dates in (FIFTHS, 0.5 * FIFTHS):
        gap = np.asarray(hazard.legs(dates, KNOTS / 365, HAZARDS, rates)[0]) - integrals(dates, bent)[0]
        gaps.append(gap[np.isclose(dates, 4.0)][0])
    assert 3.0 < gaps[0] / gaps[1] < 5.5 and abs(gaps[0]) < 5e-5  # second order in the period on a bent curve


def test_survival_is_the_exponential_of_the_integrated_hazard():
    t = np.array([0.0, 0.5, 1.0, 2.0, 7.0, 20.0])
    area = np.interp(t, [0, *KNOTS / 365, 30], [*AREAS, AREAS[-1] + 20 * 0.015])
    np.testing.assert_allclose(hazard.survival(KNOTS / 365, HAZARDS, t), np.exp(-area), rtol=1e-12)
    spread = hazard.zero_spread(0.9, 7.0, RECOVERY)
    np.testing.assert_allclose(0.8 * np.exp(-7.0 * spread), hazard.zero_bond(0.8, 0.9, RECOVERY), rtol=1e-12)
    np.testing.assert_allclose(hazard.zero_bond(0.8, 0.9, RECOVERY), 0.8 * (0.9 + 0.1 * RECOVERY), rtol=1e-12)


def test_bootstrapped_hazards_price_their_swaps_to_nothing_as_those_of_quantlib_do():
    found = np.asarray(hazard.bootstrap(TENORS, SPREADS, RATE, RECOVERY))
    dates = hazard.schedule(12.5)
    at = np.array([len(hazard.schedule(t)) - 1 for t in TENORS])
    np.testing.assert_allclose(
        np.asarray(hazard.par_spread(dates, TENORS, found, RATE, RECOVERY))[at], SPREADS, rtol=1e-12
    )
    count, flat = ql.Actual365Fixed(), ql.YieldTermStructureHandle(ql.FlatForward(TODAY, RATE, ql.Actual365Fixed()))
    helpers = [
        ql.SpreadCdsHelper(float(s), ql.Period(int(t), ql.Years), 0, ql.NullCalendar(), ql.Quarterly, ql.Unadjusted,
                           ql.DateGeneration.Backward, count, RECOVERY, flat)
        for t, s in zip(TENORS, SPREADS, strict=True)
    ]  # fmt: skip
    theirs = ql.PiecewiseFlatHazardRate(TODAY, helpers, count)
    theirs.enableExtrapolation()
    # Their quarters are of 90 to 92 days and their default falls in the middle of them.
    survived = [theirs.survivalProbability(float(t)) for t in TENORS]
    np.testing.assert_allclose(hazard.survival(TENORS, found, TENORS), survived, atol=1e-4)


def test_derivatives_pass_through_the_bootstrap():
    shift = lambda x: hazard.bootstrap(TENORS, SPREADS + x, RATE, RECOVERY)  # noqa: E731
    slope = jax.jvp(shift, (0.0,), (1.0,))[1]
    np.testing.assert_allclose(slope, (shift(1e-6) - shift(-1e-6)) / 2e-6, rtol=1e-4)


@pytest.mark.parametrize(
    ("tenors", "spreads", "words"),
    [
        ((1, 2, 5, 7), (0.05, 0.01, 0.02, 0.02), "2 years .* forward hazard"),
        ((1, 3, 5), (0.01, np.nan, 0.02), "at 3 years"),
        ((1, 5), (0.01, -0.02), "at 5 years"),
        ((5, 1), (0.01, 0.02), "tenors must be increasing"),
        ((1.1, 5), (0.01, 0.02), "whole number of premium periods"),
        ((1, 5), (0.01,), "spreads needs one number"),
    ],
)
def test_quotes_that_no_curve_meets_are_refused_by_tenor(tenors, spreads, words):
    with pytest.raises(ParameterError, match=words):
        hazard.bootstrap(tenors, spreads, RATE, RECOVERY)
    with pytest.raises(ParameterError, match="recovery"):
        hazard.bootstrap((1,), (0.01,), RATE, 1.0)


def test_the_forward_of_the_square_root_rate_is_the_slope_of_its_bonds():
    t = np.linspace(0.01, 20.0, 9)
    price = jax.jit(lambda t: cir.log_level(t, 0.4, 0.02, 0.15) - 0.05 * cir.loading(t, 0.4, 0.15))
    slope = (price(t - 1e-5) - price(t + 1e-5)) / 2e-5
    np.testing.assert_allclose(jax.jit(cir.forward)(0.05, t, 0.4, 0.02, 0.15), slope, rtol=1e-8)
