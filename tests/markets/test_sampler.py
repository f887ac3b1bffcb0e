"""Normals for paths: right jointly, on any grid, whatever the method."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets.sampler import METHODS, SOBOL_DIMENSIONS, Sampler, brownian_bridge

EVEN = dh.TimeGrid.uniform(maturity=1.0, steps=16)
UNEVEN = dh.TimeGrid(np.cumsum([0.0, *(0.02 * 1.3 ** np.arange(11))]))


def normals(shape, grid, paths, method, seed=0) -> np.ndarray:
    return np.asarray(_normals(Sampler.of(shape, grid, paths, method), jax.random.key(seed), jnp.arange(paths)), float)


@eqx.filter_jit
def _normals(sampler, key, index):
    return jax.vmap(lambda n: sampler(key, n))(index)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("grid", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_increments_are_standard_and_uncorrelated_over_time_and_factors(method, grid):
    paths = 2**14
    rows = normals((grid.steps, 2), grid, paths, method).reshape(paths, -1)
    count = rows.shape[1]
    second = rows.T @ rows / paths
    expected_error = np.where(np.eye(count) > 0, np.sqrt(2.0), 1.0) * np.sqrt(
        (2 if method == "antithetic" else 1) / paths
    )
    assert np.abs((second - np.eye(count)) / expected_error).max() < 5.0
    assert np.abs(rows.mean(0)).max() < 5.0 / np.sqrt(paths)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("grid", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_the_end_of_a_brownian_path_has_its_whole_variance(method, grid):
    """Sobol points reshaped into (path, step) gave it an eighth: no marginal law shows that."""
    paths = 2**14
    ends = normals((grid.steps, 1), grid, paths, method)[..., 0] @ np.sqrt(np.asarray(grid.dt, float))
    variance = float(grid.times[-1] - grid.times[0])
    assert abs(np.mean(ends**2) / variance - 1.0) < 4.0 * np.sqrt(2.0 * 2 / paths)
    assert abs(np.mean(ends**4) / (3 * variance**2) - 1.0) < 4.0 * np.sqrt((105 - 9) / 9 * 2 / paths)


def test_the_bridge_is_orthogonal_and_its_first_normal_is_the_end_point():
    for grid in (EVEN, UNEVEN):
        bridge = brownian_bridge(np.asarray(grid.times, float))
        np.testing.assert_allclose(bridge @ bridge.T, np.eye(grid.steps), atol=1e-12)
        end = np.sqrt(np.asarray(grid.dt, float)) @ bridge
        np.testing.assert_allclose(end, np.eye(grid.steps)[0] * np.sqrt(float(grid.times[-1])), atol=1e-6)


def test_sobol_points_fill_every_interval_of_the_end_point_once():
    paths = 256
    ends = normals((16, 1), EVEN, paths, "sobol")[..., 0] @ np.sqrt(np.asarray(EVEN.dt, float))
    np.testing.assert_array_equal(np.sort(np.floor(norm.cdf(ends) * paths)), np.arange(paths))


def test_sobol_beats_random_on_a_path_integral_and_keys_are_unbiased():
    def means(method, seeds):
        walks = [np.cumsum(normals((16, 1), EVEN, 1024, method, seed)[..., 0], 1) for seed in range(seeds)]
        return np.array([np.exp(walk.mean(1) / 4).mean() for walk in walks])

    weights = np.arange(16, 0, -1) / 16 / 4  # the mean of the walk is a sum of the normals with these weights
    exact = np.exp(0.5 * np.sum(weights**2))
    sobol, random = means("sobol", 12), means("random", 12)
    assert sobol.std() < 0.15 * random.std()
    assert abs(sobol.mean() - exact) < 4.0 * max(sobol.std(), 1e-4) / np.sqrt(12)


def test_antithetic_paths_come_in_mirrored_pairs():
    rows = normals((16, 2), EVEN, 64, "antithetic")
    np.testing.assert_array_equal(rows[::2], -rows[1::2])


def test_past_the_last_sobol_dimension_normals_are_still_right():
    steps = SOBOL_DIMENSIONS + 76
    grid = dh.TimeGrid.uniform(maturity=1.0, steps=steps)
    rows = normals((steps, 1), grid, 2048, "sobol")[..., 0]
    assert abs(np.mean(rows**2) - 1.0) < 5.0 * np.sqrt(2.0 / rows.size)
    assert abs(np.mean(rows.sum(1) ** 2) / steps - 1.0) < 5.0 * np.sqrt(2.0 / 2048)


def test_bad_settings_are_refused():
    with pytest.raises(ParameterError, match="method"):
        Sampler.of((4, 1), EVEN, 8, "halton")
    with pytest.raises(ParameterError, match="paths"):
        Sampler.of((4, 1), EVEN, 0)
