"""Merton, Kou and Bates against QuantLib, and Kou against an adaptive quadrature of its textbook transform."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql
from scipy import integrate, stats

from deephedge.pricing import black, greeks, heston, jumps

MERTON, KOU, BATES = (jax.jit(f) for f in (jumps.merton_price, jumps.kou_price, jumps.bates_price))
TODAY = ql.Date(2, 1, 2024)
DAYS = (1, 30, 365, 1825)
STRIKES, YEARS = np.linspace(70.0, 140.0, 24), np.full(24, 0.7)  # in the shape of the tables: one program for both
DEVIATIONS = np.array([-3.0, -1.0, 0.0, 0.5, 2.0, 4.0])
# vol, intensity, jump_mean, jump_vol
MERTONS = {
    "usual": (0.15, 1.0, -0.1, 0.15), "frequent": (0.2, 5.0, -0.03, 0.04), "upward": (0.1, 3.0, 0.1, 0.2),
    "one size": (0.2, 0.1, -0.5, 0.0),
}  # fmt: skip
# vol, intensity, probability_up, up_mean, down_mean
KOUS = {
    "usual": (0.16, 1.0, 0.4, 0.1, 0.2), "frequent": (0.2, 25.0, 0.4, 0.02, 0.04), "large": (0.3, 0.1, 0.1, 0.6, 0.5),
    "hardly diffusing": (0.02, 5.0, 0.3, 0.05, 0.1), "rising": (0.05, 3.0, 0.6, 0.3, 0.1),
}  # fmt: skip
# variance, kappa, theta, sigma, rho, intensity, jump_mean, jump_vol
BATESES = {
    "buehler": (0.04, 1.0, 0.04, 2.0, -0.7, 1.0, -0.1, 0.15), "calm": (0.04, 2.0, 0.05, 0.4, -0.6, 3.0, 0.1, 0.1),
    "almost Merton": (0.01, 1.0, 0.01, 0.01, 0.0, 2.0, -0.1, 0.1),
    "one-sided": (0.01, 3.0, 0.02, 0.6, -0.99, 10.0, -0.03, 0.05),
}  # fmt: skip


def rows(total_of, price_of) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(tau, strike, price) at fixed numbers of standard deviations, for all maturities."""
    table = []
    for days in DAYS:
        strikes = 100.0 * np.exp(DEVIATIONS * np.sqrt(total_of(days / 365)))
        table += zip(itertools.repeat(days / 365), strikes, price_of(days, strikes))
    tau, strike, price = np.array(table).T
    return tau, strike, price


def flat():
    return ql.YieldTermStructureHandle(ql.FlatForward(TODAY, 0.0, ql.Actual365Fixed()))


def handle(value: float):
    return ql.QuoteHandle(ql.SimpleQuote(value))


def quantlib(engine, days, strikes, kind=ql.Option.Call) -> list[float]:
    prices = []
    for strike in strikes:
        option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, float(strike)), ql.EuropeanExercise(TODAY + days))
        option.setPricingEngine(engine)
        prices.append(option.NPV())
    return prices


def merton_by_quantlib(vol, intensity, mean, deviation, days, strikes) -> list[float]:
    """The series as printed: QuantLib's Black at a rate of its own for each count, under the spot's intensity."""
    tau, growth, count = days / 365, mean + deviation**2 / 2, np.arange(200)
    k = np.exp(growth) - 1
    weight = stats.poisson.pmf(count, intensity * (1 + k) * tau)
    rate = -intensity * k + count * growth / tau
    total = np.sqrt(vol**2 * tau + count * deviation**2)

    def one(strike):
        return sum(w * ql.blackFormula(ql.Option.Call, strike, 100.0 * np.exp(r * tau), s, np.exp(-r * tau))
                   for w, r, s in zip(weight, rate, total, strict=True) if w > 1e-18)  # fmt: skip

    return [one(float(strike)) for strike in strikes]


def bates_engine(*model):
    ql.Settings.instance().evaluationDate = TODAY
    return ql.BatesEngine(ql.BatesModel(ql.BatesProcess(flat(), flat(), handle(100.0), *model)), 1e-11, 1_000_000)


