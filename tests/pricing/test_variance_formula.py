import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp
from scipy.special import gammaln

from deephedge.pricing import variance

KAPPA, THETA, SIGMA, RHO = 1.5, 0.06, 0.5, -0.7


@pytest.mark.parametrize("wide, within", [(True, 2e-8), (False, 3e-6)])
def test_the_root_of_squared_normals_is_chi(wide, within):
    with jax.enable_x64(wide):
        found = jax.jit(jax.vmap(lambda w: variance.normal_root(jnp.zeros(6), w)))((np.tri(6) * 0.04).astype(float))
    n = np.arange(1, 7)
    exact = 0.2 * np.sqrt(2) * np.exp(gammaln((n + 1) / 2) - gammaln(n / 2))
    np.testing.assert_allclose(found, exact, rtol=within)


def test_the_root_of_normals_with_means_is_a_simulation():
    means, variances = np.array([0.3, -0.1, 0.0]), np.array([0.0, 0.02, 0.05])
    z = np.random.default_rng(2).standard_normal((400_000, 3))
    roots = np.sqrt(((means + np.sqrt(variances) * z) ** 2).sum(axis=1))
    found = jax.jit(variance.normal_root)(means, variances)
    assert abs(found - roots.mean()) < 3 * roots.std() / np.sqrt(len(roots))
    slope = jax.jit(jax.grad(variance.normal_root, argnums=(0, 1)))(jnp.zeros(3), jnp.zeros(3))
    assert all(np.isfinite(each).all() for each in slope)


def riccati(variance_now, begin, length, source, linear):
    """Log of E exp(B v) and more, by the differential equations of an affine model, first over ``length``."""

    def rhs(constant, slope):
        return lambda _, y: [constant + slope * y[0] + 0.5 * SIGMA**2 * y[0] ** 2, KAPPA * THETA * y[0]]

    y = [0.0, 0.0]
    for years, terms in ((length, (source, linear)), (begin, (0.0, -KAPPA))):
        if years:
            y = solve_ivp(rhs(*terms), (0, years), y, rtol=1e-11, atol=1e-14, method="DOP853").y[:, -1]
    return y[0] * variance_now + y[1]


@pytest.mark.parametrize("known, begin", [(0.01, 0.0), (0.0, 0.5)])
def test_the_root_of_hestons_integral(known, begin):
    def gap(x):
        s = np.exp(x) / 0.05
        laplace = np.exp(riccati(0.04, begin, 0.75, -s, -KAPPA) - s * known)
        return (1 - laplace) / np.sqrt(s)

    # Beyond the end the transform is nothing; before the start it is 1 - s m.
    mean = known + float(variance.mean_integral(0.04, begin, 0.75, KAPPA, THETA))
    low, high = -14.0, 9.0
    inside = quad(gap, low, high, epsabs=1e-8, epsrel=1e-7)[0]
    ends = mean * 2 * np.sqrt(np.exp(low) / 0.05) + 2 / np.sqrt(np.exp(high) / 0.05)
    exact = (inside + ends) / (2 * np.sqrt(np.pi))
    with jax.enable_x64(True):
        found = float(jax.jit(variance.heston_root)(known, 0.04, begin, 0.75, KAPPA, THETA, SIGMA))
    assert abs(found / exact - 1) < 1e-5


@pytest.mark.parametrize("begin, length, growth", [(0.0, 0.25, 0.0), (0.5, 0.1, 0.03), (1.0, 1.0, -0.02)])
def test_the_moments_of_a_return_under_heston_are_derivatives_of_its_transform(begin, length, growth):
    def transform(z):
        moved = riccati(0.04, begin, length, 0.5 * (z * z - z), RHO * SIGMA * z - KAPPA)
        return np.exp(moved + z * growth * length)

    def moments(h):
        up, down = transform(h), transform(-h)
        return np.array([(up - down) / (2 * h), (up - 2 + down) / h**2])

    exact = (4 * moments(0.05) - moments(0.1)) / 3
    with jax.enable_x64(True):
        found = jax.jit(variance.heston_return)(0.04, begin, length, growth, KAPPA, THETA, SIGMA, RHO)
    np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-7)
