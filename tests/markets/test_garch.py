"""Filtered historical simulation: its law, its fit on data made by a known model, and on real history."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge.core.errors import DataError, GridError, ParameterError
from deephedge.markets import FilteredHistorical, Gjr, VolLink, agreement
from deephedge.markets.garch_fit import Days, anchored, fit_filtered, targeted
from deephedge.markets.residuals import MOST, cumulant

GARCH, LINK = (2e-6, 0.02, 0.1, 0.9), (-0.06, 0.88, 0.05, 0.04, -0.06)
MONTH = dh.TimeGrid.uniform(maturity=21 / 252, steps=21)
START = (1e-4, np.log(0.2), np.log(0.18))


def world(days: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Returns and implied volatility of a known model, in plain NumPy; surprises are larger on days of large moves."""
    rng = np.random.default_rng(seed)
    shocks = rng.standard_t(8, days) * np.sqrt(6 / 8)
    surprises = 0.02 * (0.3 + np.abs(shocks)) * rng.standard_normal(days)
    return follow(shocks, surprises, START)[:2]


def follow(shocks, surprises, start, garch=GARCH, link=LINK):
    """The recursion of the docstrings, one day after another."""
    (h, l, average), (level, memory, trend, pull, leverage) = start, link
    returns, implied, scale = [], [], []
    for z, e in zip(shocks, surprises, strict=True):
        scale.append(np.sqrt(h))
        move = np.sqrt(h) * z
        h = garch[0] + (garch[1] + garch[2] * (move < 0)) * move**2 + garch[3] * h
        x = np.clip(move * np.sqrt(252) * np.exp(-l), -10, 10)
        l = level + memory * l + trend * average + pull * 0.5 * np.log(252 * h) + leverage * x + e
        average += (l - average) / 22
        returns.append(move)
        implied.append(np.exp(l))
    return np.array(returns), np.array(implied), np.array(scale)


def small(**more) -> FilteredHistorical:
    z = np.random.default_rng(5).standard_t(5, 300) * 0.8
    pairs = np.stack([z, 0.02 * np.random.default_rng(6).standard_normal(300)], 1)
    return FilteredHistorical("SPX", Gjr(*GARCH), VolLink(*LINK), pairs, [START], **more)


def numbers(module) -> np.ndarray:
    return np.asarray(jax.tree.leaves(module), float)


def test_a_second_implementation_makes_the_same_path():
    market, normals = small(drift=0.07), np.random.default_rng(8).standard_normal((5, 21, 2))
    paths = jax.jit(jax.vmap(lambda z: market.path(MONTH, z)))(jnp.asarray(normals, jnp.float32))
    centred = np.asarray(market.residuals, float)
    centred = centred - centred.mean(0)
    for n, shocks in enumerate(normals):
        pairs = centred[np.floor(norm.cdf(shocks[:, 0]) * 300).astype(int)]
        returns, implied, scale = follow(*pairs.T, START)
        returns += 0.07 / 252 - np.log(np.mean(np.exp(scale[:, None] * centred[:, 0]), axis=1))
        np.testing.assert_allclose(paths.quotes["SPX"][n], np.exp(np.r_[0, np.cumsum(returns)]), rtol=2e-6)
        np.testing.assert_allclose(paths.quotes["SPX.vol"][n], np.r_[0.2, implied], rtol=2e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_cumulant_that_makes_a_martingale_is_exact_at_any_volatility(seed):
    z = np.random.default_rng(seed).standard_t(4, 3000)
    z = (z - z.mean()) / z.std()
    sigma = np.array([0.0, 1e-6, 1e-3, 0.0071, 0.0123, 0.03, 0.08, 0.2, MOST])
    exact = np.log1p(np.mean(np.expm1(sigma[:, None] * z), axis=1))
    found = np.asarray(cumulant(jnp.asarray(z, jnp.float32), jnp.asarray(sigma, jnp.float32)), float)
    np.testing.assert_allclose(found, exact, rtol=2e-3, atol=1e-10)
    daily = sigma < 0.05
    assert np.abs(found - exact)[daily].max() < 1e-7  # a path of a year is a martingale to 3e-5


def test_the_spot_is_a_martingale_in_calm_and_in_panic():
    for vol in (0.08, 0.9):
        market = small().starting(vol, implied_vol=0.2)
        batch = dh.sample(market, MONTH, 2**14, key=jax.random.key(0), method="random")
        spot = np.asarray(batch.quotes["SPX"], float)[:, 1:]
        assert (np.abs(spot.mean(0) - 1) / (spot.std(0) / np.sqrt(len(spot)))).max() < 3.5


def test_values_and_derivatives_stay_finite_in_extreme_states():
    for state in ((1e-12, np.log(1e-3)), (0.2, np.log(5.0)), (0.25, np.log(1e-3)), (1e-12, np.log(5.0))):
        market = FilteredHistorical(
            "SPX", Gjr(1e-12, 0.05, 0.3, 0.9), VolLink(*LINK), small().residuals, [(*state, state[1])]
        )
        for shock in (-5.0, 5.0):
            value, slope = jax.value_and_grad(_last, allow_int=True)(market, jnp.full((21, 2), shock))
            assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves((value, slope)))


