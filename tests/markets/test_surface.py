"""A moving surface: the law of its states, its limits, and dynamics found again in a simulated history."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import DataError, ParameterError
from deephedge.markets import BlackScholes, LocalVolatility, MovingSurface, SurfaceDynamics, fit_surface_dynamics

KAPPA, VOL = np.array([4.0, 8.0, 12.0, 6.0]), np.array([1.5, 0.3, 0.8, 0.6])
LEVERAGE, MEAN = np.array([-0.7, 0.4, 0.0, 0.2]), np.array([0.1, -0.2, 0.0, 0.3])
REST = np.eye(4) + 0.3 * (np.eye(4, k=1) + np.eye(4, k=-1))
DYNAMICS = SurfaceDynamics(KAPPA, VOL, LEVERAGE, MEAN, REST)
TODAY = dict(tenors=(0.1, 0.5, 1.0), levels=(0.004, 0.021, 0.045), rho=-0.6, eta=1.0, gamma=0.4)
SPOT = BlackScholes("X", vol=0.2, spot=100.0, rate=0.03)
GRID = dh.TimeGrid([0.0, 0.02, 0.1, 0.15, 0.4])
PATHS = 2**15
follow = jax.jit(lambda market, grid, shocks: jax.vmap(lambda z: market.path(grid, z).quotes)(shocks))


def states(quotes: dict[str, np.ndarray]) -> np.ndarray:
    """Rows (level, slope, skew, wing) from what is quoted: the inverse of the equations of the class."""
    theta = np.stack([quotes[f"X.ssvi.theta.{t:g}"] for t in TODAY["tenors"]], axis=-1)
    growth = np.log(np.diff(theta, axis=-1, prepend=0) / np.diff(TODAY["levels"], prepend=0))
    slope = (growth[..., 2] - growth[..., 0]) / np.log(10.0)
    rho, eta = quotes["X.ssvi.rho"], quotes["X.ssvi.eta"]
    share, first = eta * np.sqrt(1 + np.abs(rho)) / 2, np.sqrt(1.6) / 2
    skew = np.arctanh(rho / 0.999) - np.arctanh(-0.6 / 0.999)
    return np.stack([growth[..., 0], slope, skew, np.log(share / (1 - share)) - np.log(first / (1 - first))], axis=-1)


@lru_cache
def simulated() -> tuple[np.ndarray, np.ndarray]:
    market = MovingSurface(SPOT, "X", DYNAMICS, **TODAY)
    shocks = np.random.default_rng(0).standard_normal((PATHS, *market.shocks(GRID)), np.float32)
    quotes = {name: np.asarray(quote, float) for name, quote in follow(market, GRID, shocks).items()}
    np.testing.assert_allclose(quotes["X.vol"] ** 2 * 0.1, quotes["X.ssvi.theta.0.1"], rtol=1e-5)
    return states(quotes), np.log(quotes["X"])


def test_the_states_have_their_joint_moments_given_the_spot():
    """Means, covariances over time and with the spot, from the recursion over unequal steps, by hand."""
    x, log = simulated()
    t = np.asarray(GRID.times, float)
    expected = MEAN * (1 - np.exp(-KAPPA * t[:, None]))
    noise = np.sqrt((1 - LEVERAGE**2)[:, None] * (1 - LEVERAGE**2)) * REST + np.outer(LEVERAGE, LEVERAGE)
    covariance, with_spot = np.zeros((4, 4)), np.zeros(4)
    for n, dt in enumerate(np.diff(t)):
        kept, spread = np.exp(-KAPPA * dt), VOL * np.sqrt((1 - np.exp(-2 * KAPPA * dt)) / (2 * KAPPA))
        covariance = np.outer(kept, kept) * covariance + np.outer(spread, spread) * noise
        with_spot = kept * with_spot + spread * LEVERAGE * 0.2 * np.sqrt(dt)
        now = x[:, n + 1] - expected[n + 1]
        move = (log[:, n + 1] - log[:, 0] - 0.01 * t[n + 1])[:, None]
        products = now[:, :, None] * now[:, None, :]
        for found, theory in ((now, 0.0), (products, covariance), (now * move, with_spot)):
            error = found.std(axis=0) / np.sqrt(PATHS)
            assert (np.abs(found.mean(axis=0) - theory) < 4 * error).all()
        if n == 2:  # and from here to the end
            early, kept = covariance, np.exp(-KAPPA * (t[4] - t[3]))
            later = now[:, :, None] * (x[:, 4] - expected[4])[:, None, :]
            error = later.std(axis=0) / np.sqrt(PATHS)
            assert (np.abs(later.mean(axis=0) - early * kept) < 4 * error).all()


def test_a_named_motion_and_a_standardised_return_move_the_surface_alike():
    """A flat local volatility names its Brownian motion; the return of the same spot says as much."""
    flat = LocalVolatility("X", 100.0, (0.5, 1.0), (0.02, 0.04), 0.0, 0.0, rate=0.03)
    assert flat.drivers()
    named = MovingSurface(flat, "X", DYNAMICS, **TODAY)
    shocks = jnp.asarray(np.random.default_rng(1).standard_normal((16, 4, 5)), jnp.float32)
    a, b = (follow(market, GRID, shocks) for market in (named, MovingSurface(SPOT, "X", DYNAMICS, **TODAY)))
    for name in a:
        np.testing.assert_allclose(a[name], b[name], rtol=2e-4)
    rows = named.drivers()
    matrix = np.stack([rows["X"]] + [rows[f"X.ssvi.{state}"] for state in ("level", "slope", "skew", "wing")])
    np.testing.assert_allclose(np.diagonal(matrix @ matrix.T), 1.0, rtol=1e-5)
    np.testing.assert_allclose((matrix @ matrix.T)[0, 1:], LEVERAGE, atol=1e-6)


def test_still_dynamics_leave_todays_surface_and_nothing_else_changes():
    market = MovingSurface(SPOT, "X", SurfaceDynamics(4.0, 0.0), **TODAY)
    shocks = jnp.asarray(np.random.default_rng(1).standard_normal((16, 4, 5)), jnp.float32)
    quotes = follow(market, GRID, shocks)
    for name, value in {"rho": -0.6, "eta": 1.0, "gamma": 0.4, "theta.0.5": 0.021, "theta.1": 0.045}.items():
        np.testing.assert_allclose(quotes[f"X.ssvi.{name}"], value, rtol=1e-5)
    inner = jax.vmap(lambda z: SPOT.path(GRID, z).quotes)(shocks[..., :1])
    np.testing.assert_allclose(quotes["X"], inner["X"], rtol=1e-6)
    assert market.martingale


def test_the_dynamics_are_found_again_in_a_history():
    steps, dt = 5000, 1 / 252
    grid = dh.TimeGrid.uniform(maturity=steps * dt, steps=steps)
    calm = MovingSurface(BlackScholes("X", vol=0.2), "X", DYNAMICS, **TODAY)
    shocks = np.random.default_rng(5).standard_normal((1, *calm.shocks(grid)), np.float32)
    quotes = {name: np.asarray(quote, float)[0] for name, quote in follow(calm, grid, shocks).items()}
    levels = np.stack([quotes[f"X.ssvi.theta.{t:g}"] for t in TODAY["tenors"]], axis=1)
    found = fit_surface_dynamics(
        TODAY["tenors"], levels, quotes["X.ssvi.rho"], quotes["X.ssvi.eta"], dt=dt, spot=quotes["X"]
    )
    truth = {"mean_reversion": KAPPA, "vol": VOL, "leverage": LEVERAGE, "mean": MEAN - states(quotes)[-1]}
    for field, value in truth.items():
        error = found.errors[field]
        assert (np.abs(np.asarray(getattr(found.dynamics, field)) - value) < 3.5 * error + 1e-9).all(), field
        assert (error < 0.4 * np.maximum(np.abs(value), 0.5)).all()
    np.testing.assert_allclose(found.dynamics.correlation, REST, atol=0.06)
    # an AR(1) of length n: Var of the slope is (1 - b^2) / n
    b = np.exp(-KAPPA * dt)
    np.testing.assert_allclose(found.errors["mean_reversion"] * dt * b, np.sqrt((1 - b**2) / steps), rtol=0.2)
    MovingSurface(SPOT, "X", found.dynamics, TODAY["tenors"], found.levels, found.rho, found.eta)


def test_histories_that_do_not_fit_are_refused():
    n = 200
    levels = np.outer(np.exp(0.01 * np.arange(n)), [0.01, 0.02])
    with pytest.raises(DataError, match="level does not revert"):
        fit_surface_dynamics((0.5, 1.0), levels, np.full(n, -0.5), np.ones(n), dt=1 / 252)
    with pytest.raises(DataError, match="points"):
        fit_surface_dynamics((0.5, 1.0), levels[:50], np.full(50, -0.5), np.ones(50), dt=1 / 252)
    with pytest.raises(DataError, match="eta"):
        fit_surface_dynamics((0.5, 1.0), levels, np.full(n, -0.5), np.full(n, 1.8), dt=1 / 252)


@pytest.mark.parametrize(
    "wrong", [{"tenors": (0.5, 0.1, 1.0)}, {"levels": (0.02, 0.01, 0.03)}, {"rho": 1.0}, {"eta": 1.7}, {"gamma": 0.7}]
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        MovingSurface(SPOT, "X", DYNAMICS, **(TODAY | wrong))


@pytest.mark.parametrize(
    "wrong", [{"mean_reversion": 0.0}, {"vol": -1.0}, {"leverage": 1.1}, {"correlation": np.ones((4, 4))}]
)
def test_dynamics_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        SurfaceDynamics(**({"mean_reversion": 1.0, "vol": 1.0} | wrong))
