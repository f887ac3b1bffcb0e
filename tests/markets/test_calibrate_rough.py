"""Rough Bergomi calibrated: exactly with the normals of the quotes, within Monte Carlo error with others."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.core.errors import ParameterError
from deephedge.core.grid import TimeGrid
from deephedge.markets import RoughBergomi
from deephedge.markets.calibration import OptionQuotes, calibrate_rough_bergomi, rough
from deephedge.markets.rough import volterra

LAW = dict(hurst=0.1, vol_of_vol=1.6, correlation=-0.7, forward_variance=0.05)
EXPIRY = np.repeat([0.1, 0.5], 7)
STRIKE = 100.0 * np.exp(np.tile(np.linspace(-2.0, 1.5, 7), 2) * 0.22 * np.sqrt(EXPIRY))
SMALL = dict(paths=256, steps=16)


@pytest.fixture(scope="module")
def quotes():
    """Prices of the model with the normals of seed 0."""
    start = OptionQuotes(STRIKE, EXPIRY, forward=100.0, vol=0.22)
    data, sheet = rough._rows(start, rough.normals(256, 16, 0)), start.sheet()
    with jax.enable_x64(True):
        price = jax.jit(rough._prices)(jnp.asarray(list(LAW.values())), jax.tree.map(jnp.asarray, data))
    return OptionQuotes(STRIKE, EXPIRY, forward=100.0, price=np.asarray(price)[sheet.row, sheet.column], spread=0.1)


def test_the_same_normals_give_the_parameters_back(quotes):
    fit = calibrate_rough_bergomi(quotes, "SPX", **SMALL)
    np.testing.assert_allclose([fit.parameters[k] for k in LAW], list(LAW.values()), rtol=1e-6)
    assert isinstance(fit.market, RoughBergomi) and fit.market.name == "SPX" and fit.rmse < 1e-5 and not fit.warnings
    with pytest.raises(ParameterError, match="paths must be a power of two"):
        calibrate_rough_bergomi(quotes, paths=100)
    with pytest.raises(ParameterError, match="steps must be 2 or more"):
        calibrate_rough_bergomi(quotes, steps=1)


def test_other_normals_give_them_back_within_monte_carlo_error(quotes):
    fits = [calibrate_rough_bergomi(quotes, seed=seed, **SMALL).parameters for seed in range(1, 7)]
    for name, true in LAW.items():
        found = np.array([fit[name] for fit in fits])
        # The quotes carry an error of their own, as large as that of one fit.
        assert abs(found.mean() - true) < 4.0 * found.std(ddof=1) * np.sqrt(1 + 1 / 6), name
        assert found.std() < 0.3 * abs(true)


def test_the_integrals_are_those_of_the_paths_of_the_market():
    market, grid = RoughBergomi("S", 1.0, *LAW.values()), TimeGrid.uniform(maturity=0.5, steps=16)
    drawn = jnp.asarray(rough.normals(16, 16, 3), jnp.float32)
    shocks = jnp.stack([*drawn, jnp.zeros_like(drawn[0])], -1)  # without the part that is independent of the variance
    spot = jax.jit(jax.vmap(lambda z: market.path(grid, z).quotes["S"][-1]))(shocks)
    hurst, eta, rho, xi = (jnp.asarray(x) for x in LAW.values())
    y, spread = jax.vmap(volterra, (None, None, 0, 0), (0, None))(hurst, jnp.ones(()), *drawn)
    noise, area = rough.integrals(jnp.asarray(0.5), drawn, y, spread, hurst, eta, xi)
    np.testing.assert_allclose(jnp.log(spot), rho * noise - 0.5 * area, rtol=1e-4, atol=1e-5)