@jax.jit
def _last(market, shocks):
    return sum(quote[-1] for quote in market.path(MONTH, shocks).quotes.values())


def test_the_fit_finds_the_model_that_made_the_data():
    returns, implied = world(8000)
    market = FilteredHistorical.fit(returns, implied)
    _, alpha, gamma, beta = numbers(market.garch)
    assert alpha == pytest.approx(0.02, abs=0.02) and gamma == pytest.approx(0.1, abs=0.03)
    assert beta == pytest.approx(0.9, abs=0.025)
    np.testing.assert_allclose(numbers(market.link), LINK, rtol=0.15, atol=0.01)
    z, e = np.asarray(market.residuals, float).T
    assert z.std() == pytest.approx(1.0, abs=0.02) and np.corrcoef(np.abs(z), np.abs(e))[0, 1] > 0.3
    assert e.std() == pytest.approx(0.02 * np.sqrt(np.mean((0.3 + np.abs(z)) ** 2)), rel=0.1)


def test_the_long_run_variance_is_that_of_the_returns():
    returns, implied = world(4000, seed=3)
    market = FilteredHistorical.fit(returns, implied)
    omega, alpha, gamma, beta = numbers(market.garch)
    z = np.asarray(market.residuals[:, 0], float)
    kept = beta + np.mean((alpha + gamma * (z < 0)) * z**2)
    assert omega / (1 - kept) * np.mean(z**2) == pytest.approx(returns.var(), rel=1e-3)


def test_a_variance_that_does_not_revert_is_refused():
    shocks = np.random.default_rng(0).standard_normal(500)
    with pytest.raises(DataError, match="does not revert"):
        targeted((1e-6, 0.1, 0.1, 0.9), 0.01 * shocks, shocks)


def test_where_implied_volatility_is_known_its_actual_pairs_rebuild_history():
    returns, implied = world(1500, seed=4)
    fitted = fit_filtered(returns, implied, None, "normal")
    assert fitted.residuals.shape == (1499, 2) and fitted.states.shape == (1500, 3)
    np.testing.assert_allclose(np.exp(fitted.states[:, 1]), implied, rtol=1e-12)
    filtered = (returns - returns.mean())[1:] / np.sqrt(fitted.states[:-1, 0])
    np.testing.assert_allclose(fitted.residuals[:, 0], filtered, atol=0.03)
    _, again, _ = follow(*fitted.residuals.T, fitted.states[0], fitted.garch, fitted.link)
    np.testing.assert_allclose(again[:20], implied[1:21], rtol=0.02)  # later on the targeted constant shows


@pytest.mark.parametrize("way", ["slice", "later days"])
def test_days_without_implied_volatility_borrow_surprises_from_similar_days(way):
    returns, implied = world(4000, seed=5)
    if way == "slice":
        market = FilteredHistorical.fit(
            returns, np.where(np.arange(4000) < 3000, np.nan, implied), link=slice(3000, None)
        )
    else:
        market = FilteredHistorical.fit(returns[:3000], link=(returns[3000:], implied[3000:]))
    z, e = np.asarray(market.residuals, float).T
    assert len(z) == (3999 if way == "slice" else 2999)
    assert np.corrcoef(np.abs(z), np.abs(e))[0, 1] > 0.3
    np.testing.assert_allclose(numbers(market.link)[1:], LINK[1:], rtol=0.2, atol=0.03)
    assert np.exp(np.asarray(market.states, float)[:, 1]).mean() == pytest.approx(implied[:3000].mean(), rel=0.1)


