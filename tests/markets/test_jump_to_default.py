"""A stock that jumps at default: Black with the hazard as a rate, joint moments, a hazard that follows it."""

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy.linalg import solve_banded

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import JumpToDefault
from deephedge.pricing import black, jumps

PATHS = 2**15
UNEVEN = dh.TimeGrid([0.0, 0.1, 0.5, 0.6, 1.0])
FLAT = dict(spot=100.0, vol=0.25, intensity=0.3, rate=0.05, dividend=0.02)
STEEP = dict(spot=1.0, vol=0.5, intensity=0.3, power=2.0)
price = eqx.filter_jit(jumps.default_price)


def walk(market, grid, method="random") -> dict[str, np.ndarray]:
    batch = dh.sample(market, grid, PATHS, key=jax.random.key(7), method=method)
    return {key: np.asarray(x, float) for key, x in batch.quotes.items()} | {"n": np.asarray(batch.numeraire, float)}


@pytest.fixture(scope="module")
def flat() -> dict[str, np.ndarray]:
    return walk(JumpToDefault("ACME", **FLAT), UNEVEN)


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def test_calls_are_those_of_black_at_the_rate_plus_the_hazard(flat):
    forward = 100.0 * np.exp(0.03)
    strikes = np.array([70.0, 100.0, 130.0, 100.0])
    call = np.array([True, True, True, False])
    fair = np.exp(-0.05) * np.asarray(price(forward, strikes, 0.25, 1.0, 0.3, 1e-4, call), float)
    risky = np.exp(-0.35) * np.asarray(black.price(forward * np.exp(0.3), strikes[:3], 0.25), float)
    np.testing.assert_allclose(fair[:3], risky, rtol=1e-3)
    parity = np.exp(-0.05) * (forward - 100.0)
    np.testing.assert_allclose(fair[1] - fair[3], parity, rtol=1e-3)
    last = flat["ACME"][:, -1]
    for strike, is_call, value in zip(strikes, call, fair, strict=True):
        payoff = np.maximum(last - strike if is_call else strike - last, 0.0) * np.exp(-0.05)
        assert errors(payoff, value) < 3.0


def test_stock_and_default_have_their_joint_moments(flat):
    times = np.asarray(UNEVEN.times, float)
    for n in range(1, 5):
        assert errors(flat["ACME.alive"][:, n], np.exp(-0.3 * times[n])) < 3.5
        # Given life the stock drifts at its hazard too; E S^2 alive = S0^2 exp((2 (r - q + h) + vol^2 - h) t).
        square = flat["ACME"][:, n] ** 2 * flat["ACME.alive"][:, n]
        assert errors(square, 1e4 * np.exp((2 * 0.33 + 0.0625 - 0.3) * times[n])) < 3.5
    growth = flat["ACME"][:, 4] / flat["ACME"][:, 2] * np.exp(-0.03 * 0.5)
    for bet in (flat["ACME"][:, 2] > 110.0, flat["ACME.alive"][:, 2] == 0.0, flat["ACME.alive"][:, 2] == 1.0):
        assert errors((growth - 1.0) * bet, 0.0) < 3.5


def test_after_default_little_is_left_and_nothing_threatens_it(flat):
    alive = flat["ACME.alive"]
    assert (np.diff(alive, axis=1) <= 0).all() and (flat["ACME"] > 0).all()
    assert (flat["ACME.intensity"] == np.where(alive > 0, np.float32(0.3), 0.0)).all()
    died = (alive[:, 1] == 1) & (alive[:, 2] == 0)
    fell = flat["ACME"][died, 2] / flat["ACME"][died, 1]
    assert errors(fell, 1e-4 * np.exp(0.03 * 0.4)) < 3.5


def lattice(payoff, vol: float, intensity: float, power: float, cap: float = 10.0) -> float:
    """E alive payoff(S) after a year from S = 1 with no rates, by Crank and Nicolson in log S, R = 0."""
    x, steps = np.linspace(-5.0, 5.0, 2001), 400
    h, dx, dt = np.minimum(intensity * np.exp(-power * x), cap), x[1] - x[0], 1.0 / steps
    up = 0.5 * vol**2 / dx**2 + 0.5 * (h - 0.5 * vol**2) / dx
    down = 0.5 * vol**2 / dx**2 - 0.5 * (h - 0.5 * vol**2) / dx
    middle = -up - down - h
    bands = np.zeros((3, len(x)))
    bands[0, 1:], bands[1], bands[2, :-1] = -0.5 * dt * up[:-1], 1 - 0.5 * dt * middle, -0.5 * dt * down[1:]
    value = payoff(np.exp(x))
    for _ in range(steps):
        right = value * (1 + 0.5 * dt * middle)
        right[:-1] += 0.5 * dt * up[:-1] * value[1:]
        right[1:] += 0.5 * dt * down[1:] * value[:-1]
        value = solve_banded((1, 1), bands, right)
    return float(np.interp(0.0, x, value))


def test_a_hazard_that_follows_the_stock_converges_as_steps_get_shorter():
    market, steps = JumpToDefault("ACME", **STEEP), (2, 4, 32)
    walks = [walk(market, dh.TimeGrid.uniform(1.0, n), "sobol") for n in steps]
    for payoff in (lambda s: np.ones_like(s), lambda s: np.maximum(s - 1.0, 0.0)):
        exact = lattice(payoff, 0.5, 0.3, 2.0)
        values = [payoff(w["ACME"][:, -1]) * w["ACME.alive"][:, -1] for w in walks]
        gaps = [v.mean() - exact for v in values]
        assert abs(gaps[2]) < 0.012 * max(exact, 1.0) and abs(gaps[1]) < 0.65 * abs(gaps[0])
        assert 1.5 < abs(gaps[0] / gaps[1]) < 3.0  # order 1
    live = walks[2]["ACME.alive"][:, 16] == 1
    moved = np.log(walks[2]["ACME.intensity"][live, 16] / 0.3)
    np.testing.assert_allclose(
        moved, np.minimum(-2.0 * np.log(walks[2]["ACME"][live, 16]), np.log(10 / 0.3)), atol=1e-4
    )


def test_no_hazard_is_black_and_scholes():
    shocks = jax.random.normal(jax.random.key(0), (4, 2))
    ours = JumpToDefault("ACME", 2.0, 0.3, 0.0, rate=0.03).path(UNEVEN, shocks)
    theirs = dh.markets.BlackScholes("ACME", vol=0.3, spot=2.0, rate=0.03).path(UNEVEN, shocks[:, :1])
    np.testing.assert_allclose(ours.quotes["ACME"], theirs.quotes["ACME"], rtol=1e-6)


@pytest.mark.parametrize(
    "wrong", [{"spot": 0.0}, {"vol": -0.1}, {"intensity": -0.1}, {"power": -1.0}, {"recovery": 0.0}, {"cap": 0.0}]
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        JumpToDefault("ACME", **{**FLAT, **wrong})
