import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

from deephedge.pricing import black, greeks, heston

PRICE = jax.jit(heston.price)
# variance, kappa, theta, sigma, rho
MODELS = {
    "buehler": (0.04, 1.0, 0.04, 2.0, -0.7),
    "buehler, variance gone": (1e-6, 1.0, 0.04, 2.0, -0.7),
    "calm": (0.04, 2.0, 0.05, 0.4, -0.6),
    "positive correlation": (0.02, 6.0, 0.03, 1.5, 0.3),
    "almost Black": (0.04, 1.5, 0.04, 0.05, -0.9),
    "high": (0.1, 0.5, 0.2, 1.0, 0.0),
    "one-sided": (0.01, 3.0, 0.02, 0.6, -0.99),
    "slow": (0.001, 0.2, 0.01, 1.0, -0.5),
}
DAYS = (1, 30, 365, 3650)
DEVIATIONS = (-3.0, -1.0, 0.0, 0.5, 2.0, 4.0)


def quantlib(model, days, strikes, kind=ql.Option.Call, spot=100.0):
    """QuantLib's engine on its own deformed contour, integrated adaptively to 1e-11."""
    today = ql.Date(2, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.0, ql.Actual365Fixed()))
    process = ql.HestonProcess(flat, flat, ql.QuoteHandle(ql.SimpleQuote(spot)), *model)
    integration = ql.FourierIntegration.gaussLobatto(1e-11, 1e-11, 1_000_000)
    formula = ql.AnalyticHestonEngine.AngledContour
    engine = ql.AnalyticHestonEngine(ql.HestonModel(process), formula, integration, 1e-14)
    prices = []
    for strike in strikes:
        option = ql.VanillaOption(ql.PlainVanillaPayoff(kind, float(strike)), ql.EuropeanExercise(today + days))
        option.setPricingEngine(engine)
        prices.append(option.NPV())
    return np.array(prices)


def table(model):
    """(tau, strike) rows at fixed numbers of standard deviations, and QuantLib's price of each."""
    variance, kappa, theta, *_ = model
    rows = []
    for days in DAYS:
        tau = days / 365
        total = theta * tau + (variance - theta) * (1 - np.exp(-kappa * tau)) / kappa
        strikes = 100.0 * np.exp(np.array(DEVIATIONS) * np.sqrt(total))
        rows += zip(itertools.repeat(tau), strikes, quantlib(model, days, strikes))
    return np.array(rows).T


@pytest.mark.parametrize("name", MODELS)
def test_prices_are_those_of_quantlib(name):
    model = MODELS[name]
    tau, strike, theirs = table(model)
    largest = np.maximum(strike, 100.0) / 100.0
    with jax.enable_x64(True):
        ours = PRICE(100.0, strike, model[0], tau, *model[1:])
        np.testing.assert_allclose(ours / largest, theirs / largest, atol=1e-8)
    single = PRICE(100.0, strike, model[0], tau, *model[1:])
    assert single.dtype == jnp.float32
    np.testing.assert_allclose(single / largest, theirs / largest, atol=5e-5)


def test_the_price_of_buehlers_call():
    price = PRICE(100.0, 100.0, 0.04, 30 / 365, 1.0, 0.04, 2.0, -0.7)
    np.testing.assert_allclose(price, 1.69, atol=0.005)


def test_along_a_path_down_to_expiry():
    spot, variance = jnp.array([100.0, 97.0, 101.0, 103.0]), jnp.array([0.04, 0.09, 0.0, 0.01])
    left = jnp.array([30.0, 20.0, 1.0, 0.0]) / 365
    path = PRICE(spot, 100.0, variance, left, 1.0, 0.04, 2.0, -0.7)
    single = [PRICE(s, 100.0, v, t, 1.0, 0.04, 2.0, -0.7) for s, v, t in zip(spot, variance, left, strict=True)]
    np.testing.assert_allclose(path, jnp.stack(single), rtol=1e-5, atol=1e-5)
    assert float(path[-1]) == 3.0


