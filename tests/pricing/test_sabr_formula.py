"""Hagan's formulas against QuantLib, and what QuantLib cannot do: the money, and derivatives there."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

from deephedge.pricing import black, sabr

LOGNORMAL, NORMAL = jax.jit(sabr.volatility), jax.jit(sabr.normal_volatility)
TYPICAL = (0.25, 1.0, 0.7, 0.5, -0.4)  # alpha, tau, beta, nu, rho


def cases() -> tuple[np.ndarray, ...]:
    """Moneyness at 0 or at least 5 % away: in between QuantLib's own logarithm has lost digits."""
    rng, n = np.random.default_rng(0), 2000
    beta, forward = rng.choice([0.0, 0.3, 0.5, 0.9, 1.0], n), rng.choice([0.03, 1.0, 100.0], n)
    strike = forward * np.exp(rng.choice([-0.7, -0.2, -0.05, 0.0, 0.05, 0.3, 0.8], n))
    alpha = rng.uniform(0.05, 0.5, n) * forward ** (1 - beta)
    return (
        forward,
        strike,
        alpha,
        rng.uniform(0.05, 5.0, n),
        beta,
        rng.uniform(0.05, 1.5, n),
        rng.uniform(-0.95, 0.95, n),
    )


@pytest.mark.parametrize(("ours", "kind"), [(LOGNORMAL, ql.ShiftedLognormal), (NORMAL, ql.Normal)])
def test_volatilities_are_those_of_quantlib(ours, kind):
    theirs = [
        ql.sabrVolatility(*map(float, (k, f, t, a, b, n, r)), kind)
        for f, k, a, t, b, n, r in zip(*cases(), strict=True)
    ]
    with jax.enable_x64(True):
        np.testing.assert_allclose(ours(*cases()), theirs, rtol=1e-12)
    np.testing.assert_allclose(ours(*cases()), theirs, rtol=3e-6)  # and in float32


def test_the_smile_is_smooth_through_the_money():
    """Value, slope and curvature at the money are those of z / chi(z) = 1 - rho z / 2 + (2 - 3 rho^2) z^2 / 12 + ..."""
    alpha, nu, rho = 0.25, 0.5, -0.4

    @jax.jit
    @jax.vmap
    def curve(x):
        smile = lambda x: sabr.volatility(1.0, jnp.exp(-x), alpha, 0.0, 1.0, nu, rho)  # noqa: E731
        slope = lambda x: jax.jvp(smile, (x,), (jnp.ones_like(x),))  # noqa: E731
        (value, first), (_, second) = jax.jvp(slope, (x,), (jnp.ones_like(x),))
        return value, first, second

    with jax.enable_x64(True):
        value, first, second = curve(jnp.array([0.0, 1e-300, -1e-300, 1e-12, -1e-12]))
        np.testing.assert_allclose(value, alpha, rtol=1e-10)
        np.testing.assert_allclose(first, -rho * nu / 2, rtol=1e-9)
        np.testing.assert_allclose(second, (2 - 3 * rho**2) * nu**2 / alpha / 6, rtol=1e-9)
        # no step where the series ends, u = 0.1, which lies in between
        second = np.asarray(curve(jnp.linspace(-0.12, 0.12, 2401))[2])
        assert np.abs(np.diff(second, 3)).max() < 1e-9  # 4e-11 by the curve itself
    first = np.asarray(curve(jnp.linspace(-1e-5, 1e-5, 9))[1])
    np.testing.assert_allclose(first, -rho * nu / 2, rtol=1e-4)  # in float32


DELTAS = jax.jit(lambda *a: (sabr.delta(*a), sabr.bartlett_delta(*a)))


@pytest.mark.parametrize("call", [True, False])
def test_deltas_are_differences_of_quantlibs_prices(call):
    alpha, tau, beta, nu, rho = TYPICAL
    kind, h = ql.Option.Call if call else ql.Option.Put, 1e-4

    def price(forward, alpha, strike):
        vol = ql.sabrVolatility(strike, forward, tau, alpha, beta, nu, rho)
        return ql.blackFormula(kind, strike, forward, np.sqrt(tau) * vol)

    for strike in (0.8, 1.1, 1.4):
        with jax.enable_x64(True):
            found = DELTAS(1.1, strike, *TYPICAL, call)
        for value, along in zip(found, (0.0, rho * nu / 1.1**beta), strict=True):
            up, down = price(1.1 + h, alpha + h * along, strike), price(1.1 - h, alpha - h * along, strike)
            np.testing.assert_allclose(value, (up - down) / (2 * h), rtol=1e-6)


def test_bartletts_delta_hardly_depends_on_beta():
    """Two betas of one level and skew at the money (Bartlett 2006): his deltas agree, Hagan's do not.

    The skew is (rho nu / vol - (1 - beta)) / 2 in units of the volatility, so rho takes up the difference of beta.
    """
    one, other = (
        [float(d) for d in DELTAS(1.0, 1.0, 0.2, 0.5, beta, 0.4, -0.7 + 0.2 / 0.4 * (1 - beta), True)]
        for beta in (1.0, 0.3)
    )
    assert abs(one[1] - other[1]) < 0.002 < 0.02 < abs(one[0] - other[0])


def test_no_vol_of_vol_at_beta_one_is_black():
    strike = jnp.array([60.0, 100.0, 150.0])
    np.testing.assert_allclose(LOGNORMAL(100.0, strike, 0.2, 1.0, 1.0, 0.0, -0.4), 0.2, rtol=1e-6)
    np.testing.assert_allclose(jax.jit(sabr.price)(100.0, strike, 0.2, 1.0), black.price(100.0, strike, 0.2), rtol=1e-5)
    for found in DELTAS(100.0, strike, 0.2, 1.0, 1.0, 0.0, -0.4, True):
        np.testing.assert_allclose(found, black.delta(100.0, strike, 0.2), rtol=1e-5)
    np.testing.assert_allclose(NORMAL(0.03, jnp.array([0.01, 0.03, 0.05]), 0.008, 1.0), 0.008, rtol=1e-6)


def test_everything_is_finite_at_the_edges():
    edge = jnp.array(
        [[f, k, a, t, b, n, r] for f in (1e-6, 1.0) for k in (1e-6, 1.0, 50.0) for a in (0.0, 0.3)
         for t in (-0.1, 0.0, 2.0) for b in (0.0, 1.0) for n in (0.0, 3.0) for r in (-1.0, 0.0, 1.0)]
    )  # fmt: skip
    both = jax.jit(jax.vmap(jax.value_and_grad(lambda p: sabr.price(*p) + sabr.normal_volatility(*p))))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in both(edge))
    assert bool(jnp.isfinite(jnp.stack(DELTAS(*edge.T, True))).all())