def kou_by_quadrature(vol, intensity, p, a, b, tau, strikes) -> list[float]:
    """Lewis's integral of the transform as printed, by SciPy's adaptive rule on the real line."""
    k = p / (1 - a) + (1 - p) / (1 + b) - 1
    edges = np.concatenate([[0.0], np.geomspace(0.05, 9.0 / (vol * np.sqrt(tau)), 60)])

    def integrand(u, x):
        s = 0.5 + 1j * u
        jumping = intensity * (p / (1 - s * a) + (1 - p) / (1 + s * b) - 1 - s * k)
        return (np.exp(1j * u * x + tau * (0.5 * vol**2 * s * (s - 1) + jumping)) / (u * u + 0.25)).real

    def one(strike):
        parts = [integrate.quad(integrand, *ends, (np.log(100.0 / strike),), epsabs=1e-12, limit=200)[0]
                 for ends in itertools.pairwise(edges)]  # fmt: skip
        return 100.0 - np.sqrt(100.0 * strike) / np.pi * sum(parts)

    return [one(strike) for strike in strikes]


def agree(formula, model, tau, strike, theirs):
    """To 1e-10 of the larger of forward and strike in float64, to 1e-7 in float32."""
    largest = np.maximum(strike, 100.0)
    with jax.enable_x64(True):
        ours = formula(100.0, strike, model[0], tau, *model[1:], True)
        np.testing.assert_allclose(ours / largest, theirs / largest, atol=1e-10)
    single = formula(100.0, strike, model[0], tau, *model[1:], True)
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single / largest, theirs / largest, atol=2.5e-7)


@pytest.mark.parametrize("name", MERTONS)
def test_mertons_prices_are_those_of_quantlib(name):
    vol, intensity, mean, deviation = model = MERTONS[name]
    total = lambda tau: tau * (vol**2 + intensity * (mean**2 + deviation**2))  # noqa: E731
    agree(MERTON, model, *rows(total, lambda days, strikes: merton_by_quantlib(*model, days, strikes)))


def test_mertons_series_says_when_it_needs_more_terms():
    tau, strikes = 10.0, np.array([60.0, 100.0, 170.0])
    theirs = np.array(merton_by_quantlib(0.2, 6.0, -0.03, 0.04, 3650, strikes))
    with jax.enable_x64(True):
        assert bool(jnp.isnan(MERTON(100.0, STRIKES, 0.2, np.full(24, tau), 6.0, -0.03, 0.04, True)).all())
        ours = jax.jit(functools.partial(jumps.merton_price, terms=128))(100.0, strikes, 0.2, tau, 6.0, -0.03, 0.04)
    np.testing.assert_allclose(ours, theirs, atol=1e-8)


def test_mertons_prices_are_those_of_quantlibs_bates_engine_without_stochastic_variance():
    vol, *jumping = MERTONS["usual"]
    theirs = quantlib(bates_engine(vol**2, 1.0, vol**2, 1e-3, 0.0, *jumping), 365, STRIKES)
    with jax.enable_x64(True):
        ours = MERTON(100.0, STRIKES, vol, np.ones(24), *jumping, True)
        np.testing.assert_allclose(ours, theirs, atol=5e-6)


@pytest.mark.parametrize("name", KOUS)
def test_kous_prices_are_those_of_a_quadrature(name):
    vol, intensity, p, a, b = model = KOUS[name]
    total = lambda tau: tau * (vol**2 + 2 * intensity * (p * a**2 + (1 - p) * b**2))  # noqa: E731
    agree(KOU, model, *rows(total, lambda days, strikes: kou_by_quadrature(*model, days / 365, strikes)))


@pytest.mark.parametrize("name", BATESES)
def test_bates_prices_are_those_of_quantlib(name):
    variance, kappa, theta, *_, intensity, mean, deviation = model = BATESES[name]

    def total(tau):
        jumping = intensity * tau * (mean**2 + deviation**2)
        return theta * tau + (variance - theta) * (1 - np.exp(-kappa * tau)) / kappa + jumping

    agree(BATES, model, *rows(total, lambda days, strikes: quantlib(bates_engine(*model), days, strikes)))


