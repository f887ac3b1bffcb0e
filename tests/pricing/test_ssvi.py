"""SSVI against QuantLib's SVI, differences of Black prices, and the theorems on arbitrage."""

import jax
import jax.numpy as jnp
import numpy as np
import QuantLib as ql
from scipy.interpolate import PchipInterpolator

from deephedge.pricing import ssvi

EXPIRIES, LEVELS = np.array([0.1, 0.3, 1.0, 2.0]), np.array([0.003, 0.012, 0.05, 0.07])
RHO, ETA, GAMMA = -0.7, 1.2, 0.4
K = np.array([-0.8, -0.2, -1e-4, 0.0, 1e-4, 0.1, 0.5])
T = np.array([0.02, 0.1, 0.2, 0.7, 2.0, 2.5])


def power(theta):
    return ssvi.power_law(theta, ETA, GAMMA)


SURFACE = jax.jit(lambda k, t: [f(k, t, EXPIRIES, LEVELS, RHO, power) for f in (ssvi.volatility, ssvi.local_variance)])
slice_of = jax.jit(ssvi.total_variance)
CURVE = jax.jit(lambda t: [f(EXPIRIES, LEVELS, t) for f in (ssvi.at_the_money, ssvi.forward_variance)])


def test_a_slice_is_the_svi_of_quantlib():
    for theta, rho, phi in ((0.04, -0.7, 5.0), (0.2, 0.5, 0.8), (0.001, 0.0, 30.0)):
        a, b = 0.5 * theta * (1 - rho**2), 0.5 * theta * phi
        svi = ql.SviSmileSection(0.5, 100.0, [a, b, np.sqrt(1 - rho**2) / phi, rho, -rho / phi])
        theirs = [svi.variance(100.0 * np.exp(k)) for k in K]
        with jax.enable_x64(True):
            np.testing.assert_allclose(slice_of(K, theta, rho, phi), theirs, rtol=1e-12)
        np.testing.assert_allclose(slice_of(K, theta, rho, phi), theirs, rtol=3e-6)


def test_the_level_runs_monotonically_through_its_quotes():
    t = np.linspace(0.0, 3.0, 3001)
    with jax.enable_x64(True):
        level, pace = map(np.asarray, CURVE(t))
    inside = (t > 0.1) & (t < 1.0)
    own = PchipInterpolator(np.r_[0.0, EXPIRIES], np.r_[0.0, LEVELS])  # its ends are made in another way
    np.testing.assert_allclose(level[inside], own(t[inside]), atol=1e-15)
    np.testing.assert_allclose(level[[100, 300, 1000, 2000]], LEVELS, atol=1e-15)
    assert level[0] == 0 and (np.diff(level) > 0).all() and (pace > 0).all()
    np.testing.assert_allclose(np.diff(level) * 1e3, 0.5 * (pace[1:] + pace[:-1]), atol=1e-4)
    assert np.abs(np.diff(pace)).max() < 2e-3  # no jump
    np.testing.assert_allclose(level[2500], 0.07 + 0.5 * pace[2000], rtol=1e-12)
    one = ssvi.at_the_money([0.5], [0.02], jnp.array([0.0, 0.25, 1.0]))
    np.testing.assert_allclose(one, [0.0, 0.01, 0.04], rtol=1e-6)


def test_local_variance_and_density_are_dupires_of_quantlib_prices():
    """2 C_T / (K^2 C_KK) and K C_KK, by central differences of QuantLib's Black prices on our volatilities."""
    h, t = 1e-4, T[:, None]

    def prices(k, t):
        total = SURFACE(k, t)[0] * np.sqrt(t)
        return np.vectorize(lambda k, s: ql.blackFormula(ql.Option.Call, np.exp(k), 1.0, s))(
            *np.broadcast_arrays(k, total)
        )

    near = np.abs(K) < 0.3  # beyond, the differences lose their digits
    k = K[near]
    with jax.enable_x64(True):
        middle, up, down = prices(k, t), prices(k + h, t), prices(k - h, t)
        by_time = (prices(k, t * (1 + h)) - prices(k, t * (1 - h))) / (2 * h * t)
        by_strike = (up + down - 2 * middle) / h**2 - (up - down) / (2 * h)  # K^2 C_KK
        theta = np.asarray(ssvi.at_the_money(EXPIRIES, LEVELS, t))
        vol, local = map(np.asarray, SURFACE(k, t))
        g = np.asarray(ssvi.density(k, theta, RHO, np.asarray(power(theta))))
    seen = by_strike > 1e-3
    assert seen.sum() > 20
    np.testing.assert_allclose(local[seen], (2 * by_time / by_strike)[seen], rtol=2e-3)
    total = vol**2 * t
    density = g * np.exp(-0.5 * (k / np.sqrt(total) + 0.5 * np.sqrt(total)) ** 2) / np.sqrt(2 * np.pi * total)
    np.testing.assert_allclose((density * np.exp(k))[seen], by_strike[seen], rtol=2e-3)


def test_float32_and_its_derivatives_hold_at_the_money_and_at_expiry():
    k, t = np.meshgrid(np.r_[K, -3.0, 3.0], [0.0, 1e-6, 1e-3, 0.1, 1.0, 5.0])
    single = [np.asarray(x) for x in SURFACE(k, t)]
    with jax.enable_x64(True):
        double = [np.asarray(x) for x in SURFACE(k, t)]
    for a, b in zip(single, double, strict=True):
        np.testing.assert_allclose(a[1:], b[1:], rtol=2e-4)
        assert np.isfinite(a).all() and (a >= 0).all()

    def both(k, t):
        return jnp.stack([f(k, t, EXPIRIES, LEVELS, RHO, power) for f in (ssvi.volatility, ssvi.local_variance)])

    rows = jax.jit(jax.vmap(jax.jacfwd(both, (0, 1))))(*(jnp.asarray(x, jnp.float32).ravel() for x in (k, t)))
    assert all(bool(jnp.isfinite(row).all()) for row in rows)