def test_calls_and_puts_obey_parity_and_quantlib():
    model, strikes = MODELS["calm"], np.array([80.0, 100.0, 125.0])
    with jax.enable_x64(True):
        call, put = (PRICE(100.0, strikes, model[0], 1.0, *model[1:], kind) for kind in (True, False))
        np.testing.assert_allclose(call - put, 100.0 - strikes, atol=1e-12)
        np.testing.assert_allclose(put, quantlib(model, 365, strikes, ql.Option.Put), atol=1e-8)


def test_delta_gamma_and_the_slope_in_variance_against_differences_of_quantlib():
    @jax.jit
    def ours(*a):
        return [greek(heston.price)(*a) for greek in (greeks.delta, greeks.gamma, greeks.vega)]

    variance, *rest = model = MODELS["calm"]
    with jax.enable_x64(True):
        arguments = (100.0, 105.0, variance, 180 / 365, *rest)
        up, mid, down = (quantlib(model, 180, [105.0], spot=s)[0] for s in (100.05, 100.0, 99.95))
        delta, gamma, slope = ours(*arguments)
        np.testing.assert_allclose(delta, (up - down) / 0.1, rtol=1e-6)
        np.testing.assert_allclose(gamma, (up - 2 * mid + down) / 0.0025, rtol=1e-5)
        more, less = (quantlib((variance + e, *rest), 180, [105.0])[0] for e in (1e-4, -1e-4))
        np.testing.assert_allclose(slope, (more - less) / 2e-4, rtol=1e-5)


def test_it_is_black_where_the_variance_is_certain():
    strikes = np.array([80.0, 100.0, 120.0])
    with jax.enable_x64(True):
        total = heston.expected_integrated_variance(0.09, 1.5, 2.0, 0.04)
        certain = PRICE(100.0, strikes, 0.09, 1.5, 2.0, 0.04, 0.0, -0.7, True)
        np.testing.assert_allclose(certain, black.price(100.0, strikes, jnp.sqrt(total)), atol=1e-5)


def test_values_and_gradients_are_finite_everywhere():
    corners = itertools.product(
        [0.0, 1.0, 100.0, 100.001, 1e4], [0.0, 1e-12, 0.04, 25.0], [-1.0, 0.0, 1e-9, 1 / 365, 10.0], [0.0, 1.0],
        [0.0, 1e-12, 0.04, 25.0], [0.0, 1e-3, 2.0, 5.0], [-1.0, -0.7, 0.0, 1.0],
    )  # fmt: skip
    corners = [jnp.asarray(c, jnp.float32) for c in zip(*corners, strict=True)]

    @jax.jit
    def both(*a):
        total, back = jax.vjp(lambda *b: heston.price(100.0, *b), *a)
        return total, back(jnp.ones_like(total))

    value, gradient = both(*corners)
    assert bool(jnp.all(jnp.isfinite(value)))
    assert all(bool(jnp.all(jnp.isfinite(part))) for part in gradient)
    intrinsic = jnp.maximum(100.0 - corners[0], 0.0)
    assert bool(jnp.all(value >= intrinsic - 1e-2)) and bool(jnp.all(value <= 100.01))


@pytest.mark.parametrize("kappa", [0.0, 1e-6, 0.05, 0.2, 3.0])
def test_expected_integrated_variance_is_the_integral_of_the_expected_variance(kappa):
    left = np.linspace(0.0, 2.0, 2001)
    with jax.enable_x64(True):
        ahead = np.asarray(heston.expected_variance(0.09, left, kappa, 0.04))
        total = float(heston.expected_integrated_variance(0.09, 2.0, kappa, 0.04))
        # Simpson's rule on 2 000 steps of an exponential is exact to 1e-13.
        simpson = (ahead[0] + ahead[-1] + 4 * ahead[1:-1:2].sum() + 2 * ahead[2:-1:2].sum()) / 3000
        np.testing.assert_allclose(total, simpson, rtol=1e-10)
    assert ahead[0] == 0.09


def test_float32_sees_variance_return_from_zero():
    # theta * kappa * tau^2 / 2: the difference of two numbers a thousand times as large
    total = heston.expected_integrated_variance(0.0, 1 / 365, 1.0, 0.04)
    x = 1 / 365
    np.testing.assert_allclose(total, 0.04 * (x**2 / 2 - x**3 / 6 + x**4 / 24), rtol=1e-6)
