"""Regime switching: prices by a matrix exponential, moments of the chain and of the spot, order in the step."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.stats import norm

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import RegimeSwitching

Q = np.array([[-1.0, 0.8, 0.2], [2.0, -3.0, 1.0], [1.0, 5.0, -6.0]])
VOLS = np.array([0.1, 0.25, 0.6])
MARKET = RegimeSwitching("SPX", VOLS, Q, regime=1, spot=100.0, rate=0.04, dividend=0.01)
TIMES = np.concatenate([[0.0, 0.1, 0.2, 0.35], np.linspace(0.5, 1.0, 11)])
PATHS = 2**15


@lru_cache
def simulated(alike: bool = False) -> dict[str, np.ndarray]:
    """The market, or one with the same shapes: one program."""
    market = eqx.tree_at(lambda m: m.vols, MARKET, jnp.full(3, 0.2)) if alike else MARKET
    batch = dh.sample(market, dh.TimeGrid(TIMES), PATHS, key=jax.random.key(3), method="random")
    return {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def exact_calls(strikes: np.ndarray, tau: float) -> np.ndarray:
    """Lewis's integral of 1' expm((Q + diag(phi)) T) 1, from state 1, discounted."""
    forward, nodes = 100.0 * np.exp(0.03 * tau), np.linspace(-60.0, 60.0, 601)
    phi = [expm((Q - 0.5 * np.diag(VOLS**2) * (u * u + 0.25)) * tau)[1].sum() for u in nodes]
    turn = np.exp(1j * np.outer(np.log(forward / strikes), nodes)) * phi / (nodes**2 + 0.25)
    return np.exp(-0.04 * tau) * (forward - np.sqrt(forward * strikes) / np.pi / 2 * np.trapezoid(turn.real, nodes))


def scheme_calls(strikes: np.ndarray, tau: float, steps: int) -> np.ndarray:
    """The same for the scheme: over a step the transform of a pair of states is that of a normal with their mean."""
    h, forward, nodes = tau / steps, 100.0 * np.exp(0.03 * tau), np.linspace(-60.0, 60.0, 601)
    whole = expm(np.block([[Q, np.diag(VOLS**2)], [np.zeros((3, 3)), Q]]) * h)
    chance, mean = whole[:3, :3], whole[:3, 3:] / whole[:3, :3]
    step = chance * np.exp(-0.5 * mean * (nodes**2 + 0.25)[:, None, None])
    phi = np.linalg.matrix_power(step, steps)[:, 1].sum(-1)
    turn = np.exp(1j * np.outer(np.log(forward / strikes), nodes)) * phi / (nodes**2 + 0.25)
    return np.exp(-0.04 * tau) * (forward - np.sqrt(forward * strikes) / np.pi / 2 * np.trapezoid(turn.real, nodes))


STRIKES = np.array([70.0, 90.0, 100.0, 110.0, 140.0])


def test_calls_cost_what_the_matrix_exponential_says():
    spot, bias = simulated()["SPX"][:, -1], scheme_calls(STRIKES, 1.0, 13) - exact_calls(STRIKES, 1.0)
    assert np.abs(bias).max() < 0.02
    for strike, price in zip(STRIKES, exact_calls(STRIKES, 1.0), strict=True):
        assert errors(np.exp(-0.04) * np.maximum(spot - strike, 0.0), price) < 3.0


def test_the_scheme_is_of_order_two():
    gaps = [np.abs(scheme_calls(STRIKES, 1.0, n) - exact_calls(STRIKES, 1.0)).max() for n in (8, 32)]
    assert 1.7 < np.log(gaps[0] / gaps[1]) / np.log(4.0) < 2.3


def test_the_chain_has_its_transitions_and_the_spot_its_variance():
    quotes = simulated()
    state = quotes["SPX.regime"]
    np.testing.assert_allclose(quotes["SPX.vol"], VOLS[state.astype(int)], rtol=1e-6)
    for i in range(3):
        for j in range(3):
            joint = expm(Q * 0.1)[1, i] * expm(Q * 0.9)[i, j]
            assert errors((state[:, 1] == i) & (state[:, -1] == j), joint) < 3.5
    moves = np.diff(np.log(quotes["SPX"]), axis=1) - 0.03 * np.diff(TIMES)
    block = expm(np.block([[Q, np.diag(VOLS**2)], [np.zeros((3, 3)), Q]]) * 0.15)[:3, 3:]
    area = expm(Q * 0.2)[1] @ block
    for j in range(3):  # of the third step, by the state that it ends in
        ends = state[:, 3] == j
        assert errors(moves[:, 2] * ends, -0.5 * area[j]) < 3.5
        assert errors(moves[:, 2] ** 2 * ends, area[j]) < 4.5  # up to the square of the mean
    squares = moves**2 - (moves**2).mean(axis=0)
    assert (squares[:, 0] * squares[:, 1]).mean() / (squares[:, 0] * squares[:, 1]).std() * 2**8 > 5.0  # clusters


def test_states_alike_are_black_and_scholes():
    spot = simulated(alike=True)["SPX"][:, -1]
    for strike in STRIKES:
        d = (np.log(100.0 / strike) + 0.03) / 0.2 + 0.1
        expected = 100.0 * np.exp(-0.01) * norm.cdf(d) - strike * np.exp(-0.04) * norm.cdf(d - 0.2)
        assert errors(np.exp(-0.04) * np.maximum(spot - strike, 0.0), expected) < 3.0


def test_each_state_drifts_by_itself():
    """E S = 1' expm((Q + diag(mu)) T) 1 up to second order in the step, of days."""
    market = RegimeSwitching("SPX", VOLS, Q, regime=0, spot=1.0, drifts=(0.3, -0.2, -3.0))
    batch = dh.sample(market, dh.TimeGrid(TIMES / 10), 2**14, key=jax.random.key(1))
    expected = expm((Q + np.diag([0.3, -0.2, -3.0])) * 0.1)[0].sum()
    assert errors(np.asarray(batch.quotes["SPX"][:, -1], float), expected) < 3.5


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"vols": (0.1, -0.2)}, "vols"),
        ({"generator": [[-1, 1], [1, 1]]}, "sum to 0"),
        ({"generator": [[1, -1], [1, -1]]}, "off its diagonal"),
        ({"generator": [[0.0]]}, "generator"),
        ({"regime": 2}, "regime"),
        ({"drifts": (0.1,)}, "drifts"),
        ({"spot": 0.0}, "spot"),
    ],
)
def test_parameters_outside_their_domain_are_refused(wrong, words):
    with pytest.raises(ParameterError, match=words):
        RegimeSwitching("SPX", **{"vols": (0.1, 0.2), "generator": [[-1, 1], [1, -1]], **wrong})