def test_the_heston_like_shape_is_its_formula():
    u = np.array([1e-6, 0.01, 0.5, 0.999, 1.001, 3.0, 50.0])
    with np.errstate(all="ignore"):
        exact = (1 - (1 - np.exp(-u)) / u) / u
    exact[0] = 0.5 - u[0] / 6
    np.testing.assert_allclose(ssvi.heston_like(u, 1.0), exact, rtol=1e-6)


def test_the_conditions_are_those_of_the_theorems():
    of_power = jax.jit(
        lambda levels, rho, eta, gamma: ssvi.conditions(levels, rho, lambda v: ssvi.power_law(v, eta, gamma))
    )
    of_heston = jax.jit(lambda levels, rho, decay: ssvi.conditions(levels, rho, lambda v: ssvi.heston_like(v, decay)))
    of_line = jax.jit(lambda levels, rho, a, b: ssvi.conditions(levels, rho, lambda v: a + b * v))
    levels = np.geomspace(1e-4, 20.0, 40)
    for rho in (-0.99, -0.4, 0.0, 0.8):
        limit = float(ssvi.eta_limit(rho))
        found = [of_power(levels, rho, limit, gamma) for gamma in (0.05, 0.3, 0.5)]
        found.append(of_heston(levels, rho, 0.25 * (1 + abs(rho))))
        assert all(size == 0 for kinds in found for size in kinds.values())
    missed = of_line(np.array([0.04, 0.03]), 0.0, 0.0, 100.0)  # theta phi = 0.16, growing twice as fast as theta
    np.testing.assert_allclose([missed["level"], missed["butterfly"]], [0.01, 0.0], atol=1e-7)
    missed = of_line(np.array([0.03, 0.04]), 0.9, 0.0, 100.0)
    np.testing.assert_allclose(missed["calendar"], 2.0 - (1 + np.sqrt(0.19)) / 0.81, rtol=1e-5)
    missed = of_line(np.array([0.5, 1.0]), -0.5, 6.0, 0.0)
    np.testing.assert_allclose(missed["butterfly"], 1.5 * 36 - 4, rtol=1e-6)


STRIKES = np.exp(np.linspace(-2.0, 1.5, 71))


@jax.jit
@jax.vmap
def violations(rho, eta, gamma, level):
    t = jnp.array([0.01, 0.1, 0.5, 1.0, 3.0])[:, None]
    calls = ssvi.price(1.0, STRIKES, t, jnp.array([0.1, 1.0]), level, rho, lambda v: ssvi.power_law(v, eta, gamma))
    return ssvi.static_arbitrage(calls, jnp.asarray(STRIKES))


def test_no_surface_within_the_limit_has_an_arbitrage_and_one_beyond_does():
    rng, n = np.random.default_rng(0), 300
    rho, gamma = rng.uniform(-0.99, 0.99, n), rng.uniform(0.01, 0.5, n)
    level = np.cumsum(np.exp(rng.uniform(-7, 0, (n, 2))), axis=1)
    with jax.enable_x64(True):
        inside = violations(rho, np.asarray(ssvi.eta_limit(rho)), gamma, level)
        beyond = violations(rho, 3.0 * np.asarray(ssvi.eta_limit(rho)), np.full(n, 0.5), level)
    assert all(np.asarray(size).max() < 1e-12 for size in inside.values())
    assert np.asarray(beyond["butterfly"]).max() > 1e-4


def test_static_arbitrage_measures_what_was_put_in():
    strikes = np.array([0.8, 0.9, 1.1])
    fair = np.array([[0.21, 0.13, 0.03], [0.22, 0.15, 0.05]])
    for kind, change, size in (
        ("bounds", [[-0.03, 0, 0], [0, 0, 0]], 0.02),
        ("vertical", [[0, 0, 0.11], [0, 0, 0.10]], 0.01),
        ("butterfly", [[0, 0.04, 0], [0, 0.02, 0]], 0.17 - (2 * 0.21 + 0.03) / 3),
        ("calendar", [[0, 0, 0.02], [0, 0, -0.01]], 0.01),
    ):
        found = ssvi.static_arbitrage(jnp.asarray(fair + np.asarray(change)), jnp.asarray(strikes))
        np.testing.assert_allclose(found[kind], size, atol=1e-6)
    assert max(float(x) for x in ssvi.static_arbitrage(jnp.asarray(fair), jnp.asarray(strikes)).values()) == 0


def test_prices_keep_parity_and_end_at_the_payoff():
    strikes = np.array([0.9, 1.1, 1.3])
    price = jax.jit(lambda call: ssvi.price(1.1, strikes, np.array([[0.0], [0.5]]), EXPIRIES, LEVELS, RHO, power, call))
    call, put = price(True), price(False)
    np.testing.assert_allclose(call[0], [0.2, 0.0, 0.0], atol=1e-5)
    np.testing.assert_allclose(put[0], [0.0, 0.0, 0.2], atol=1e-5)
    np.testing.assert_allclose(call[1] - put[1], [0.2, 0.0, -0.2], atol=2e-7)
