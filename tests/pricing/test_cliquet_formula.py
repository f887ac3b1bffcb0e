from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from deephedge.pricing import cliquet

FORWARD, VOL, FLOOR, CAP = 1.005, 0.08, -0.03, 0.06
priced = jax.jit(cliquet.cliquet, static_argnames="points")


def held(z):
    """The capped return at a normal."""
    return np.clip(FORWARD * np.exp(VOL * z - VOL**2 / 2) - 1.0, FLOOR, CAP)


def normals(levels):
    """The normals at which the return is each of these, where that lies inside the caps."""
    return sorted((np.log((1 + x) / FORWARD) + VOL**2 / 2) / VOL for x in {FLOOR, CAP, *np.clip(levels, FLOOR, CAP)})


def expected(function, kinks):
    """Of the capped return: an integral between kinks, and its two atoms."""
    at = normals(kinks)
    inside = sum(quad(lambda z: function(held(z)) * norm.pdf(z), a, b, epsabs=1e-12)[0] for a, b in pairwise(at))
    return inside + function(FLOOR) * norm.cdf(at[0]) + function(CAP) * norm.sf(at[-1])


@pytest.mark.parametrize("least, most", [(0.01, 0.09), (-0.01, 0.05)])
def test_two_periods_are_the_double_integral(least, most):
    def after(first):
        return expected(lambda second: np.clip(first + second, least, most), (least - first, most - first))

    exact = expected(after, [x - y for x in (least, most) for y in (FLOOR, CAP)])
    with jax.enable_x64(True):
        found = {n: float(priced(jnp.full(2, FORWARD), VOL, FLOOR, CAP, least, most, points=n)) for n in (64, 512)}
    assert abs(found[64] - exact) < 2e-6 and abs(found[512] - exact) < 3e-8


def test_twelve_periods_of_which_some_are_known_are_a_simulation():
    vols, forwards = np.where(np.arange(12) < 3, 0.0, 0.06), np.where(np.arange(12) < 3, [1.1, 0.99, 1.02] * 4, 1.002)
    z = np.random.default_rng(3).standard_normal((400_000, 12))
    returns = np.clip(forwards * np.exp(vols * z - vols**2 / 2) - 1, -0.02, 0.04)
    sums = np.clip(returns.sum(axis=1), 0.05, 0.15)
    found = priced(jnp.asarray(forwards), jnp.asarray(vols), -0.02, 0.04, 0.05, 0.15)
    assert abs(found - sums.mean()) < 3 * sums.std() / np.sqrt(len(sums)) + 1e-6


def test_a_free_sum_is_a_sum_of_call_spreads_and_derivatives_are_finite():
    forwards, vols = jnp.array([1.1, 1.0, 0.97]), jnp.array([0.0, 0.1, 0.2])
    apart = cliquet.capped_return(forwards, vols, -0.05, 0.08)
    np.testing.assert_allclose(apart[0], 0.08, rtol=1e-6)
    np.testing.assert_allclose(priced(forwards, vols, -0.05, 0.08, -jnp.inf, jnp.inf), apart.sum(), atol=1e-6)
    value = expected(lambda x: x, ())
    np.testing.assert_allclose(cliquet.capped_return(FORWARD, VOL, FLOOR, CAP), value, rtol=1e-5)
    slopes = jax.jit(jax.grad(priced, argnums=(0, 1)))(forwards, vols, -1.0, 0.08, 0.0, 0.1)
    assert all(np.isfinite(each).all() for each in slopes)
