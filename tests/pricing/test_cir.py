"""The square-root short rate against QuantLib, SciPy and limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql
from scipy.integrate import solve_ivp
from scipy.stats import ncx2

from deephedge.pricing import cir, hullwhite

DISCOUNT, OPTION, TAILS = jax.jit(cir.discount), jax.jit(cir.bond_option), jax.jit(cir.chi_square_tails)
MODELS = {"calm": (0.5, 0.04, 0.1), "Feller broken": (0.2, 0.02, 0.3), "slow": (0.01, 0.05, 0.02)}


@pytest.fixture(scope="module", autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def riccati(tau, kappa, theta, sigma):
    """log A and B by solving their differential equations."""
    slopes = lambda t, y: [-kappa * theta * y[1], 1 - kappa * y[1] - 0.5 * (sigma * y[1]) ** 2]  # noqa: E731
    return solve_ivp(slopes, (0.0, tau), [0.0, 0.0], rtol=1e-11, atol=1e-14).y[:, -1]


@pytest.mark.parametrize("name", MODELS)
def test_bonds_solve_the_riccati_equation_and_are_those_of_quantlib(name):
    kappa, theta, sigma = MODELS[name]
    rates, times = np.array([0.0, 0.01, 0.05, 0.2]), np.array([0.01, 1.0, 5.0, 30.0])
    ours = DISCOUNT(rates, times[:, None], kappa, theta, sigma)
    levels, loads = np.array([riccati(t, *MODELS[name]) for t in times]).T
    np.testing.assert_allclose(ours, np.exp(levels[:, None] - loads[:, None] * rates), rtol=1e-9)
    if name != "Feller broken":  # which QuantLib refuses
        model = ql.CoxIngersollRoss(0.03, theta, kappa, sigma)
        np.testing.assert_allclose(ours, [[model.discountBond(0.0, t, r) for r in rates] for t in times], rtol=1e-9)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("expiry, end", [(0.1, 1.0), (1.0, 4.0), (5.0, 15.0)])
def test_bond_options_are_those_of_the_published_formula_and_of_quantlib(name, expiry, end):
    kappa, theta, sigma = MODELS[name]
    gamma, (level, load) = np.sqrt(kappa**2 + 2 * sigma**2), riccati(end - expiry, *MODELS[name])
    near, far = (np.exp(a - b * 0.03) for a, b in (riccati(t, *MODELS[name]) for t in (expiry, end)))
    strikes = far / near * np.array([0.97, 1.0, 1.01])
    phi, psi = 2 * gamma / sigma**2 / np.expm1(gamma * expiry), (kappa + gamma) / sigma**2
    scales = phi + psi + np.array([[load], [0.0]])
    law = ncx2(4 * kappa * theta / sigma**2, 2 * phi**2 * 0.03 * np.exp(gamma * expiry) / scales)
    edges = 2 * scales * (level - np.log(strikes)) / load
    value = np.array([[far], [near]]) * np.array([np.ones(3), -strikes])
    for call, theirs in ((True, (value * law.cdf(edges)).sum(0)), (False, -(value * law.sf(edges)).sum(0))):
        ours = OPTION(0.03, strikes, expiry, end - expiry, kappa, theta, sigma, call)
        np.testing.assert_allclose(ours, np.maximum(theirs, 0.0), rtol=1e-8, atol=1e-10)
        if name == "calm":  # QuantLib says 0 where the noncentrality is in the thousands
            model, kind = ql.CoxIngersollRoss(0.03, theta, kappa, sigma), ql.Option.Call if call else ql.Option.Put
            quantlib = [model.discountBondOption(kind, k, expiry, end) for k in strikes]
            np.testing.assert_allclose(ours, quantlib, rtol=1e-7, atol=1e-10)


def test_tails_are_those_of_scipy_in_the_bulk_and_far_out():
    rows = [
        (q, d, lam) for d in (0.05, 0.3, 2.0, 40.0, 4000.0) for lam in (0.0, 0.01, 3.0, 200.0, 8000.0)
        for q in (-6.0, -3.0, -1.0, -0.1, 0.0, 0.1, 1.0, 3.0, 6.0)
    ]  # fmt: skip
    deviations, d, lam = np.array(rows).T
    x = d + lam + deviations * np.sqrt(2 * (d + 2 * lam))
    x = np.where(x > 0, x, (d + lam) * 10.0**deviations)
    low, high = TAILS(x, d, lam)
    np.testing.assert_allclose(low, ncx2.cdf(x, d, np.maximum(lam, 1e-300)), atol=1e-10)
    np.testing.assert_allclose(high, ncx2.sf(x, d, np.maximum(lam, 1e-300)), atol=1e-10)
    np.testing.assert_allclose(np.array(TAILS(np.array([-1.0, 0.0]), 2.0, 1.0)), [[0.0, 0.0], [1.0, 1.0]])
    with jax.enable_x64(False):
        single = jax.jit(cir.chi_square_tails)(*(jnp.asarray(v, jnp.float32) for v in (x, d, lam)))[0]
    np.testing.assert_allclose(single, ncx2.cdf(*(np.float32(v).astype(float) for v in (x, d, lam))), atol=3e-5)


def test_derivatives_are_those_of_differences_and_a_small_volatility_is_a_certain_rate():
    def price(parameters):
        return cir.bond_option(parameters[0], 0.9, 1.0, 3.0, *parameters[1:])

    at, way, h = jnp.array([0.03, 0.5, 0.04, 0.1]), jnp.array([0.01, 0.3, 0.02, 0.05]), 1e-4
    points = at + h * jnp.array([[-1.0], [0.0], [1.0]]) * way
    value, slope = jax.jit(jax.vmap(lambda p: jax.jvp(price, (p,), (way,))))(points)
    np.testing.assert_allclose(slope[1], (value[2] - value[0]) / (2 * h), rtol=1e-6)
    certain = hullwhite.vasicek_discount(0.03, 5.0, 0.5, 0.04, 0.0)
    np.testing.assert_allclose(DISCOUNT(0.03, 5.0, 0.5, 0.04, 1e-5), certain, rtol=1e-8)
