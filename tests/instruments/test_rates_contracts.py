"""What bonds, swaps and options on rates pay and remember; their prices beside QuantLib's are in bench/parity."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

import deephedge as dh
from deephedge import instruments as i
from deephedge import markets as m
from deephedge.core.errors import ParameterError, ProblemError

CURVE = ((1.0, 3.0, 10.0), (0.03, 0.035, 0.04))
MARKET = m.HullWhite(CURVE, 0.1, 0.012)
MODEL = i.ModelCurve(MARKET)
HALF, YEARS = dh.Schedule.uniform(0.5, 2.5, periods=4), dh.Schedule.uniform(0.5, 2.5, periods=2)
PAYER = i.Swap(YEARS, HALF, 0.034, MODEL)
GRID = dh.TimeGrid.uniform(maturity=3.0, steps=12)


def paths(count=2, grid=GRID, market=MARKET):
    return dh.sample(market, grid, count, key=jax.random.key(3), method="random")


@eqx.filter_jit
def both(contract, path):
    return contract.cashflows(path), contract.price(path)


def one(batch, n=0):
    return jax.tree.map(lambda x: x[n], batch)


def bond(path, point, end):
    """P(t, T) in NumPy's precision, from the market and the short rate of the point."""
    t = float(path.times[point])
    return float(MARKET.bond(path.quotes["USD.short"][point], t, max(end - t, 0.0)))


def test_a_swap_remembers_what_was_fixed():
    path = one(paths())
    cash, _ = both(PAYER, path)
    fixing = {2: 1.0, 4: 1.5, 6: 2.0, 8: 2.5}  # point of the fixing (a quarter a step) to the end of its period
    floating = {int(end * 4): 1 / bond(path, point, end) - 1 for point, end in fixing.items()}
    expected = np.zeros(13)
    for point, rate in floating.items():
        expected[point] += rate
    for point in (6, 10):
        expected[point] -= 0.034
    np.testing.assert_allclose(cash, expected, atol=3e-7)


def test_a_path_that_begins_later_needs_the_fixing_it_has_not_seen():
    path = one(paths())
    later = dh.MarketPath(path.times[3:], {k: v[3:] for k, v in path.quotes.items()}, path.numeraire[3:])
    known = 1 / bond(path, 2, 1.0) - 1
    told = i.Swap(YEARS, HALF, 0.034, MODEL, fixing=2 * known)
    for got, whole in zip(both(told, later), both(PAYER, path), strict=True):
        np.testing.assert_allclose(got, whole[3:], atol=3e-7)
    cash, price = both(PAYER, later)
    assert np.isnan(cash[1]) and np.isnan(price[0]) and np.isfinite(price[1:]).all()
    with pytest.raises(ParameterError, match="give it as fixing"):
        i.Swap(YEARS, dh.Schedule.uniform(-0.5, 2.5, periods=6), 0.034, MODEL)


def test_a_swap_at_par_is_worth_nothing_and_two_sides_cancel():
    path = one(paths())
    par = i.at_par(PAYER, path)
    assert abs(float(both(par, path)[1][0])) < 1e-7
    reverse = i.Swap(YEARS, HALF, 0.034, MODEL, payer=False)
    for payer, receiver in zip(both(PAYER, path), both(reverse, path), strict=True):
        np.testing.assert_allclose(payer, -receiver, atol=1e-7)
    note, fixed = i.FloatingRateNote(HALF, MODEL), i.FixedBond(YEARS, 0.034, MODEL)
    legs = [note_ - fixed_ for note_, fixed_ in zip(both(note, path), both(fixed, path), strict=True)]
    for payer, leg in zip(both(PAYER, path), legs, strict=True):
        np.testing.assert_allclose(payer, leg, atol=5e-7)


@pytest.mark.parametrize("day", [0, 40, 128, 134, 500])
def test_a_bond_is_quoted_as_quantlib_quotes_it(day):
    """Clean price and accrued interest on actual days, for settlement five days on, ex coupon nine days before."""
    start, end = ql.Date(15, 5, 2024), ql.Date(15, 5, 2027)
    today = ql.Date(2, 1, 2025)
    dates = ql.Schedule(start, end, ql.Period(6, ql.Months), ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted,
                        ql.DateGeneration.Backward, False)  # fmt: skip
    ql.Settings.instance().evaluationDate = today + day
    theirs = ql.FixedRateBond(5, 100.0, dates, [0.06], ql.Actual365Fixed(), ql.Following, 100.0, start,
                              ql.NullCalendar(), ql.Period(9, ql.Days), ql.NullCalendar())  # fmt: skip
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today + day, 0.04, ql.Actual365Fixed()))
    theirs.setPricingEngine(ql.DiscountingBondEngine(flat))
    with jax.enable_x64(True):
        schedule = dh.Schedule.from_dates("2024-05-15", "2027-05-15", 6, today="2025-01-02", calendar="none",
                                          roll="unadjusted")  # fmt: skip
        ours = i.FixedBond(schedule, 0.06, i.FlatCurve(), 100.0, settlement=5 / 365, ex_coupon=9 / 365)
        path = dh.MarketPath(jnp.array([day / 365]), {"rate": jnp.array([0.04])}, jnp.ones(1))
        clean, accrued = eqx.filter_jit(lambda: (ours.clean(path), ours.accrued(path)))()
    assert float(accrued[0]) == pytest.approx(theirs.accruedAmount(), abs=1e-10)
    assert float(clean[0]) == pytest.approx(theirs.cleanPrice(), rel=1e-12)


