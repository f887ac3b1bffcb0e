"""GARCH markets: Heston and Nandi against their closed form in NumPy, GJR against its moments in theory."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import deephedge as dh
from deephedge.core.errors import GridError, ParameterError
from deephedge.markets import Gjr, GjrGarch, HestonNandi
from deephedge.pricing import heston_nandi

DAILY = dict(omega=5e-6, alpha=1e-6, beta=0.6, gamma=500.0)
MARKET = HestonNandi("SPX", 100.0, 2.5e-4, **DAILY, rate=0.05)
MONTHLY = GjrGarch("SPX", Gjr(1.8216e-4, 2.6565e-4, 0.342757, 0.706114), drift=0.0640092)  # Neagu et al. (2025)
STEPS, PATHS = 60, 2**15
STRIKES = np.array([80.0, 95.0, 100.0, 105.0, 120.0])


calls = jax.jit(lambda *x: heston_nandi.price(*x[:3], STEPS, *x[3:]))


@lru_cache
def simulated() -> dict[str, np.ndarray]:
    grid = dh.TimeGrid.uniform(maturity=STEPS / 252, steps=STEPS)
    batch = dh.sample(MARKET, grid, PATHS, key=jax.random.key(1), method="random")
    return {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}


@eqx.filter_jit
def follow(market, grid, shocks):
    return jax.vmap(lambda one: market.path(grid, one).quotes)(shocks)


def months(market: GjrGarch) -> tuple[np.ndarray, np.ndarray]:
    """(variances of the steps, log returns)"""
    shocks = jax.random.normal(jax.random.key(4), (2**16, 12, 1))
    quotes = follow(market, dh.TimeGrid.uniform(maturity=1.0, steps=12), shocks)
    return np.asarray(quotes["SPX.variance"], float) / 12, np.diff(np.log(np.asarray(quotes["SPX"], float)))


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def generating(phi: np.ndarray, steps: int, h: float) -> np.ndarray:
    """E (S_T / F)^phi by the recursion of the paper, with its premium at -1/2 and no rate."""
    omega, alpha, beta, gamma = DAILY.values()
    a = b = np.zeros_like(phi)
    for _ in range(steps):
        rest = 1.0 - 2.0 * alpha * b
        a, b = (
            a + b * omega - 0.5 * np.log(rest),
            phi * (gamma - 0.5) - 0.5 * gamma**2 + beta * b + 0.5 * (phi - gamma) ** 2 / rest,
        )
    return np.exp(a + b * h)


def exact_calls(forward: float, strikes: np.ndarray, steps: int, h: float) -> np.ndarray:
    """Heston and Nandi's formula: two probabilities, each an integral."""
    u = np.linspace(1e-6, 250.0, 20_001)
    phase = np.exp(-1j * np.outer(np.log(strikes / forward), u)) / (1j * u)
    first, second = (np.trapezoid((phase * generating(1j * u + n, steps, h)).real, u) / np.pi for n in (1, 0))
    return forward * (0.5 + first) - strikes * (0.5 + second)


def test_the_price_is_that_of_the_paper_and_of_the_simulation():
    forward, discount = 100.0 * np.exp(0.05 * STEPS / 252), np.exp(-0.05 * STEPS / 252)
    exact = exact_calls(forward, STRIKES, STEPS, 2.5e-4)
    np.testing.assert_allclose(calls(forward, jnp.array(STRIKES), 2.5e-4, *DAILY.values()), exact, atol=1e-4)
    spot = simulated()["SPX"][:, -1]
    for strike, price in zip(STRIKES, exact, strict=True):
        assert errors(discount * np.maximum(spot - strike, 0.0), discount * price) < 3.0


def test_without_feedback_it_is_black_and_scholes():
    ours, total = calls(100.0, jnp.array(STRIKES), 1e-4, 1e-4, 0.0, 0.0, 400.0), np.sqrt(STEPS * 1e-4)
    d = np.log(100 / STRIKES) / total + 0.5 * total
    np.testing.assert_allclose(ours, 100 * stats.norm.cdf(d) - STRIKES * stats.norm.cdf(d - total), atol=2e-5)


