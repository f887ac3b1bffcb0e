"""Bates's market against Fourier prices, moments in closed form, and the two models it is made of."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import Bates, Heston, compound
from deephedge.pricing import jumps

VARIANCE = dict(variance=0.02, mean_reversion=2.0, long_variance=0.06, vol_of_vol=0.4, correlation=-0.5)
JUMPS = dict(intensity=3.0, jump_mean=-0.06, jump_vol=0.08)
CARRY = dict(rate=0.04, dividend=0.01)
MARKET = Bates("SPX", 100.0, **VARIANCE, **JUMPS, **CARRY)
GRID = dh.TimeGrid(np.concatenate([np.arange(12) / 50, np.arange(12, 37) / 48 - 0.01]))  # two lengths of step
MIDDLE, PATHS = 12, 2**17


@lru_cache
def simulated() -> dict[str, np.ndarray]:
    batch = dh.sample(MARKET, GRID, PATHS, key=jax.random.key(23), method="sobol")
    return {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def test_calls_cost_what_fourier_says():
    strikes, maturity = [75.0, 90.0, 100.0, 110.0, 130.0], float(GRID.times[-1])
    exact = jax.jit(jumps.bates_price)(
        100.0 * np.exp(0.03 * maturity), jnp.array(strikes), 0.02, maturity, *list(VARIANCE.values())[1:],
        *JUMPS.values(),
    )  # fmt: skip
    spot = simulated()["SPX"][:, -1]
    for strike, price in zip(strikes, np.exp(-0.04 * maturity) * np.asarray(exact, float), strict=True):
        assert errors(np.exp(-0.04 * maturity) * np.maximum(spot - strike, 0.0), price) < 3.0
    assert errors(np.exp(-0.03 * maturity) * spot, 100.0) < 3.0


def expected_variance(t):
    k, theta = VARIANCE["mean_reversion"], VARIANCE["long_variance"]
    return theta + (VARIANCE["variance"] - theta) * np.exp(-k * t)


def test_what_the_jumps_add_has_their_cumulants_and_is_independent_of_the_past():
    """log S without the log S of the same normals without jumps is a compound Poisson sum, compensated."""
    market = MARKET.without_jumps()
    draw = jax.random.normal(jax.random.key(3), (2**16, GRID.steps, 4))

    @jax.jit
    def both(z):
        whole, still = MARKET.path(GRID, z).quotes["SPX"], market.path(GRID, z[:, :2]).quotes["SPX"]
        points = jnp.array([0, MIDDLE, GRID.steps])
        return jnp.diff(jnp.log(whole / still)[points]), jnp.diff(jnp.log(still)[points])

    added, still = (np.asarray(x, float) for x in jax.lax.map(both, draw, batch_size=4096))
    m, d, rate = JUMPS["jump_mean"], JUMPS["jump_vol"], JUMPS["intensity"]
    k, years = np.exp(m + d**2 / 2) - 1, np.diff(np.asarray(GRID.times, float)[[0, MIDDLE, -1]])
    raw = (m, m**2 + d**2, m**3 + 3 * m * d**2, m**4 + 6 * m**2 * d**2 + 3 * d**4)
    centred = added - rate * (m - k) * years
    for n, t in enumerate(years):
        two, three, four = (rate * t * x for x in raw[1:])
        for power, expected in enumerate((0.0, two, three, four + 3 * two**2), start=1):
            assert errors(centred[:, n] ** power, expected) < 3.5, (n, power)
    squares = centred**2 - rate * raw[1] * years
    shaken = (still - still.mean(axis=0)) ** 2 - still.var(axis=0)
    for a in (centred, squares):
        for b in (centred[:, ::-1], squares[:, ::-1], still - still.mean(axis=0), shaken):
            assert errors(a[:, 0] * b[:, 0], 0.0) < 3.5


def test_the_log_spot_has_its_mean_and_its_covariance_with_the_variance():
    quotes, end = simulated(), float(GRID.times[-1])
    s = np.linspace(0.0, end, 20_001)
    k, xi, rho = (VARIANCE[name] for name in ("mean_reversion", "vol_of_vol", "correlation"))
    m, d, rate = JUMPS["jump_mean"], JUMPS["jump_vol"], JUMPS["intensity"]
    drift = 0.03 + rate * (m - np.exp(m + d**2 / 2) + 1)
    log, v = np.log(quotes["SPX"][:, -1] / 100.0), quotes["SPX.variance"][:, -1]
    integral = np.trapezoid(expected_variance(s), s)
    assert errors(log, drift * end - 0.5 * integral) < 3.0
    assert errors(quotes["SPX.realised_variance"][:, -1], integral) < 3.0
    decay = np.exp(-k * s)
    v0, theta = VARIANCE["variance"], VARIANCE["long_variance"]
    spread = xi**2 / k * (v0 * (decay - decay**2) + 0.5 * theta * (1 - decay) ** 2)
    covariance = np.trapezoid(np.exp(-k * (end - s)) * (rho * xi * expected_variance(s) - 0.5 * spread), s)
    assert errors((log - log.mean()) * (v - expected_variance(end)), covariance) < 3.5


def test_without_jumps_it_is_heston():
    shocks = jax.random.normal(jax.random.key(0), (GRID.steps, 4))
    make = jax.jit(lambda market, shocks: market.path(GRID, shocks))
    path = make(Bates("SPX", 100.0, **VARIANCE, **{**JUMPS, "intensity": 0.0}, **CARRY), shocks)
    plain = make(Heston("SPX", 100.0, **VARIANCE, **CARRY), shocks[:, :2])
    for name, value in plain.quotes.items():
        np.testing.assert_allclose(path.quotes[name], value, rtol=1e-6)
    np.testing.assert_allclose(path.quotes["SPX.total_vol"], plain.quotes["SPX.vol"], rtol=1e-6)


def test_without_vol_of_vol_it_is_merton():
    """The same normals: Merton's one normal is split here into that of the diffusion and that of the jumps."""
    shocks = jax.random.normal(jax.random.key(1), (GRID.steps, 4))
    flat = {**VARIANCE, "variance": 0.04, "long_variance": 0.04, "vol_of_vol": 1e-6, "correlation": 0.0}
    spot = Bates("SPX", 100.0, **flat, **JUMPS, **CARRY).path(GRID, shocks).quotes["SPX"]
    count = compound.poisson(3.0 * GRID.dt, shocks[:, 3])
    diffused, jumped = 0.2 * jnp.sqrt(GRID.dt) * shocks[:, 1], 0.08 * jnp.sqrt(count) * shocks[:, 2]
    one = (diffused + jumped) / jnp.sqrt(0.04 * GRID.dt + 0.0064 * count)
    merton = dh.markets.Merton("SPX", 100.0, 0.2, **JUMPS, **CARRY)
    expected = merton.path(GRID, jnp.stack([one, shocks[:, 3]], axis=1)).quotes["SPX"]
    np.testing.assert_allclose(spot, expected, rtol=1e-4)


