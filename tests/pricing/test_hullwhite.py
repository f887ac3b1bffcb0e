"""Gaussian short rates against QuantLib, and the curve between its quotes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql
from scipy.optimize import brentq

from deephedge.pricing import curve, hullwhite

FORMULAS = ("vasicek_discount", "discount", "bond_option", "swaption", "loading", "short_variance", "area_variance")
F = {name: jax.jit(getattr(hullwhite, name)) for name in FORMULAS}
F |= {name: jax.jit(getattr(curve, name)) for name in ("log_discount", "forward")}

TODAY = ql.Date(2, 1, 2024)
DAYS = np.array([365, 730, 1095, 1825, 3650, 7300])
YIELDS = np.array([0.045, 0.041, 0.039, 0.038, 0.04, 0.042])


@pytest.fixture(scope="module", autouse=True)
def double():
    ql.Settings.instance().evaluationDate = TODAY
    with jax.enable_x64(True):
        yield


def term_structure():
    dates = [TODAY] + [TODAY + int(day) for day in DAYS]
    return ql.YieldTermStructureHandle(ql.ZeroCurve(dates, [YIELDS[0], *YIELDS], ql.Actual365Fixed()))


@pytest.mark.parametrize("a, level, sigma", [(0.2, 0.05, 0.01), (1.5, 0.03, 0.03), (0.01, -0.01, 0.005)])
def test_vasicek_bonds_are_those_of_quantlib(a, level, sigma):
    model = ql.Vasicek(0.03, a, level, sigma, 0.0)
    short, tau = np.meshgrid([-0.02, 0.0, 0.03, 0.1], [0.1, 1.0, 5.0, 30.0])
    theirs = [model.discountBond(0.0, t, r) for r, t in zip(short.ravel(), tau.ravel(), strict=True)]
    ours = F["vasicek_discount"](short.ravel(), tau.ravel(), a, level, sigma)
    np.testing.assert_allclose(ours, theirs, rtol=1e-10)


@pytest.mark.parametrize("a, sigma", [(0.05, 0.01), (0.8, 0.02)])
def test_hull_white_bonds_and_bond_options_are_those_of_quantlib(a, sigma):
    handle = term_structure()
    model, at = ql.HullWhite(handle, a, sigma), lambda t: handle.discount(float(t))
    rows = [(r, now, tau) for r in (-0.01, 0.04, 0.1) for now in (0.5, 3.0, 9.0) for tau in (0.25, 2.0, 10.0)]
    short, now, tau = np.array(rows).T
    # QuantLib takes the forward over a ten-thousandth of a year, so its own number goes in here.
    forward = np.array([handle.forwardRate(t, t, ql.Continuous, ql.NoFrequency).rate() for t in now])
    today = np.array([at(t + s) / at(t) for t, s in zip(now, tau, strict=True)])
    ours = F["discount"](short, now, tau, forward, today, a, sigma)
    theirs = [model.discountBond(t, t + s, r) for r, t, s in rows]
    np.testing.assert_allclose(ours, theirs, rtol=1e-8)
    for call, kind in ((True, ql.Option.Call), (False, ql.Option.Put)):
        for expiry, end in ((0.5, 1.0), (1.0, 6.0), (5.0, 15.0)):
            strikes = at(end) / at(expiry) * np.array([0.9, 1.0, 1.05])
            theirs = [model.discountBondOption(kind, k, expiry, end) for k in strikes]
            ours = F["bond_option"](at(expiry), at(end), strikes, expiry, end - expiry, a, sigma, call)
            np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-14)


@pytest.mark.parametrize("a, sigma", [(0.05, 0.01), (0.5, 0.02)])
@pytest.mark.parametrize("payer", [True, False])
def test_swaptions_are_those_of_quantlib(a, sigma, payer):
    handle = ql.YieldTermStructureHandle(ql.FlatForward(TODAY, 0.03, ql.Actual365Fixed()))
    index = ql.IborIndex("x", ql.Period(1, ql.Years), 0, ql.USDCurrency(), ql.NullCalendar(), ql.Unadjusted, False,
                         ql.Actual365Fixed(), handle)  # fmt: skip
    start, model = ql.Date(2, 1, 2026), ql.HullWhite(handle, a, sigma)
    schedule = ql.Schedule(start, ql.Date(2, 1, 2031), ql.Period(1, ql.Years), ql.NullCalendar(), ql.Unadjusted,
                           ql.Unadjusted, ql.DateGeneration.Forward, False)  # fmt: skip
    times = np.array([(date - TODAY) / 365 for date in schedule])
    discounts = np.array([handle.discount(float(t)) for t in times])
    kind = ql.VanillaSwap.Payer if payer else ql.VanillaSwap.Receiver
    for rate in (0.02, 0.0305, 0.04):
        swap = ql.VanillaSwap(kind, 1.0, schedule, rate, ql.Actual365Fixed(), schedule, index, 0.0, ql.Actual365Fixed())
        option = ql.Swaption(swap, ql.EuropeanExercise(start))
        option.setPricingEngine(ql.JamshidianSwaptionEngine(model))
        ours = F["swaption"](
            discounts[0], discounts[1:], np.diff(times), rate, times[0], times[1:] - times[0], a, sigma, payer
        )
        np.testing.assert_allclose(ours, option.NPV(), atol=2e-8)  # the engine stops its search for a root there
        np.testing.assert_allclose(ours, decomposed(model, times, rate * np.diff(times), payer), rtol=1e-8)


def decomposed(model, times, coupons, payer):
    """The sum of QuantLib's bond options, struck where QuantLib's own bonds pay one together."""
    cash, start = coupons + np.eye(len(coupons))[-1], times[0]
    bonds = lambda r: np.array([model.discountBond(start, end, r) for end in times[1:]])  # noqa: E731
    struck = bonds(brentq(lambda r: cash @ bonds(r) - 1.0, -1.0, 1.0, xtol=1e-15))
    kind = ql.Option.Put if payer else ql.Option.Call
    options = [model.discountBondOption(kind, k, start, end) for k, end in zip(struck, times[1:], strict=True)]
    return cash @ options


def test_swaptions_keep_parity_and_have_right_derivatives():
    years, sizes = jnp.arange(1.0, 6.0), jnp.ones(5)
    nearer, bonds = np.exp(-0.06), jnp.exp(-0.03 * (2 + years))

    def price(sigma, rate, payer):
        return hullwhite.swaption(nearer, bonds, sizes, rate, 2.0, years, 0.1, sigma, payer)

    def all_of(rate, payer):  # value, slope and bend along the rate
        once = lambda r: jax.jvp(lambda r: price(0.01, r, payer), (r,), (jnp.ones_like(r),))  # noqa: E731
        (value, slope), (_, bend) = jax.jvp(once, (rate,), (jnp.ones_like(rate),))
        return value, slope, bend

    h = 1e-5
    rates = 0.04 + h * jnp.array([-1.0, 0.0, 1.0, 0.0])
    value, slope, bend = jax.jit(jax.vmap(all_of))(rates, jnp.array([True, True, True, False]))
    swap = nearer - bonds[-1] - 0.04 * jnp.sum(bonds)
    np.testing.assert_allclose(value[1] - value[3], swap, rtol=1e-12)
    np.testing.assert_allclose(slope[1], (value[2] - value[0]) / (2 * h), rtol=1e-6)
    np.testing.assert_allclose(bend[1], (slope[2] - slope[0]) / (2 * h), rtol=1e-6)
    free = F["swaption"](nearer, bonds, sizes, 0.02, 2.0, years, 0.1, 0.0)
    np.testing.assert_allclose(free, nearer - bonds[-1] - 0.02 * jnp.sum(bonds), rtol=1e-12)


def test_formulas_hold_at_no_mean_reversion_and_in_single_precision():
    a = np.array([0.0, 1e-9, 1e-4, 0.3, 2.0])
    for tau in (1 / 365, 1.0, 30.0):
        exact = [np.trapezoid(f, dx=np.longdouble(tau) / 20_000, axis=0) for f in _integrands(a, tau, 20_000)]
        ours = F["loading"](tau, a), F["short_variance"](tau, a, 0.01), F["area_variance"](tau, a, 0.01)
        for mine, theirs, scale in zip(ours, exact, (1.0, 1e-4, 1e-4), strict=True):
            np.testing.assert_allclose(mine, np.float64(theirs * scale), rtol=1e-5 if tau > 1 else 1e-8)
        with jax.enable_x64(False):
            single = F["area_variance"](np.float32(tau), jnp.asarray(a, jnp.float32), 0.01)
            assert single.dtype == jnp.float32
        np.testing.assert_allclose(single, ours[2], rtol=2e-6)
    grads = jax.jit(jax.jacfwd(lambda a: jnp.stack(hullwhite.step_law(1.0, a))))(jnp.zeros(()))
    np.testing.assert_allclose(grads, [-0.5, 0.0, 0.0], atol=1e-12)  # sd = 1 - a/2 + ..., the others even in a


def _integrands(a, tau, n):
    s = np.linspace(0, np.longdouble(tau), n + 1)[:, None]
    b = np.where(a * s == 0, s, -np.expm1(-a * s) / np.where(a == 0, 1, a))
    return np.exp(-a * s), np.exp(-2 * a * s), b**2


def test_the_curve_meets_its_quotes_and_its_forward_is_the_continuous_slope():
    years = DAYS / 365
    np.testing.assert_allclose(F["log_discount"](years, YIELDS, years), -years * YIELDS, rtol=1e-14)
    assert float(F["log_discount"](years, YIELDS, 0.0)) == 0.0
    t = jnp.linspace(0.0, 25.0, 997)
    _, slope = jax.jit(lambda t: jax.jvp(lambda t: -curve.log_discount(years, YIELDS, t), (t,), (jnp.ones_like(t),)))(t)
    np.testing.assert_allclose(F["forward"](years, YIELDS, t), slope, rtol=1e-10)
    around = np.concatenate([years - 1e-9, years + 1e-9]).reshape(2, -1)
    np.testing.assert_allclose(*F["forward"](years, YIELDS, around), rtol=1e-6)
    np.testing.assert_allclose(F["forward"](np.array([2.0]), np.array([0.03]), np.array([0.0, 1.0, 9.0])), 0.03)
    flat = F["forward"](years, np.full(6, 0.03), t)
    np.testing.assert_allclose(flat, 0.03, rtol=1e-12)
