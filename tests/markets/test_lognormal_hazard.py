"""The lognormal intensity: exact moments, survival against a fine lattice, default, and order in the step."""

import equinox as eqx
import jax
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import LognormalHazard

PATHS = 2**15
UNEVEN = dh.TimeGrid([0.0, 0.25, 0.5, 1.0, 2.0])
TIMES = np.asarray(UNEVEN.times, float)
LAW = dict(intensity=0.2, mean_reversion=0.6, level=0.3, vol=0.9)
survival = eqx.filter_jit(lambda market, *state: market.survival(*state))


def market(**changes) -> LognormalHazard:
    return LognormalHazard("ACME", **(LAW | {"tenors": (4,)} | changes))


def walk(grid, method="random") -> dict[str, np.ndarray]:
    batch = dh.sample(market(), grid, PATHS, key=jax.random.key(4), method=method)
    return {key[5:]: np.asarray(x, float) for key, x in batch.quotes.items()}


@pytest.fixture(scope="module")
def walked() -> dict[str, np.ndarray]:
    return walk(UNEVEN)


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def fine(tau: float, intensity, nodes: int = 500, steps: int = 200) -> np.ndarray:
    """Survival by a lattice in NumPy, five times finer in time and wider than the market's."""
    kappa, centre, sigma = LAW["mean_reversion"], np.log(LAW["level"]), LAW["vol"]
    y, dt = centre + np.linspace(-6.5, 6.5, nodes), tau / steps
    spread = sigma**2 * (1 - np.exp(-2 * kappa * dt)) / (2 * kappa)
    kernel = np.exp(-0.5 * (y - centre - (y - centre)[:, None] * np.exp(-kappa * dt)) ** 2 / spread)
    kernel /= kernel.sum(axis=1, keepdims=True)
    half, odds = np.exp(-0.5 * dt * np.exp(y)), np.ones(nodes)
    for _ in range(steps):
        odds = half * (kernel @ (half * odds))
    return np.exp(np.interp(np.log(intensity), y, np.log(np.maximum(odds, 1e-300))))


def test_the_log_intensity_has_its_joint_moments(walked):
    kappa, centre = LAW["mean_reversion"], np.log(LAW["level"])
    y, decay = np.log(walked["intensity"]), np.exp(-kappa * TIMES)
    mean = centre + (np.log(LAW["intensity"]) - centre) * decay
    spread = LAW["vol"] ** 2 * (1 - decay**2) / (2 * kappa)
    for early, late in ((1, 1), (1, 3), (2, 4)):
        assert errors(y[:, late], mean[late]) < 3.5
        joint = (y[:, early] - mean[early]) * (y[:, late] - mean[late])
        assert errors(joint, spread[early] * decay[late] / decay[early]) < 4.0


def test_survival_is_that_of_a_fine_lattice(walked):
    rates = np.array([0.05, 0.2, 0.5])
    for tau in (0.3, 1.7, 4.0):
        np.testing.assert_allclose(survival(market(), rates, 0.0, np.full(3, tau)), fine(tau, rates), rtol=2e-4)
    np.testing.assert_allclose(walked["survival.4y"][:, 0], fine(4.0, 0.2), rtol=2e-4)
    np.testing.assert_allclose(walked["spread.4y"][:, 0], -np.log(0.4 + 0.6 * fine(4.0, 0.2)) / 4, rtol=1e-3)


def test_default_comes_at_the_rate_of_the_path_and_bonds_of_any_date_are_fair():
    path = walk(dh.TimeGrid.uniform(2.0, 32))
    alive = path["alive"]
    assert (np.diff(alive, axis=1) <= 0).all()
    for n in (8, 16, 32):
        assert errors(alive[:, n], fine(n / 16, 0.2)) < 3.5
    odds = np.exp(path["compensator"][:, 8] - path["compensator"][:, 16])
    for bet in (1.0, path["intensity"][:, 16] > 0.3):
        assert errors((alive[:, 16] - alive[:, 8] * odds) * bet, 0.0) < 3.5
    later = alive[:, 16] * path["survival.4y"][:, 16]
    assert errors(later, fine(5.0, 0.2)) < 3.5


def test_the_survival_of_the_steps_is_of_order_two():
    exact = fine(2.0, 0.2, steps=400)
    means = [np.exp(-walk(dh.TimeGrid.uniform(2.0, n), "sobol")["compensator"][:, -1]).mean() for n in (1, 2)]
    gaps = np.array(means) - exact
    assert 3.0 < gaps[0] / gaps[1] < 5.5


def test_the_level_is_fitted_to_a_survival_probability():
    found = LognormalHazard.fitted("ACME", 0.02, 0.3, 0.8, (5.0, 0.87), recovery=0.3)
    assert float(found.recovery) == np.float32(0.3)
    assert abs(float(survival(found, 0.02, 0.0, 5.0)) - 0.87) < 2e-6
    with pytest.raises(ParameterError, match="out of reach"):
        LognormalHazard.fitted("ACME", 0.02, 0.3, 0.8, (5.0, 0.9999))


@pytest.mark.parametrize(
    "wrong",
    [{"intensity": 0.0}, {"mean_reversion": -0.1}, {"level": 0.0}, {"vol": 0.0}, {"recovery": 1.0}, {"tenors": ()}],
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        market(**wrong)
    with pytest.raises(ParameterError, match="longest of tenors"):
        market().survival(0.1, 0.0, 5.0)
