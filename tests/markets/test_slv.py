"""Stochastic local volatility: the target's prices, its local variance as a conditional mean, and Heston without it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import Heston, LocalVolatility, StochasticLocalVolatility, calibrate_leverage
from deephedge.markets.slv import leveraged_step, looked_up
from deephedge.pricing import ssvi
from deephedge.pricing.implied import implied_volatility

BACKBONE = dict(mean_reversion=1.5, long_variance=0.05, vol_of_vol=0.5, correlation=-0.5)
HESTON = Heston("X", 1.0, 0.04, **BACKBONE)
TARGET = LocalVolatility("X", 1.0, (0.1, 0.5, 1.0), (0.0045, 0.022, 0.05), -0.6, 1.0, 0.35)
GRID = dh.TimeGrid.uniform(maturity=1.0, steps=32)
STRIKES = np.array([0.8, 0.9, 1.0, 1.1, 1.2])
PATHS = 2**15
follow = eqx.filter_jit(lambda market, grid, shocks: jax.vmap(lambda z: market.path(grid, z).quotes)(shocks))
surface = jax.jit(
    lambda k, t: [
        f(k, t, TARGET.expiries, TARGET.levels, TARGET.rho, TARGET.shape)
        for f in (ssvi.volatility, ssvi.local_variance)
    ]
)


def calibrated(heston: Heston) -> StochasticLocalVolatility:
    return calibrate_leverage(heston, TARGET, GRID, key=jax.random.key(0), particles=2**14)


@pytest.fixture(scope="module")
def quotes() -> dict[str, np.ndarray]:
    batch = dh.sample(calibrated(HESTON), GRID, PATHS, key=jax.random.key(1))
    return {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}


def gaps(spot: np.ndarray, t: float) -> np.ndarray:
    calls = np.maximum(spot[:, None] - STRIKES, 0.0).mean(axis=0)
    return np.asarray(implied_volatility(calls, 1.0, STRIKES, t)) - surface(np.log(STRIKES), t)[0]


def test_calls_cost_what_the_surface_says_to_fifteen_basis_points_of_volatility(quotes):
    for point, t in ((16, 0.5), (32, 1.0)):
        assert np.abs(gaps(quotes["X"][:, point], t)).max() < 0.0015
    plain = dh.sample(HESTON, GRID, 2**13, key=jax.random.key(1)).quotes["X"]
    assert np.abs(gaps(np.asarray(plain, float)[:, -1], 1.0)).min() > 0.015  # which Heston alone misses by two points


def test_the_mean_variance_given_the_spot_is_dupires(quotes):
    """In eight groups of the spot at half a year, within 4 standard errors and 4 %: the steps and the regression."""
    k, variance = np.log(quotes["X"][:, 16]), quotes["X.variance"][:, 16]
    local = np.asarray(surface(k, 0.5)[1])
    for group in np.array_split(np.argsort(k), 8):
        found, expected = variance[group], local[group].mean()
        error = found.std() / np.sqrt(len(group))
        assert abs(found.mean() - expected) < 4 * error + 0.04 * expected
        assert found.std() > 0.2 * expected  # and it is stochastic
    np.testing.assert_allclose(quotes["X.vol"] ** 2, quotes["X.variance"], rtol=1e-4, atol=1e-20)


def test_a_leverage_of_one_is_heston_path_by_path():
    heston = Heston("X", 100.0, 0.04, **BACKBONE, rate=0.03, dividend=0.01)
    market = StochasticLocalVolatility(heston, (0.1, 0.5), (0.1, 0.2), np.ones((2, 5)))
    grid = dh.TimeGrid([0.0, 0.1, 0.15, 0.4, 1.0])
    shocks = jnp.asarray(np.random.default_rng(0).standard_normal((32, 4, 2)), jnp.float32)
    ours, theirs = follow(market, grid, shocks), follow(heston, grid, shocks)
    for name in ("X", "X.variance", "X.vol", "X.realised_variance", "rate"):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=3e-5, atol=1e-8)
    np.testing.assert_array_equal(ours["X.variance"], ours["X.backbone"])


def test_a_step_has_mean_one_whatever_the_leverage():
    """By quadrature over both normals, where the variance is near its mean (a squared normal) and where it dies."""
    z, weight = np.polynomial.hermite_e.hermegauss(60)
    x = np.linspace(-9.0, 9.0, 4001)
    both = np.stack(np.meshgrid(x, z, indexing="ij"), axis=-1)
    law = np.exp(-0.5 * x**2) * (x[1] - x[0]) / np.sqrt(2 * np.pi)
    with jax.enable_x64(True):
        heston = Heston("X", 1.0, 0.04, **BACKBONE)
        step = jax.jit(jax.vmap(jax.vmap(lambda a, b, z: leveraged_step(heston, a, b, jnp.asarray(0.1), z)[1],
                                         (None, None, 0)), (None, None, 0)))  # fmt: skip
        for leverage, v in ((0.5, 0.04), (2.0, 0.04), (2.0, 1e-3)):
            growth = np.exp(np.asarray(step(jnp.asarray(leverage), jnp.asarray(v), jnp.asarray(both))))
            np.testing.assert_allclose(law @ growth @ weight / np.sqrt(2 * np.pi), 1.0, atol=2e-5)


def test_without_vol_of_vol_the_leverage_is_the_local_volatility():
    still = Heston("X", 1.0, 0.05, **(BACKBONE | dict(vol_of_vol=1e-3)))
    market = calibrated(still)
    nodes = np.linspace(-4.0, 4.0, 81)
    for row in (3, 15, 31):
        k = nodes * float(market.widths[row])
        local = np.sqrt(surface(k, float(market.times[row]))[1])
        np.testing.assert_allclose(market.leverage[row], np.clip(local / np.sqrt(0.05), 0.1, 5.0), rtol=5e-3)


def test_the_table_is_linear_in_between_and_held_at_its_ends():
    row = np.array([0.5, 1.0, 0.8, 1.2, 2.0])
    k = np.linspace(-1.0, 1.0, 41)
    found = jax.vmap(lambda k: looked_up((jnp.asarray(0.1), jnp.asarray(row)), k))(jnp.asarray(k))
    np.testing.assert_allclose(found, np.interp(k, 0.1 * np.linspace(-4, 4, 5), row), rtol=1e-5)
    market = StochasticLocalVolatility(HESTON, (0.1, 0.5), (0.1, 0.2), np.stack([row, 2 * row]))
    widths, rows = market._tables(jnp.array([0.0, 0.1, 0.2, 0.5, 2.0]))
    np.testing.assert_allclose(widths, [0.1, 0.1, 0.125, 0.2, 0.2], rtol=1e-6)
    np.testing.assert_allclose(rows[:, 1], [1.0, 1.0, 1.25, 2.0, 2.0], rtol=1e-6)


TABLE = dict(heston=HESTON, times=(0.1, 0.5), widths=(0.1, 0.2), leverage=np.ones((2, 5)))


@pytest.mark.parametrize(
    "wrong",
    [
        {"leverage": np.ones((3, 5))},
        {"leverage": np.zeros((2, 5))},
        {"times": (0.5, 0.1)},
        {"widths": (0.0, 0.2)},
        {"heston": Heston("X", 1.0, 0.04, **BACKBONE, scheme="euler")},
    ],
)
def test_what_does_not_fit_is_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        StochasticLocalVolatility(**(TABLE | wrong))


def test_a_grid_too_coarse_for_a_positive_correlation_is_refused():
    up = Heston("X", 1.0, 0.04, **(BACKBONE | dict(correlation=0.5)))
    market = StochasticLocalVolatility(**(TABLE | dict(heston=up, leverage=np.full((2, 5), 3.0))))
    with pytest.raises(ParameterError, match="leverage"):
        market.shocks(dh.TimeGrid([0.0, 2.0]))
