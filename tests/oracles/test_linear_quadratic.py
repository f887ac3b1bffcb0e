import numpy as np
import pytest

from oracles import linear_quadratic

SETTING = {"vol": 2.0, "maturity": 0.2, "notional": 200.0, "impact": 1e-3, "risk_aversion": 0.01}


@pytest.mark.parametrize(("steps", "from_delta", "from_nothing"), [(10, 84.4449, 115.3340), (50, 84.4316, 116.1396)])
def test_published_values(steps, from_delta, from_nothing):
    np.testing.assert_allclose(linear_quadratic.solve(**SETTING, steps=steps).value, from_delta, atol=1e-4)
    np.testing.assert_allclose(linear_quadratic.solve(**SETTING, steps=steps, start=0.0).value, from_nothing, atol=1e-3)


def test_many_steps_reach_the_limit_of_continuous_trading():
    np.testing.assert_allclose(linear_quadratic.solve(**SETTING, steps=2000).value, 84.4310, atol=1e-4)
    # Bank, Soner and Voss: theta' = sqrt(k) tanh(sqrt(k) (T - t)) (delta - theta), k = lambda sigma^2 / (2 eta)
    steps, root = 2000, np.sqrt(0.01 * 4 / (2 * 1e-3))
    left = 0.2 - 0.2 * np.arange(steps) / steps
    weights = linear_quadratic.solve(**SETTING, steps=steps).weights
    np.testing.assert_allclose(weights * steps / 0.2, root * np.tanh(root * left), rtol=0.01, atol=0.01)


def simulate(steps, paths, seed):
    """Spots at the decisions, deltas, moves and the call, of paths in antithetic pairs."""
    dt, rng = 0.2 / steps, np.random.default_rng(seed)
    half = rng.standard_normal((steps, paths // 2))
    moves = 2.0 * np.sqrt(dt) * np.concatenate([half, -half], axis=1)
    spot = 10.0 + np.cumsum(moves, axis=0) - moves
    left = 0.2 - dt * np.arange(steps)[:, None]
    delta = linear_quadratic.delta(spot, 10.0, left, 2.0, 200.0)
    return delta, moves, 200.0 * np.maximum(spot[-1] + moves[-1] - 10.0, 0.0)


def criterion(positions, start, moves, owed, premium):
    steps = positions.shape[0]
    trades = np.diff(positions, axis=0, prepend=np.full((1, positions.shape[1]), start))
    cost = 1e-3 * np.sum(trades**2, axis=0) * steps / 0.2
    return cost + 0.005 * (owed - premium - np.sum(positions * moves, axis=0)) ** 2 + premium


@pytest.mark.parametrize("start", [100.0, 0.0])
def test_its_policy_costs_what_the_recursion_says_and_no_other_weights_cost_less(start):
    delta, moves, owed = simulate(10, 200_000, seed=5)
    premium = 200.0 * 2.0 * np.sqrt(0.2 / (2 * np.pi))
    best = linear_quadratic.solve(**SETTING, steps=10, start=start)
    paid = criterion(best.positions(delta, start), start, moves, owed, premium)
    pairs = paid.reshape(2, -1).mean(axis=0)
    np.testing.assert_allclose(pairs.mean(), best.value, atol=3.5 * pairs.std() / np.sqrt(pairs.size))
    for factor in (0.8, 1.2):
        other = linear_quadratic.LinearQuadratic(0.0, best.weights * factor)
        assert criterion(other.positions(delta, start), start, moves, owed, premium).mean() > paid.mean()