def test_the_variance_has_its_mean_its_memory_and_its_leverage():
    h = simulated()["SPX.variance"] / 252
    z = np.diff(np.log(simulated()["SPX"]), axis=1) - 0.05 / 252 + 0.5 * h[:, :-1]
    omega, alpha, beta, gamma = DAILY.values()
    memory, base = beta + alpha * gamma**2, omega + alpha
    level, mean = base / (1 - memory), 2.5e-4
    for point in range(1, 31):
        before, mean = mean, base + memory * mean
        if point in (1, 5, 30):
            assert errors(h[:, point], mean) < 3.5
            assert errors(z[:, point - 1] * h[:, point], -2.0 * alpha * gamma * before) < 3.5  # E z sqrt(h) h'
    ahead = level + memory**10 * (h[:, 20] - level)
    assert errors((h[:, 30] - ahead) * (h[:, 20] > level), 0.0) < 3.5
    np.testing.assert_allclose(simulated()["SPX.vol"] ** 2, simulated()["SPX.variance"], rtol=1e-5)


def test_monthly_gjr_has_its_moments():
    """From the long-run variance, which is then the mean at every step; second moments follow a linear recursion."""
    h, moves = months(MONTHLY)
    omega, alpha, gamma, beta = 1.8216e-4, 2.6565e-4, 0.342757, 0.706114
    level = omega / (1 - alpha - gamma / 2 - beta)
    noise = moves - 0.0640092 / 12 + 0.5 * h[:, :-1]
    kept = 3 * (alpha**2 + alpha * gamma + gamma**2 / 2) + 2 * beta * (alpha + gamma / 2) + beta**2
    second = level**2
    for point in (1, 2, 3, 6, 12):
        assert errors(h[:, point], level) < 3.5
        assert errors(noise[:, point - 1] ** 2, level) < 3.5
    for point in range(1, 5):
        second = omega**2 + 2 * omega * (alpha + gamma / 2 + beta) * level + kept * second
        assert errors(h[:, point] ** 2, second) < 4.0
    assert errors(noise[:, 0] * h[:, 1], -gamma * level**1.5 * np.sqrt(2 / np.pi)) < 3.5
    assert errors(np.exp(moves[:, 3]), np.exp(0.0640092 / 12)) < 3.5


def test_student_innovations_have_variance_one_and_their_quantiles():
    flat = GjrGarch("SPX", Gjr(1e-4, 0.0, 0.0, 0.0), drift=0.0, freedom=5.0)
    shocks = np.linspace(-8.0, 8.0, 2**16).reshape(-1, 1, 1) * np.ones((1, 12, 1))
    spot = follow(flat, dh.TimeGrid.uniform(maturity=1.0, steps=12), jnp.asarray(shocks, jnp.float32))["SPX"]
    z = (np.log(np.asarray(spot[:, 1], float)) + 0.5e-4) / 1e-2
    z, normal = z[::4096], shocks[::4096, 0, 0]
    expected = stats.t(5).isf(stats.norm.sf(np.abs(normal))) * np.sign(normal) * np.sqrt(3 / 5)
    np.testing.assert_allclose(z, expected, rtol=2e-4, atol=2e-4)
    _, moves = months(flat)
    assert errors((moves[:, 0] + 0.5e-4) ** 2, 1e-4) < 3.5
    assert errors((moves[:, 0] + 0.5e-4) * (moves[:, 1] + 0.5e-4), 0.0) < 3.5


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"omega": -1e-6}, "omega"), ({"beta": 0.9}, "beta"), ({"variance": 0.0}, "variance"), ({"spot": 0.0}, "spot")],
)
def test_parameters_outside_their_domain_are_refused(wrong, words):
    with pytest.raises(ParameterError, match=words):
        HestonNandi("SPX", **{"spot": 100.0, "variance": 1e-4, **DAILY, **wrong})


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"garch": (1e-6, 0.1, 0.2, 0.9)}, "below 1"),
        ({"garch": (-1e-6, 0.1, 0.2, 0.5)}, "omega"),
        ({"garch": (1e-6, 0.1, -0.2, 0.5)}, "alpha"),
        ({"freedom": 2.0}, "freedom"),
        ({"freedom": 5.0}, "drift"),
        ({"variance": 0.0}, "variance"),
    ],
)
def test_gjr_outside_its_domain_is_refused(wrong, words):
    settings = {"garch": (1e-6, 0.1, 0.1, 0.8), **wrong}
    with pytest.raises(ParameterError, match=words):
        GjrGarch("SPX", **settings | {"garch": Gjr(*settings["garch"])})


@pytest.mark.parametrize("market", [MARKET, MONTHLY], ids=["heston_nandi", "gjr"])
def test_unequal_steps_are_refused(market):
    with pytest.raises(GridError, match="one length"):
        market.shocks(dh.TimeGrid([0.0, 0.1, 0.3]))
