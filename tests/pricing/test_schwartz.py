"""Commodity formulas against the exact law of the log spot, quadrature, QuantLib and each other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql
from scipy.integrate import quad, solve_ivp

from deephedge.pricing import schwartz

CASES = [
    dict(kappa=1.5, sigma=0.4, long_sigma=0.0, rho=0.0),
    dict(kappa=1.49, sigma=0.286, long_sigma=0.145, rho=0.3),  # Schwartz and Smith (2000), table 2
    dict(kappa=0.0, sigma=0.3, long_sigma=0.1, rho=-0.9),
    dict(kappa=1e-5, sigma=0.3, long_sigma=0.2, rho=1.0),
]


def vol_at(left: float, kappa, sigma, long_sigma, rho) -> float:
    short = sigma * np.exp(-kappa * left)
    return np.sqrt(short**2 + 2 * rho * short * long_sigma + long_sigma**2)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("tau, left", [(0.5, 0.0), (0.5, 0.25), (2.0, 1.0), (0.02, 0.0)])
def test_options_cost_what_black_says_on_a_numerically_integrated_variance(case, tau, left):
    variance = quad(lambda u: vol_at(left + u, **case) ** 2, 0.0, tau)[0]
    for strike, call in ((45.0, True), (55.0, True), (70.0, False)):
        kind = ql.Option.Call if call else ql.Option.Put
        expected = ql.blackFormula(kind, strike, 55.0, np.sqrt(variance))
        got = schwartz.option(55.0, strike, tau, left, **case, call=call)
        np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(schwartz.integrated_variance(tau, left, **case), variance, rtol=2e-5)
    np.testing.assert_allclose(schwartz.black_vol(tau, left, **case), np.sqrt(variance / tau), rtol=1e-5)
    np.testing.assert_allclose(schwartz.future_vol(left, **case), vol_at(left, **case), rtol=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_the_future_is_the_expected_spot(case):
    """Mean and covariance of both factors by their differential equations, then the mean of a lognormal."""
    growth, premium, short, long, tau = 0.03, 0.15, 0.2, np.log(50.0), 1.3
    k, s, q, rho = case["kappa"], case["sigma"], case["long_sigma"], case["rho"]

    def slope(_, y):
        x, _, xx, xz, _ = y
        return [-k * x - premium, growth, s**2 - 2 * k * xx, rho * s * q - k * xz, q**2]

    x, z, xx, xz, zz = solve_ivp(slope, (0, tau), [short, long, 0, 0, 0], rtol=1e-10, atol=1e-12).y[:, -1]
    expected = np.exp(x + z + 0.5 * (xx + 2 * xz + zz))
    got = schwartz.future(50.0 * np.exp(short), tau, k, 50.0, s, q, rho, growth, premium)
    np.testing.assert_allclose(got, expected, rtol=2e-6)


def test_a_future_at_expiry_is_the_spot_and_far_out_it_is_known():
    case = CASES[0]
    assert float(schwartz.future(60.0, -1.0, 1.5, 50.0, 0.4)) == pytest.approx(60.0, rel=1e-6)
    far = [float(schwartz.future(spot, 20.0, 1.5, 50.0, 0.4)) for spot in (20.0, 200.0)]
    np.testing.assert_allclose(far, 50.0 * np.exp(0.25 * 0.4**2 / 1.5), rtol=1e-5)
    assert float(schwartz.future_vol(20.0, **case)) < 1e-10


@pytest.mark.parametrize("case", CASES[1:])
def test_the_correlation_of_two_futures_is_that_of_their_loadings(case):
    k, s, q, rho = case["kappa"], case["sigma"], case["long_sigma"], case["rho"]
    load = np.array([[np.exp(-k * tau) * s, q] for tau in (0.1, 2.0)])
    covariance = load @ np.array([[1, rho], [rho, 1]]) @ load.T
    expected = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    np.testing.assert_allclose(schwartz.future_correlation(0.1, 2.0, **case), expected, rtol=2e-5)


def test_values_and_derivatives_are_finite_at_the_edges():
    def all_of(x):
        tau, left, kappa, sigma, long_sigma, rho = x
        price = schwartz.option(50.0, 50.0, tau, left, kappa, sigma, long_sigma, rho)
        return price + schwartz.future(60.0, tau, kappa, 50.0, sigma, long_sigma, rho)

    edges = jnp.array([[0, 0, 0, 0, 0, 0], [0, 1, 2, 0.3, 0, 1], [1, 0, 1e-7, 0.3, 0.3, -1], [30, 5, 20, 2, 0, 0.0]])
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(all_of)))(edges.astype(jnp.result_type(float)))
    assert bool(jnp.isfinite(values).all()) and bool(jnp.isfinite(slopes).all())
