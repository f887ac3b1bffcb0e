"""Options under a Markov chain: against the plain integral with SciPy's matrix exponential, Black, and itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm

from deephedge.pricing import black, regimes

CALM, WILD = ([0.12, 0.35], [[-0.5, 0.5], [3.0, -3.0]]), ([0.1, 0.8], [[0.0, 0.0], [1.0, -1.0]])  # one never wild
STRIKE = np.array([80.0, 97.0, 100.0, 130.0])
formula = jax.jit(lambda *a: jnp.stack([regimes.price(100.0, *a, n) for n in (0, 1)]))


def plain(tau, vols, generator):
    """Lewis's integral (2001) on the real line, by Gauss and Legendre: (state, strike)."""
    z, weight = np.polynomial.legendre.leggauss(500)
    top = 9.0 / np.sqrt(tau) / min(vols)
    u, weight = top * (0.5 * (z + 1)) ** 2, weight * top * 0.5 * (z + 1)
    square = u * u + 0.25
    phi = expm(tau * (np.array(generator) - 0.5 * square[:, None, None] * np.diag(np.square(vols)))).sum(-1)
    wave = np.cos(u * np.log(100.0 / STRIKE)[:, None]) * weight / square
    return 100.0 - np.sqrt(100.0 * STRIKE) / np.pi * (wave @ phi).T


@pytest.mark.parametrize("chain", [CALM, WILD])
@pytest.mark.parametrize("tau", [1 / 52, 2.0])
def test_price_is_the_plain_integral(chain, tau):
    true = plain(tau, *chain)
    np.testing.assert_allclose(formula(STRIKE, tau, *map(jnp.asarray, chain)), true, atol=1e-5)
    with jax.enable_x64(True):
        found = formula(jnp.asarray(STRIKE), tau, *map(jnp.asarray, chain))
    np.testing.assert_allclose(found, true, atol=1e-8)


def test_one_volatility_is_black_and_derivatives_stay_finite():
    same = jnp.array([0.2, 0.2])
    np.testing.assert_allclose(
        formula(STRIKE, 0.5, same, jnp.array(CALM[1]))[0], black.price(100.0, STRIKE, 0.2, 0.5), atol=2e-5
    )
    slope = jax.jit(jax.grad(lambda tau, *chain: regimes.price(100.0, 100.0, tau, *chain, 1), argnums=(0, 1, 2)))
    for tau, vols in ((0.0, same), (0.5, same), (0.5, jnp.array(CALM[0]))):
        assert all(np.isfinite(x).all() for x in jax.tree.leaves(slope(tau, vols, jnp.array(CALM[1]))))
