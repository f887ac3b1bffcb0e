import numpy as np
import pytest
from scipy.stats import norm

from oracles import minimum_variance, regression

WORLD = {"vol": 0.2, "maturity": 1.0, "steps": 4}


def stocks(paths, *, names, drift=0.0, correlation=0.0, seed, spot=100.0):
    """Prices (point, path, name) of geometric Brownian motions and their logarithms at the decisions."""
    steps, dt = WORLD["steps"], WORLD["maturity"] / WORLD["steps"]
    root = np.linalg.cholesky(np.full((names, names), correlation) + (1.0 - correlation) * np.eye(names))
    z = np.random.default_rng(seed).standard_normal((steps, paths, names)) @ root.T
    moves = WORLD["vol"] * np.sqrt(dt) * z + (drift - 0.5 * WORLD["vol"] ** 2) * dt
    x = np.concatenate([np.zeros((1, paths, names)), np.cumsum(moves, axis=0)])
    return spot * np.exp(x), x[:-1]


def call(spot):
    return np.maximum(spot - 100.0, 0.0)


def bracket(hedge, world, payoff, capital=None):
    """Mean squared errors and their standard errors."""
    square = hedge.errors(*world, payoff, hedge.capital if capital is None else capital) ** 2
    return square.mean(), square.std() / np.sqrt(square.size)


@pytest.mark.parametrize(("drift", "capital"), [(0.0, 7.9), (0.2, 5.0)])
def test_one_stock_is_solved_as_by_quadrature(drift, capital):
    exact = minimum_variance.solve(call, spot=100.0, drift=drift, **WORLD)
    world, fresh = (stocks(20_000, names=1, drift=drift, seed=seed) for seed in (1, 2))
    owed, other = (call(prices[-1, :, 0]) for prices, _ in (world, fresh))
    hedge = regression.solve(*world, owed, pieces=(10,), martingale=drift == 0.0)
    np.testing.assert_allclose(hedge.capital, exact.value, atol=0.05)
    np.testing.assert_allclose(hedge.decisions[0].shrink[0], exact.discount, rtol=0.02)
    least = exact.mean_squared_error(capital)
    for mean, error in (bracket(hedge, world, owed, capital), bracket(hedge, fresh, other, capital)):
        np.testing.assert_allclose(mean, least, rtol=0.01, atol=3.5 * error)


def test_independent_legs_add_up():
    # two stocks that move on their own, a call on each: the least variance is the sum of both
    least = 2 * minimum_variance.solve(call, spot=100.0, **WORLD).error
    world, fresh = (stocks(20_000, names=2, seed=seed) for seed in (3, 4))
    owed, other = (call(prices[-1]).sum(axis=1) for prices, _ in (world, fresh))
    hedge = regression.solve(*world, owed, pieces=(4, 4), martingale=True)
    inside, _ = bracket(hedge, world, owed)
    outside, error = bracket(hedge, fresh, other)
    assert inside < outside
    np.testing.assert_allclose(outside, least, rtol=0.03, atol=3.5 * error)


def test_an_option_that_pays_what_is_owed_is_bought_once():
    prices, states = stocks(10_000, names=1, seed=5)
    left = WORLD["maturity"] * (1.0 - np.arange(4)[:, None] / 4)
    d = states[:, :, 0] / (WORLD["vol"] * np.sqrt(left)) + 0.5 * WORLD["vol"] * np.sqrt(left)
    marks = prices[:-1, :, 0] * norm.cdf(d) - 100.0 * norm.cdf(d - WORLD["vol"] * np.sqrt(left))
    owed = call(prices[-1, :, 0])
    both = np.concatenate([prices, np.concatenate([marks, owed[None]])[:, :, None]], axis=2)
    hedge = regression.solve(both, states, owed, pieces=(8,), martingale=True)
    np.testing.assert_allclose(hedge.capital, marks[0, 0], rtol=1e-3)
    assert bracket(hedge, (both, states), owed)[0] < 1e-3 * np.var(owed)
