"""A business clock: variance by its hours, money by the calendar."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import markets as m
from deephedge.core.calendars import business_clock, business_grid
from deephedge.core.errors import ParameterError
from deephedge.pricing import black

PATHS = 2**15
GRID, CLOCK = business_grid("2024-06-24", "2024-07-09"), business_clock(
    "2024-06-24", "2024-07-09", overnight=0.2, weekend=0.02
)  # fmt: skip
follow = eqx.filter_jit(lambda market, grid, z: jax.vmap(lambda one: market.path(grid, one))(z))


def test_variance_follows_the_clock_and_discounting_the_calendar():
    market = m.BusinessTime(m.BlackScholes("SPX", 0.3, 100.0, rate=0.05, dividend=0.02), CLOCK)
    path = dh.sample(market, GRID, PATHS, key=jax.random.key(0))
    times, spot = np.asarray(GRID.times, float), np.asarray(path.quotes["SPX"], float)
    np.testing.assert_allclose(path.numeraire[0], np.exp(0.05 * times), rtol=1e-6)
    moves = np.diff(np.log(spot), axis=1)
    np.testing.assert_allclose(moves.var(0), 0.09 * np.diff(CLOCK[1]), rtol=4 * np.sqrt(2 / PATHS))
    weekend = np.diff(times) > 2.5 / 365
    assert weekend.sum() == 2 and (moves.var(0)[weekend] < 1.05 * moves.var(0).max()).all()
    correlations = np.corrcoef(moves.T) - np.eye(GRID.steps)
    assert np.abs(correlations).max() < 4.5 / np.sqrt(PATHS)
    for point in (4, GRID.steps):
        forward = 100 * np.exp(0.03 * times[point])
        for strike in (0.0, 101.0):
            price = float(black.price(forward, max(strike, 1e-9), 0.3 * np.sqrt(CLOCK[1][point])))
            payoff = np.maximum(spot[:, point] - strike, 0)
            assert abs(payoff.mean() - price) < 0.5 * payoff.std() / np.sqrt(PATHS)  # Sobol points do far better


def test_an_even_clock_changes_nothing_and_time_beyond_it_is_the_calendars():
    inner, grid = m.BlackScholes("SPX", 0.3, 100.0, rate=0.05, dividend=0.02), dh.TimeGrid([0.0, 0.5, 1.0, 2.0])
    even, short = m.BusinessTime(inner, [[0, 5], [0, 5]]), m.BusinessTime(inner, [[0, 1], [0, 0.5]])
    z = jax.random.normal(jax.random.key(0), (1, 3, 1))
    same, other = follow(even, grid, z), follow(inner, grid, z)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6), same, other)
    np.testing.assert_allclose(short.business(grid).times, [0, 0.25, 0.5, 1.5], rtol=1e-6)


def test_daily_history_runs_on_calendar_dates():
    z = np.random.default_rng(2).standard_t(5, (400, 2)) * [0.8, 0.03]
    inner = m.FilteredHistorical("SPX", m.Gjr(2e-6, 0.01, 0.12, 0.91), m.VolLink(-0.06, 0.88, 0.05, 0.03, -0.05), z,
                                 [[1e-4, -1.7, -1.7]])  # fmt: skip
    market = m.BusinessTime(inner, [GRID.times, np.arange(GRID.points) / 252])
    assert market.shocks(GRID) == (GRID.steps, 2)
    assert set(jax.eval_shape(market.path, GRID, jnp.zeros((GRID.steps, 2))).quotes) == {"SPX", "SPX.vol"}


def test_what_cannot_run_on_a_clock_is_refused():
    spot, rates = m.BlackScholes("SPX", 0.2), m.Vasicek(0.03, 0.2, 0.04, 0.01)
    for clock in ([0.0, 1.0], [[0, 1], [0, 0]], [[0, 1, 1], [0, 1, 2]], [[0.0], [0.0]]):
        with pytest.raises(ParameterError, match="clock"):
            m.BusinessTime(spot, clock)
    with pytest.raises(ParameterError, match="futures"):
        m.BusinessTime(m.Schwartz("CL", 60.0, 1.5, 50.0, 0.4, expiries=(0.5,)), CLOCK)
    with pytest.raises(ParameterError, match="short rate"):
        jax.eval_shape(m.BusinessTime(rates, CLOCK).path, GRID, jnp.zeros((GRID.steps, 2)))