def test_implied_volatility_keeps_its_ratio_to_the_models_own_between_calm_and_wild_years():
    calm, wild = (Days(np.zeros(9), np.ones(9), np.full(9, np.log(vol))) for vol in (0.1, 0.3))

    def settled(link, own):
        return (link[0] + link[3] * np.log(own)) / (1 - link[1] - link[2])

    moved = anchored(np.array(LINK), linked=calm, days=wild)
    np.testing.assert_array_equal(moved[1:], LINK[1:])
    assert settled(moved, 0.3) - np.log(0.3) == pytest.approx(settled(LINK, 0.1) - np.log(0.1))


def test_drift_is_removed_kept_or_given():
    returns, implied = world(1000, seed=9)
    returns = returns + 1e-3
    growth = 252 * np.log(np.mean(np.exp(returns)))
    assert FilteredHistorical.fit(returns, implied).martingale
    kept = FilteredHistorical.fit(returns, implied, drift="historical")
    assert not kept.martingale and float(kept.drift) == pytest.approx(growth, rel=1e-5)
    assert float(FilteredHistorical.fit(returns, implied, drift=0.05).drift) == pytest.approx(0.05)
    with pytest.raises(ParameterError, match="drift"):
        FilteredHistorical.fit(returns, implied, drift="none")


def test_bad_data_is_refused():
    returns, implied = world(600)
    gap = np.where(np.arange(600) == 7, np.nan, returns)
    for arguments, message in (
        ((gap, implied), r"first: \[7\]"),
        ((returns, 100 * implied), "0.2, not 20"),
        ((returns, implied[:-1]), "600 returns"),
        ((returns[:100], implied[:100]), "250 days"),
        ((returns,), "implied_vol, or link"),
    ):
        with pytest.raises(DataError, match=message):
            FilteredHistorical.fit(*arguments)
    with pytest.raises(ParameterError, match="distribution"):
        FilteredHistorical.fit(returns, implied, distribution="cauchy")
    with pytest.raises(DataError, match="residuals"):
        FilteredHistorical("SPX", Gjr(*GARCH), VolLink(*LINK), [0.1, 0.2], [START])
    with pytest.raises(ParameterError, match="memory"):
        FilteredHistorical("SPX", Gjr(*GARCH), VolLink(-0.1, 0.9, 0.1, 0.0, 0.0), [[0.1, 0.2]], [START])


def test_calendar_days_are_refused():
    with pytest.raises(GridError, match="trading day"):
        small().shocks(dh.TimeGrid.uniform(maturity=30 / 365, steps=30))


@lru_cache
def real() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """S&P 500 closes 1999-2013; closes and VIX from its first day in 2014 to 2015."""
    import arch.data.sp500
    import arch.data.vix

    spot, vix = arch.data.sp500.load()["Adj Close"], arch.data.vix.load()["vix"][:"2015-12-31"]
    vix = vix.reindex(spot.index).dropna()
    return np.array(spot[:"2013-12-31"]), np.array(spot[vix.index]), np.array(vix) / 100


def test_simulated_paths_look_like_the_years_they_were_fitted_to():
    train, later, vix = real()
    link = (np.diff(np.log(later)), vix[1:])
    market = FilteredHistorical.fit(np.diff(np.log(train)), link=link)
    for history in ({"SPX": train}, {"SPX": later, "SPX.vol": vix}):
        steps = len(history["SPX"]) - 1
        grid = dh.TimeGrid.uniform(steps / 252, steps)
        rows = agreement(dh.sample(market, grid, 128, key=jax.random.key(0), method="random"), history)
        assert len(rows) == (6 if len(history) == 1 else 9)
        for row in rows:
            near = row.statistic == "spot-volatility correlation" and abs(row.real - row.simulated) < 0.05
            assert row.inside or near, row
