"""Local volatility: the surface's own prices come back, step by step and in the limit of small steps."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import LocalVolatility
from deephedge.markets.local import curved_move, spread_out
from deephedge.pricing import ssvi
from deephedge.pricing.implied import implied_volatility

SURFACE = dict(expiries=(0.1, 0.5, 1.0), levels=(0.0045, 0.022, 0.05), rho=-0.7, eta=1.0, gamma=0.35)
STEEP = SURFACE | dict(eta=1.2, gamma=0.5)
STRIKES = np.array([0.8, 0.9, 1.0, 1.1, 1.2])
PATHS = 2**15


@lru_cache
def simulated(steps: int, substeps: int = 1, steep: bool = False) -> dict[str, np.ndarray]:
    market = LocalVolatility("X", 1.0, **(STEEP if steep else SURFACE), substeps=substeps)
    batch = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=steps), PATHS, key=jax.random.key(1))
    return {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}


@jax.jit
def theory(t, eta, gamma):
    market = LocalVolatility("X", 1.0, **(SURFACE | dict(eta=eta, gamma=gamma)))
    return ssvi.volatility(jnp.log(STRIKES), t, market.expiries, market.levels, market.rho, market.shape)


def gaps(spot: np.ndarray, t: float, steep: bool = False) -> np.ndarray:
    """Implied volatility of simulated calls minus that of the surface."""
    calls = np.maximum(spot[:, None] - STRIKES, 0.0).mean(axis=0) - (spot.mean() - 1.0) * 0.5
    parameters = STEEP if steep else SURFACE
    return np.asarray(implied_volatility(calls, 1.0, STRIKES, t)) - theory(t, parameters["eta"], parameters["gamma"])


def test_calls_of_all_expiries_cost_what_the_surface_says():
    """Within 3 standard errors of plain sampling (10 to 20 basis points), and by Sobol points within 6 basis points.

    Four steps of four parts each; without the parts the bias is above.
    """
    spot = simulated(4, 4)["X"]
    for point in (2, 4):
        t, gap = point / 4, gaps(spot[:, point], point / 4)
        payoff = np.maximum(spot[:, point, None] - STRIKES, 0.0)
        vega = norm.pdf(np.log(1 / STRIKES) / (0.2 * np.sqrt(t))) * np.sqrt(t)
        assert (np.abs(gap) * vega < 3 * payoff.std(axis=0) / np.sqrt(PATHS)).all()
        assert np.abs(gap[1:4]).max() < 6e-4 < np.abs(gaps(simulated(4)["X"][:, point], t)).max()


@pytest.mark.parametrize(("steep", "low", "high"), [(False, 1.25, 2.2), (True, 0.8, 1.3)])
def test_the_bias_falls_with_the_step(steep, low, high):
    """Nearly order 2; order 1 where gamma is 1/2, for the first step then is as coarse on any grid."""
    errors = [np.abs(gaps(simulated(4, parts, steep)["X"][:, -1], 1.0, steep)[1:4]).mean() for parts in (1, 4)]
    assert low < np.log(errors[0] / errors[1]) / np.log(4.0) < high


def test_the_quoted_volatility_is_local_and_its_mean_square_that_of_the_density():
    quotes = simulated(4, 4)
    market = LocalVolatility("X", 1.0, **SURFACE)
    k = np.linspace(-1.5, 1.0, 2001)
    arguments = (market.expiries, market.levels, market.rho, market.shape)
    both = jax.jit(lambda k: (ssvi.local_variance(k, 0.5, *arguments), ssvi.volatility(k, 0.5, *arguments)))(k)
    local, vol = (np.asarray(x, float) for x in both)
    # the density is the slope of the distribution function, P(log S < k) = N(-d2) + K phi(d2) sqrt(t) dvol/dK
    total = vol * np.sqrt(0.5)
    d2 = -k / total - 0.5 * total
    below = norm.cdf(-d2) + norm.pdf(d2) * np.gradient(total, k)
    expected = np.trapezoid(local * np.gradient(below, k), k)
    found = quotes["X.vol"][:, 2] ** 2
    assert abs(found.mean() - expected) < 3 * found.std() / np.sqrt(PATHS)
    np.testing.assert_allclose(np.interp(np.log(quotes["X"][:64, 2]), k, np.sqrt(local)), quotes["X.vol"][:64, 2], 2e-4)
    assert np.corrcoef(np.diff(np.log(quotes["X"]))[:, 2], np.diff(quotes["X.vol"])[:, 2])[0, 1] < -0.9


def test_a_step_has_mean_one_and_a_flat_surface_is_black_scholes():
    z, weight = np.polynomial.hermite_e.hermegauss(80)
    low, high = np.array([[0.1], [0.3], [0.2]]), np.array([[0.3], [0.1], [2.0]])
    with jax.enable_x64(True):
        growth = np.exp(jax.jit(curved_move)(low, np.full((3, 1), 0.2), high, 0.3, z[None]))
    np.testing.assert_allclose(growth @ weight / np.sqrt(2 * np.pi), 1.0, atol=1e-6)
    flat = LocalVolatility("X", 2.0, (0.5, 1.0), (0.02, 0.04), 0.0, 0.0, substeps=3, rate=0.03)
    grid, shocks = dh.TimeGrid([0.0, 0.1, 0.4, 1.0]), np.random.default_rng(0).standard_normal((3, 3))
    path = jax.jit(lambda z: flat.path(grid, z))(jnp.asarray(shocks, jnp.float32))
    same = dh.markets.BlackScholes("X", vol=0.2, spot=2.0, rate=0.03).path(grid, jnp.asarray(shocks[:, :1]))
    np.testing.assert_allclose(path.quotes["X"], same.quotes["X"], rtol=1e-5)
    np.testing.assert_allclose(spread_out(5) @ spread_out(5).T, np.eye(5), atol=1e-12)
    np.testing.assert_allclose(spread_out(5)[0], 5**-0.5)
    np.testing.assert_array_equal(flat.drivers()["X"], [1.0, 0.0, 0.0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"expiries": (0.5, 0.1, 1.0)},
        {"levels": (0.0045, 0.002, 0.05)},
        {"levels": (0.01, 0.02)},
        {"rho": -1.0},
        {"gamma": 0.6},
        {"eta": 1.6},
        {"substeps": 0},
        {"spot": -1.0},
    ],
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        LocalVolatility("X", **({"spot": 1.0} | SURFACE | wrong))
