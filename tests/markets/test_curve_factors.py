"""Curve factors: exact moments in the real world; bonds, options and Ho and Lee without arbitrage; the fit."""

from functools import lru_cache

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy import stats

import deephedge as dh
from deephedge.core.errors import DataError, ParameterError
from deephedge.markets import CurveFactors, HullWhite, fit_curve_factors
from deephedge.pricing import curve

TENORS, START = (0.5, 2.0, 5.0, 10.0), np.array([0.02, 0.025, 0.03, 0.035])
LOADINGS = np.array([[0.5, 0.5, 0.5, 0.5], [-0.7, -0.2, 0.3, 0.6]])
VOL, SPEED, MEAN = np.array([0.02, 0.01]), np.array([0.3, 1.5]), np.array([0.01, -0.004])
GRID = dh.TimeGrid(np.array([0.0, 0.3, 0.4, 1.0], np.float32))
PATHS = 2**14


@eqx.filter_jit
def paths(market, shocks):
    batch = jax.vmap(market.path, (None, 0))(GRID, shocks)
    return batch.quotes, batch.numeraire


@lru_cache
def simulated(arbitrage_free: bool):
    more = {"maturities": (1.0, 3.0, 8.0)} if arbitrage_free else {"mean_reversion": SPEED, "mean": MEAN}
    market = CurveFactors(TENORS, START, LOADINGS, VOL, arbitrage_free=arbitrage_free, **more)
    shocks = jax.random.normal(jax.random.key(0), (PATHS, GRID.steps, 2))
    quotes, account = paths(market, shocks)
    return {name: np.asarray(x, float) for name, x in quotes.items()}, np.asarray(account, float), np.asarray(shocks)


def mean_is(sample, expected):
    assert abs(sample.mean() - expected) < 4 * sample.std() / np.sqrt(len(sample)) + 1e-8, (sample.mean(), expected)


def test_factors_have_their_exact_mean_and_covariance_over_time():
    quotes, *_ = simulated(False)
    for k in range(2):
        f, times = quotes[f"USD.factor.{k + 1}"], np.asarray(GRID.times, float)
        for point in (1, 2, 3):
            mean_is(f[:, point], MEAN[k] * (1 - np.exp(-SPEED[k] * times[point])))
        early, late = (f[:, p] - f[:, p].mean() for p in (1, 3))
        variance = VOL[k] ** 2 * (1 - np.exp(-2 * SPEED[k] * times[1])) / (2 * SPEED[k])
        mean_is(early * late, variance * np.exp(-SPEED[k] * (times[3] - times[1])))
    mean_is(quotes["USD.factor.1"][:, 3] * (quotes["USD.factor.2"][:, 3] - quotes["USD.factor.2"][:, 3].mean()), 0.0)
    for n, tenor in enumerate(TENORS):
        moved = START[n] + sum(LOADINGS[k, n] * quotes[f"USD.factor.{k + 1}"] for k in range(2))
        np.testing.assert_allclose(quotes[f"USD.zero.{tenor:g}y"], moved, atol=1e-7)


def test_the_account_is_that_of_the_shortest_yield():
    quotes, account, _ = simulated(False)
    short, dt = quotes["USD.short"], np.diff(np.asarray(GRID.times, float))
    np.testing.assert_array_equal(short, quotes["USD.zero.0.5y"])
    np.testing.assert_allclose(np.log(account[:, -1]), (0.5 * (short[:, 1:] + short[:, :-1]) * dt).sum(1), atol=1e-6)


_log_discount = jax.jit(curve.log_discount)
_forward = jax.jit(curve.forward)


@lru_cache
def today(end: float) -> float:
    """The discount factor of today: yields at the tenors are met exactly."""
    return float(np.exp(_log_discount(np.array(TENORS), START, end)))


def test_zero_bonds_are_martingales_under_the_account():
    quotes, account, shocks = simulated(True)
    assert np.abs(quotes["USD.bond.1y"][:, -1] - 1).max() < 2e-6
    for end in (1.0, 3.0, 8.0):
        value = quotes[f"USD.bond.{end:g}y"] / account
        np.testing.assert_allclose(value[:, 0], today(end), rtol=1e-6)
        for point in (1, 2, 3):
            mean_is(value[:, point], today(end))
        mean_is((value[:, 3] - value[:, 1]) * shocks[:, 0, 0], 0.0)  # nothing is known of what comes
    mean_is(1 / account[:, -1], today(1.0))


def test_a_bond_follows_the_formula():
    """A plain loop over the steps, and an option on the bond against Black's formula with its exact variance."""
    quotes, account, shocks = simulated(True)
    times = np.asarray(GRID.times, float)

    def volatility(left):
        return np.array([left * np.interp(left, TENORS, row) * s for row, s in zip(LOADINGS, VOL, strict=True)])

    expected, variance = np.log(today(8.0) / today(1.0)) * np.ones(PATHS), 0.0
    for n in range(GRID.steps):
        middle, dt = 0.5 * (times[n] + times[n + 1]), times[n + 1] - times[n]
        far, near = volatility(8.0 - middle), volatility(1.0 - middle)
        expected -= shocks[:, n] @ (far - near) * np.sqrt(dt) + 0.5 * ((far**2 - near**2) * dt).sum()
        variance += ((far - near) ** 2).sum() * dt
    np.testing.assert_allclose(np.log(quotes["USD.bond.8y"][:, -1]), expected, atol=3e-6)
    strike = today(8.0) / today(1.0)
    paid = np.maximum(quotes["USD.bond.8y"][:, -1] - strike, 0) / account[:, -1]
    mean_is(paid, today(8.0) * (2 * stats.norm.cdf(0.5 * np.sqrt(variance)) - 1))