@pytest.mark.parametrize(
    "market, state",
    [
        (m.Vasicek(0.03, 0.2, 0.04, 0.01, tenors=(1, 3)), "short"),
        (m.CoxIngersollRoss(0.03, 0.5, 0.04, 0.1, tenors=(1, 3)), "short"),
        (m.HullWhiteTwoFactor(CURVE, (0.6, 0.05), (0.012, 0.01), -0.7, tenors=(1, 3)), ("x", "y")),
    ],
)
def test_curves_read_what_markets_quote(market, state):
    path = one(paths(market=market, grid=dh.TimeGrid.uniform(maturity=1.0, steps=2)))
    curves = i.ModelCurve(market, state), i.QuotedCurve((1, 3))
    ahead = (path.times[:, None] + jnp.array([1.0, 3.0])).reshape(-1)  # to each point's tenors
    for each in jax.jit(lambda: [curve.discounts(path, ahead).reshape(3, 3, 2) for curve in curves])():
        for point in range(3):
            expected = [np.exp(-tenor * path.quotes[f"USD.zero.{tenor}y"][point]) for tenor in (1, 3)]
            np.testing.assert_allclose(each[point, point], expected, rtol=2e-6)


def test_a_cap_less_a_floor_is_a_swap_and_pays_what_was_fixed():
    path = one(paths())
    cap, floor = (i.Cap(HALF, 0.034, MODEL, call) for call in (True, False))
    swap = i.Swap(HALF, HALF, 0.034, MODEL)
    for of_cap, of_floor, of_swap in zip(both(cap, path), both(floor, path), both(swap, path), strict=True):
        np.testing.assert_allclose(of_cap - of_floor, of_swap, atol=5e-7)
        assert (of_cap >= 0).all() and (of_floor >= 0).all()


def test_a_swaption_settled_by_par_yield():
    path = one(paths())
    vol = path.with_quotes({"vol": jnp.full_like(path.times, 0.2)})
    right = i.Swaption(PAYER, 0.5, "black", "vol", settlement="par yield")
    annuity = 1 - bond(path, 2, 2.5)
    rate = annuity / (bond(path, 2, 1.5) + bond(path, 2, 2.5))
    cash = 1 / (1 + rate) + 1 / (1 + rate) ** 2
    got, price = both(right, vol)
    np.testing.assert_allclose(got[2], cash * max(rate - 0.034, 0), atol=5e-7)
    assert price[1] > 0 and not price[2:].any()


@pytest.mark.parametrize(
    "build, error, says",
    [
        (lambda: i.Swaption(PAYER, 2.4), ParameterError, "must have periods that start"),
        (lambda: i.Swaption(PAYER, 0.5, "black"), ParameterError, "vol must name a quote"),
        (lambda: i.Swaption(PAYER, 0.5, settlement="par yield"), ParameterError, "physical settlement"),
        (lambda: i.Swaption(i.Swap(YEARS, HALF, -0.01, MODEL), 0.5), ParameterError, "rate of 0 or more"),
        (lambda: i.Cap(HALF, 0.03, i.FlatCurve()), ProblemError, "needs a ModelCurve of a Gaussian"),
        (lambda: i.Cap(HALF, 0.03, MODEL, formula="sabr"), ParameterError, "formula must be one of"),
        (lambda: i.BermudanSwaption(PAYER, (1.5, 0.5)), ParameterError, "increasing"),
        (lambda: i.FixedBond(YEARS, 0.03, MODEL, ex_coupon=-1.0), ParameterError, "ex_coupon must be 0 or more"),
        (lambda: i.ModelCurve(m.BlackScholes("A", 0.2)), ParameterError, "market of a short rate"),
        (lambda: i.QuotedCurve((2, 1)), ParameterError, "tenors must be positive"),
    ],
)
def test_bad_terms_are_refused(build, error, says):
    with pytest.raises(error, match=says):
        build()