def test_values_and_derivatives_stay_finite():
    def end(scale, shocks):
        other = {**VARIANCE, "variance": 0.02 * scale, **JUMPS, "intensity": 3.0 * scale}
        return Bates("SPX", 100.0, **other).path(month, shocks).quotes["SPX"][-1]

    month = dh.TimeGrid.uniform(maturity=30 / 365, steps=30)
    shocks = jnp.stack([jnp.full((30, 4), x) for x in (-8.0, 0.0, 8.0)])
    both = jax.vmap(jax.vmap(jax.value_and_grad(end), (None, 0)), (0, None))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.jit(both)(jnp.array([0.0, 1.0, 4.0]), shocks))


@pytest.mark.parametrize(
    "wrong", [{"spot": 0.0}, {"variance": -0.1}, {"correlation": -1.1}, {"intensity": -1.0}, {"jump_vol": -0.1}]
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Bates("SPX", **{"spot": 100.0, **VARIANCE, **JUMPS, **wrong})


def test_grids_too_coarse_for_jumps_or_correlation_are_refused():
    year = dh.TimeGrid.uniform(maturity=1.0, steps=1)
    for wrong in ({"intensity": 9.0}, {"vol_of_vol": 2.0, "correlation": 0.7}):
        with pytest.raises(ParameterError, match="shorter steps"):
            Bates("SPX", 100.0, **{**VARIANCE, **JUMPS, **wrong}).shocks(year)
    assert MARKET.shocks(GRID) == (GRID.steps, 4)
