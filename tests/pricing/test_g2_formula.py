"""Two Gaussian factors against QuantLib's G2, and against one factor in its limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

from deephedge.pricing import g2, hullwhite

TODAY, RATE = ql.Date(2, 1, 2024), 0.03
F = {name: jax.jit(getattr(g2, name)) for name in ("discount", "bond_option", "caplet", "swaption", "area_variance")}
# a, b, sigma, eta, rho: the usual shape, two factors nearly one, a positive correlation
LAWS = [(0.6, 0.05, 0.012, 0.01, -0.7), (0.3, 0.29, 0.01, 0.011, -0.97), (0.5, 0.03, 0.008, 0.006, 0.5)]


@pytest.fixture(scope="module", autouse=True)
def double():
    ql.Settings.instance().evaluationDate = TODAY
    with jax.enable_x64(True):
        yield


def model(law):
    a, b, sigma, eta, rho = law
    handle = ql.YieldTermStructureHandle(ql.FlatForward(TODAY, RATE, ql.Actual365Fixed()))
    return ql.G2(handle, a, sigma, b, eta, rho), handle


@pytest.mark.parametrize("law", LAWS)
def test_bonds_bond_options_and_caplets_are_those_of_quantlib(law):
    theirs, at = model(law)[0], lambda t: np.exp(-RATE * np.asarray(t))
    rows = [(x, y, t, s) for x, y in ((0.0, 0.0), (0.01, -0.02)) for t in (0.0, 0.5, 7.0) for s in (0.25, 2.0, 20.0)]
    x, y, now, tau = np.array(rows).T
    expected = [theirs.discountBond(t, t + s, ql.Array([u, v])) for u, v, t, s in rows]
    np.testing.assert_allclose(F["discount"](x, y, now, tau, at(tau), *law), expected, rtol=1e-8)
    for call, kind in ((True, ql.Option.Call), (False, ql.Option.Put)):
        for expiry, end in ((0.5, 1.0), (1.0, 6.0), (5.0, 15.0)):
            strikes = at(end - expiry) * np.array([0.95, 1.0, 1.03])
            expected = [theirs.discountBondOption(kind, k, expiry, end) for k in strikes]
            ours = F["bond_option"](at(expiry), at(end), strikes, expiry, end - expiry, *law, call)
            np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-14)
    put = theirs.discountBondOption(ql.Option.Put, 1 / 1.01, 2.0, 2.25)
    np.testing.assert_allclose(F["caplet"](at(2.0), at(2.25), 0.04, 0.25, 2.0, 0.25, *law), 1.01 * put, rtol=1e-8)


@pytest.mark.parametrize("law", LAWS)
def test_swaptions_are_those_of_quantlib(law):
    theirs, handle = model(law)
    index = ql.IborIndex("x", ql.Period(1, ql.Years), 0, ql.USDCurrency(), ql.NullCalendar(), ql.Unadjusted, False,
                         ql.Actual365Fixed(), handle)  # fmt: skip
    start = ql.Date(2, 1, 2026)
    schedule = ql.Schedule(start, ql.Date(2, 1, 2031), ql.Period(1, ql.Years), ql.NullCalendar(), ql.Unadjusted,
                           ql.Unadjusted, ql.DateGeneration.Forward, False)  # fmt: skip
    times = np.array([(date - TODAY) / 365 for date in schedule])
    bonds = np.exp(-RATE * times)
    rows = [(kind, rate) for kind in (ql.VanillaSwap.Payer, ql.VanillaSwap.Receiver) for rate in (0.02, 0.0305, 0.045)]
    expected = []
    for kind, rate in rows:
        swap = ql.VanillaSwap(kind, 1.0, schedule, rate, ql.Actual365Fixed(), schedule, index, 0.0, ql.Actual365Fixed())
        option = ql.Swaption(swap, ql.EuropeanExercise(start))
        option.setPricingEngine(ql.G2SwaptionEngine(theirs, 8.0, 800))
        expected.append(option.NPV())
    payer = np.array([kind == ql.VanillaSwap.Payer for kind, _ in rows])
    args = (np.diff(times), np.array([rate for _, rate in rows]), times[0], times[1:] - times[0])
    ours = F["swaption"](*map(np.asarray, (bonds[0], bonds[1:], *args)), *law, payer)
    np.testing.assert_allclose(ours, expected, rtol=1e-8, atol=1e-10)


def test_one_factor_is_hull_white_and_nothing_random_is_intrinsic():
    years, bonds = np.arange(1.0, 6.0), np.exp(-0.03 * (2 + np.arange(1.0, 6.0)))
    rates, payer = np.array([0.02, 0.03, 0.045, 0.02, 0.03, 0.045]), np.arange(6) < 3
    terms = (np.exp(-0.06), bonds, np.ones(5), rates, 2.0, years)
    one = jax.jit(hullwhite.swaption)(terms[0], bonds, terms[2], rates, 2.0, years, 0.1, 0.01, payer)
    for law in ((0.1, 0.7, 0.01, 0.0, 0.3), (0.7, 0.1, 0.0, 0.01, 0.0), (0.1, 0.1, 0.004, 0.006, 1.0)):
        np.testing.assert_allclose(F["swaption"](*map(np.asarray, terms), *law, payer), one, rtol=1e-9)
        np.testing.assert_allclose(F["area_variance"](7.0, *law), hullwhite.area_variance(7.0, 0.1, 0.01), rtol=1e-11)
    still = np.maximum((terms[0] - bonds[-1] - rates * bonds.sum()) * np.where(payer, 1, -1), 0.0)
    np.testing.assert_allclose(
        F["swaption"](*map(np.asarray, terms), 0.1, 0.7, 0.0, 0.0, 0.3, payer), still, atol=1e-13
    )


def test_formulas_hold_in_single_precision_and_have_derivatives():
    def price(law):
        years = jnp.arange(1.0, 6.0)
        return g2.swaption(jnp.exp(-0.06), jnp.exp(-0.03 * (2 + years)), jnp.ones(5), 0.03, 2.0, years, *law)

    law, along = jnp.array(LAWS[0]), jnp.array([0.1, 0.1, 0.01, 0.01, 1.0])
    slope = jax.jit(lambda law: jax.jvp(price, (law,), (along,)))
    value, change = slope(law)
    up, down = slope(law + 1e-4 * along)[0], slope(law - 1e-4 * along)[0]
    np.testing.assert_allclose(change, (up - down) / 2e-4, rtol=1e-6)
    with jax.enable_x64(False):
        np.testing.assert_allclose(jax.jit(price)(jnp.array(LAWS[0], jnp.float32)), value, rtol=2e-4)