def test_one_flat_factor_is_the_model_of_ho_and_lee():
    loadings, ends = np.ones_like(LOADINGS), (1.0, 3.0, 8.0)
    flat = CurveFactors(TENORS, START, loadings, [0.012, 0.0], arbitrage_free=True, maturities=ends)
    quotes, account = paths(flat, simulated(True)[2])
    model = HullWhite((TENORS, tuple(START)), 0.0, 0.012)
    short = np.asarray(quotes["USD.factor.1"], float)  # the factor of the model of Ho and Lee
    now = np.asarray(GRID.times, float)
    rate = short + np.asarray(_forward(np.array(TENORS), START, now)) + 0.5 * (0.012 * now) ** 2
    for end in (3.0, 8.0):
        expected = eqx.filter_jit(model.bond)(rate, now, end - now)
        # The second-order term is taken at mid-step: off by the width of a step squared.
        np.testing.assert_allclose(quotes[f"USD.bond.{end:g}y"], expected, rtol=1e-4)
    middle, dt = 1.0 - 0.5 * (now[1:] + now[:-1]), np.diff(now)
    log = np.log(np.asarray(account, float)[:, -1])
    mean_is((log - log.mean()) ** 2, 0.012**2 * (middle**2 * dt).sum())
    short_by = (dt**3).sum() / 12  # of the exact third: of order two in the step
    assert (middle**2 * dt).sum() == pytest.approx(1 / 3 - short_by, rel=1e-6)


def test_wild_normals_stay_finite():
    market = CurveFactors(TENORS, START, LOADINGS, VOL, arbitrage_free=True, maturities=(1.0, 3.0, 8.0))
    quotes, account = paths(market, 8.0 * np.sign(simulated(True)[2]))
    assert all(bool(np.isfinite(x).all()) for x in (*quotes.values(), account))


def test_the_fit_finds_the_factors_that_made_the_data():
    rng, dt, days = np.random.default_rng(4), 1 / 252, 20_000
    basis = np.linalg.qr(LOADINGS.T)[0].T
    basis *= np.where(basis.sum(1) < 0, -1.0, 1.0)[:, None]
    decay, f = np.exp(-SPEED * dt), np.zeros((days, 2))
    noise = VOL * np.sqrt((1 - decay**2) / (2 * SPEED)) * rng.standard_normal((days, 2))
    for day in range(1, days):
        f[day] = MEAN + decay * (f[day - 1] - MEAN) + noise[day]
    found = fit_curve_factors(TENORS, START + f @ basis, components=2)
    np.testing.assert_allclose(found.explained, VOL**2 / (VOL**2).sum(), atol=0.01)
    np.testing.assert_allclose(np.abs(found.market.loadings @ basis.T), np.eye(2), atol=0.03)
    assert (np.abs(np.asarray(found.market.mean_reversion) - SPEED) < 4 * found.errors["mean_reversion"]).all()
    assert (np.abs(np.asarray(found.market.vol) - VOL) < 4 * found.errors["vol"]).all()
    np.testing.assert_allclose(found.factors @ np.asarray(found.market.loadings) + (START + f @ basis)[-1],
                               START + f @ basis, atol=1e-7)  # fmt: skip
    free = fit_curve_factors(TENORS, START + f @ basis, components=2, arbitrage_free=True, maturities=(2.0,))
    assert free.market.martingale and (np.abs(np.asarray(free.market.vol) - VOL) < 5 * free.errors["vol"]).all()


def test_three_components_explain_the_treasury_curve(market_file):
    table = market_file("E_rates_credit/gsw_usd_zero_coupon_1y_30y_1985_2015.parquet").drop_nulls().sort("date")
    tenors = (1, 2, 3, 5, 7, 10, 20, 30)
    found = fit_curve_factors(tenors, table.select([f"{t}y" for t in tenors]).to_numpy() / 100)
    assert found.explained[0] > 0.7 and found.explained.sum() > 0.97
    level, slope, _ = np.asarray(found.market.loadings)
    assert (level > 0).all() and slope[0] * slope[-1] < 0


def test_bad_input_is_refused():
    for more, message in (
        ({"tenors": (2, 1, 5, 10)}, "tenors"),
        ({"start": START[:2]}, "start must be 4"),
        ({"loadings": LOADINGS[:1]}, "loadings must be 2 x 4"),
        ({"vol": -VOL}, "vol must be 0 or more"),
        ({"maturities": (1.0,)}, "maturities need arbitrage_free"),
        ({"arbitrage_free": True, "mean_reversion": 0.1}, "mean_reversion must be left out"),
        ({"arbitrage_free": True, "maturities": (-1.0,)}, "maturities must be positive"),
    ):
        with pytest.raises(ParameterError, match=message):
            CurveFactors(**({"tenors": TENORS, "start": START, "loadings": LOADINGS, "vol": VOL} | more))
    flat = np.full((300, 4), 0.03)
    for yields, components, error, message in (
        (flat[:99], 1, DataError, "251 days"),
        (100 * flat, 1, DataError, "0.04, not 4"),
        (flat * np.nan, 1, DataError, "not finite"),
        (flat, 5, ParameterError, "components"),
    ):
        with pytest.raises(error, match=message):
            fit_curve_factors(TENORS, yields, components)
