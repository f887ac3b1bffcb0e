import numpy as np
import pytest
from scipy.stats import norm

from oracles import minimum_variance

SETTING = {"spot": 100.0, "vol": 0.2, "maturity": 30 / 365}


def call(spot):
    return np.maximum(spot - 100.0, 0.0)


def black(spot, left):
    deviation = 0.2 * np.sqrt(left)
    d = np.log(spot / 100.0) / deviation
    return spot * norm.cdf(d + deviation / 2) - 100.0 * norm.cdf(d - deviation / 2)


def unit_normal(nodes):
    z = np.linspace(-8.0, 8.0, nodes)
    return z, norm.pdf(z) / norm.pdf(z).sum()


@pytest.mark.parametrize(("steps", "variance"), [(5, 0.7011), (10, 0.3664), (30, 0.1279)])
def test_least_variance_at_no_cost(steps, variance):
    bound = minimum_variance.solve(call, **SETTING, steps=steps)
    np.testing.assert_allclose(bound.value, black(100.0, 30 / 365), rtol=1e-5)
    np.testing.assert_allclose(bound.error, variance, rtol=0.01)


def test_many_steps_against_a_direct_sum():
    # Black's formula in place of the recursion, and the law of the spot in place of its transitions
    steps, total = 120, 0.0
    dt = 30 / 365 / steps
    z, law = unit_normal(401)
    for k in range(steps):
        y, weight = unit_normal(8001 if k == steps - 1 else 201)
        returns = np.expm1(0.2 * np.sqrt(dt) * y - 0.02 * dt)
        spot = 100.0 * np.exp(0.2 * np.sqrt(k * dt) * z - 0.02 * k * dt)
        after = spot[:, None] * (1 + returns)
        left = (steps - k - 1) * dt
        change = (black(after, left) if left > 1e-12 else call(after)) - black(spot, left + dt)[:, None]
        slope = change @ (weight * returns) / (weight @ returns**2)
        total += law @ ((change - slope[:, None] * returns) ** 2 @ weight)
    np.testing.assert_allclose(minimum_variance.solve(call, **SETTING, steps=steps).error, total, rtol=1e-4)


def test_it_falls_as_one_over_the_steps():
    # n Var_n tends to (T / 2) times the integral of E (sigma^2 S^2 gamma)^2, at the money K^2 sigma^2 T / 8 for a small
    # sigma^2 T; the error is of order 1 / sqrt(n), which two values remove.
    coarse, fine = (n * minimum_variance.solve(call, **SETTING, steps=n).error for n in (30, 120))
    np.testing.assert_allclose(2 * fine - coarse, 100.0**2 * 0.04 * (30 / 365) / 8, rtol=0.005)


@pytest.mark.parametrize(("drift", "maturity", "steps", "value", "error"), [
    (0.1, 1.0, 12, 7.84908, 3.34562), (0.0, 1.0, 12, 7.96557, 3.72873), (0.1, 1.0, 52, 7.93881, 0.80574),
    (0.05, 30 / 365, 30, 2.28680, 0.12782),
])  # fmt: skip
def test_with_a_drift(drift, maturity, steps, value, error):
    bound = minimum_variance.solve(call, **SETTING | {"maturity": maturity}, steps=steps, drift=drift)
    np.testing.assert_allclose(bound.value, value, atol=1e-4)
    np.testing.assert_allclose(bound.mean_squared_error(bound.value), error, rtol=1e-3)


def test_its_hedge_reaches_the_bound_with_a_drift():
    steps, drift, paths, capital = 12, 0.1, 200_000, 7.0
    bound = minimum_variance.solve(call, **SETTING | {"maturity": 1.0}, steps=steps, drift=drift)
    rng, spot, wealth = np.random.default_rng(11), np.full(paths, 100.0), np.full(paths, capital)
    for step in range(steps):
        after = spot * np.exp(0.2 * np.sqrt(1 / 12) * rng.standard_normal(paths) + (drift - 0.02) / 12)
        wealth = wealth + bound.position(step, spot, wealth) * (after - spot)
        spot = after
    square = (wealth - call(spot)) ** 2
    expected = bound.mean_squared_error(capital)
    np.testing.assert_allclose(square.mean(), expected, atol=3.5 * square.std() / np.sqrt(paths))
    assert expected > bound.error * 1.1


def test_a_lookback_read_once_a_year():
    # Carbonneau (2020) finds best premiums of 17.3 and 13.9 by another recursion; his monthly hedge errs by 4.9
    terms = {"vol": 0.15, "maturity": 10.0, "rate": 0.03, "drift": 0.1}
    bound = minimum_variance.ratchet(spot=100.0, steps=120, every=12, **terms)
    np.testing.assert_allclose(bound.value, 17.366, atol=2e-3)
    np.testing.assert_allclose(np.sqrt(bound.mean_squared_error(17.69)) * np.exp(0.3), 4.736, atol=2e-3)
    np.testing.assert_allclose(
        minimum_variance.ratchet(spot=100.0, steps=10, every=1, **terms).value, 13.964, atol=2e-3
    )


def test_without_dates_it_is_a_put():
    terms = {"vol": 0.2, "maturity": 1.0, "steps": 12, "drift": 0.1}
    one = minimum_variance.ratchet(spot=100.0, every=99, rate=0.0, **terms)
    other = minimum_variance.solve(lambda spot: np.maximum(100.0 - spot, 0.0), spot=100.0, **terms)
    np.testing.assert_allclose([one.value, one.error], [other.value, other.error], rtol=1e-4)