@pytest.mark.parametrize(
    ("formula", "model"), [(MERTON, MERTONS["usual"]), (KOU, KOUS["usual"]), (BATES, BATESES["calm"])]
)
def test_calls_and_puts_obey_parity(formula, model):
    with jax.enable_x64(True):
        call, put = (formula(100.0, STRIKES, model[0], YEARS, *model[1:], kind) for kind in (True, False))
        np.testing.assert_allclose(call - put, 100.0 - STRIKES, atol=1e-12)


def test_without_jumps_they_are_black_and_heston():
    heston_model = (0.04, 1.0, 0.04, 2.0, -0.7)
    with jax.enable_x64(True):
        plain = jax.jit(black.price)(100.0, STRIKES, 0.2, YEARS)
        for formula, model in ((MERTON, (0.0, -0.1, 0.2)), (KOU, (0.0, 0.4, 0.1, 0.2))):
            np.testing.assert_allclose(formula(100.0, STRIKES, 0.2, YEARS, *model, True), plain, atol=1e-10)
        plain = jax.jit(heston.price)(100.0, STRIKES, heston_model[0], YEARS, *heston_model[1:])
        ours = BATES(100.0, STRIKES, heston_model[0], YEARS, *heston_model[1:], 0.0, -0.1, 0.2, True)
        np.testing.assert_allclose(ours, plain, atol=1e-8)


def test_delta_and_gamma_of_merton_against_differences_of_quantlib():
    model, (up, mid, down) = MERTONS["usual"], (
        merton_by_quantlib(*MERTONS["usual"], 180, [100.0 * s])[0] / s for s in (1 / 1.0005, 1.0, 1 / 0.9995)
    )  # fmt: skip
    ours = jax.jit(lambda *a: [g(jumps.merton_price)(*a) for g in (greeks.delta, greeks.gamma)])
    with jax.enable_x64(True):  # the price is homogeneous: a higher forward is a lower strike
        delta, gamma = ours(100.0, 100.0, model[0], 180 / 365, *model[1:])
        np.testing.assert_allclose(delta, (up - down) / 0.1, rtol=1e-6)
        np.testing.assert_allclose(gamma, (up - 2 * mid + down) / 0.0025, rtol=1e-5)


@pytest.mark.parametrize(
    ("formula", "jumping"),
    [(jumps.merton_price, [(0.0, 3.0), (-0.3, 0.0, 0.2), (0.0, 0.2)]),
     (jumps.kou_price, [(0.0, 3.0), (0.0, 1.0), (1e-3, 0.6), (0.2,)]),
     (jumps.bates_price, [(1.0,), (0.0, 0.04), (0.0, 2.0), (-1.0, 0.3), (0.0, 3.0), (-0.3, 0.0), (0.0, 0.2)])],
)  # fmt: skip
def test_values_and_gradients_are_finite_everywhere(formula, jumping):
    corners = itertools.product([0.0, 1.0, 100.0, 1e4], [0.0, 1e-6, 0.3], [-1.0, 0.0, 1 / 365, 5.0], *jumping)
    corners = [jnp.asarray(c, jnp.float32) for c in zip(*corners, strict=True)]

    @jax.jit
    def both(*a):
        value, back = jax.vjp(lambda *b: formula(100.0, *b), *a)
        return value, back(jnp.ones_like(value))

    value, gradient = both(*corners)
    assert all(bool(jnp.isfinite(part).all()) for part in (value, *gradient))
    intrinsic = jnp.maximum(100.0 - corners[0], 0.0)
    slack = 2e-4 * jnp.maximum(corners[0], 100.0)  # nothing diffuses, and strikes 20 deviations away
    assert bool((value >= intrinsic - slack).all()) and bool((value <= 100.0 + slack).all())
    ended = corners[2] <= 0.0
    np.testing.assert_array_equal(value[ended], intrinsic[ended])
