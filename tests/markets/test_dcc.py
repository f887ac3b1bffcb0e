"""Dynamic conditional correlation against a plain NumPy recursion, its limits, and the model that made the data."""

from functools import lru_cache

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge.core.errors import DataError, GridError, ParameterError
from deephedge.markets import BlackScholes, Dcc, Gjr, fit_dcc

STEPS, PATHS = 10, 2**13
GRID = dh.TimeGrid.uniform(maturity=STEPS / 252, steps=STEPS)
NAMES = ("SPX", "DAX", "OIL")
LAWS = ((2e-6, 0.02, 0.1, 0.9), (5e-6, 0.05, 0.02, 0.9), (4e-6, 0.04, 0.06, 0.9))
NEWS, MEMORY = 0.06, 0.9
TARGET = np.array([[1.0, 0.6, 0.2], [0.6, 1.0, -0.1], [0.2, -0.1, 1.0]])
VARIANCE = np.array([1e-4, 2e-4, 4e-4])
PAIRS = ((0, 1), (0, 2), (1, 2))


def market(laws=LAWS, news=NEWS, memory=MEMORY, **more) -> Dcc:
    return Dcc(NAMES, tuple(Gjr(*law) for law in laws), news, memory, TARGET, **({"variance": VARIANCE} | more))


def rotated() -> np.ndarray:
    rows = np.random.default_rng(1).standard_t(5, (200, 3)) * np.sqrt(3 / 5)
    rows = rows[np.argsort(rows[:, 0])]
    return rows - rows.mean(0)


def follow(drawn, history=None):
    """The recursion of the docstring: log returns less their compensators, variances, and correlation matrices."""
    h, q = VARIANCE, TARGET
    omega, alpha, gamma, beta = np.array(LAWS).T
    moves, variances, matrices = [], [h], [q]
    for eta in drawn:
        d = np.sqrt(np.diag(q))
        factor = np.linalg.cholesky(q / np.outer(d, d))
        z, sigma = factor @ eta, np.sqrt(h)
        every = h / 2 if history is None else np.log(np.mean(np.exp(sigma * (history @ factor.T)), axis=0))
        moves.append(sigma * z - every)
        h = omega + (alpha + gamma * (z < 0)) * (sigma * z) ** 2 + beta * h
        q = (1 - NEWS - MEMORY) * TARGET + NEWS * np.outer(z, z) + MEMORY * q
        d = np.sqrt(np.diag(q))
        variances.append(h)
        matrices.append(q / np.outer(d, d))
    return np.array(moves), np.array(variances), np.array(matrices)


@eqx.filter_jit
def paths(market, shocks):
    return jax.vmap(market.path, (None, 0))(GRID, shocks).quotes


@lru_cache
def simulated() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    shocks = jax.random.normal(jax.random.key(0), (PATHS, STEPS, 3)).at[5:9].multiply(4.0)  # four of them are wild
    return np.asarray(shocks, float), {name: np.asarray(x, float) for name, x in paths(market(), shocks).items()}


def compare(quotes, n, moves, variances, matrices):
    for k, name in enumerate(NAMES):
        np.testing.assert_allclose(quotes[name][n], np.exp(np.r_[0, np.cumsum(moves[:, k])]), rtol=3e-6)
        np.testing.assert_allclose(quotes[f"{name}.vol"][n], np.sqrt(252 * variances[:, k]), rtol=1e-5)
    for i, j in PAIRS:
        np.testing.assert_allclose(quotes[f"{NAMES[i]}.{NAMES[j]}.correlation"][n], matrices[:, i, j], atol=3e-6)


def test_a_second_implementation_makes_the_same_path():
    shocks, quotes = simulated()
    for n in range(5):
        compare(quotes, n, *follow(shocks[n]))


def test_days_of_history_have_their_exact_compensator():
    shocks = np.random.default_rng(3).standard_normal((4, STEPS, 1))
    rows = rotated()
    quotes = paths(market(residuals=rows), shocks.astype(np.float32))
    for n in range(4):
        chosen = np.floor(norm.cdf(shocks[n, :, 0]) * 200).astype(int)
        compare(quotes, n, *follow(rows[chosen], rows))


def test_a_days_moves_have_the_correlation_that_was_announced():
    """Given all of the past: products of moves less the correlation are 0 on average, and no bet wins."""
    _, quotes = simulated()
    keep = np.r_[0:5, 9:PATHS]
    z = {}
    for name in NAMES:
        h = quotes[f"{name}.vol"][keep, :-1] ** 2 / 252
        z[name] = (np.diff(np.log(quotes[name][keep]), axis=1) + h / 2) / np.sqrt(h)
    for i, j in PAIRS:
        announced = quotes[f"{NAMES[i]}.{NAMES[j]}.correlation"][keep, :-1]
        gap = z[NAMES[i]] * z[NAMES[j]] - announced
        for bet in (np.ones_like(gap), announced - announced.mean()):
            result = (gap * bet)[:, 1:].mean(1)
            assert abs(result.mean()) < 4 * result.std() / np.sqrt(len(keep)) + 1e-9


def test_correlations_stay_positive_definite_after_wild_days():
    _, quotes = simulated()
    matrix = np.tile(np.eye(3), (PATHS, STEPS + 1, 1, 1))
    for i, j in PAIRS:
        matrix[..., i, j] = matrix[..., j, i] = quotes[f"{NAMES[i]}.{NAMES[j]}.correlation"]
    least = np.linalg.eigvalsh(matrix)[..., 0]
    assert least.min() > 0 and matrix[5:9].max(where=~np.eye(3, dtype=bool), initial=-1) > 0.9


def test_without_news_it_is_black_scholes():
    shocks = np.random.default_rng(4).standard_normal((PATHS, STEPS, 3)).astype(np.float32)
    still = market(laws=[(h, 0.0, 0.0, 0.0) for h in VARIANCE], news=0.0, memory=0.0)
    plain = BlackScholes(NAMES, np.sqrt(252 * VARIANCE), correlation=TARGET)
    found, expected = paths(still, shocks), paths(plain, shocks[:64])
    for name in NAMES:
        np.testing.assert_allclose(found[name][:64], expected[name], rtol=1e-5)


def test_the_fit_finds_the_model_that_made_the_data():
    moves, variances, matrices = follow(np.random.default_rng(7).standard_normal((4000, 3)))
    logs = moves + variances[:-1] / 2
    history = dict(zip(NAMES, np.exp(np.cumsum(np.r_[np.zeros((1, 3)), logs], axis=0)).T, strict=True))
    found, errors, path = fit_dcc(history, spot={"SPX": 1.0})
    assert abs(float(found.news) - NEWS) < 4 * errors["news"] and errors["news"] < 0.012
    assert abs(float(found.memory) - MEMORY) < 4 * errors["memory"] and errors["memory"] < 0.04
    np.testing.assert_allclose(found.target, TARGET, atol=0.08)
    for i, j in PAIRS:
        assert np.corrcoef(path[:, i, j], matrices[:, i, j])[0, 1] > 0.95
    for law, (_, alpha, gamma, beta) in zip(found.garch, LAWS, strict=True):
        np.testing.assert_allclose([law.alpha, law.gamma, law.beta], [alpha, gamma, beta], atol=0.035)
    np.testing.assert_allclose(found.variance, variances[-1], rtol=0.25)
    own = fit_dcc({name: row[:1500] for name, row in history.items()}, residuals="historical", drift="historical")
    np.testing.assert_allclose(np.cov(own.market.residuals.rows.T), np.eye(3), atol=0.1)
    assert not own.market.martingale and own.market.shocks(GRID) == (STEPS, 1)


def test_bad_input_is_refused():
    with pytest.raises(GridError, match="trading day"):
        market().shocks(dh.TimeGrid.uniform(maturity=30 / 365, steps=30))
    for more, message in (
        ({"news": -0.1}, "news"),
        ({"memory": 0.95}, "news . memory must be below 1"),
        ({"laws": LAWS[:2]}, "garch must have 3"),
        ({"variance": 0.0}, "variance"),
        ({"start": -TARGET}, "start must be symmetric and positive"),
        ({"residuals": np.ones((9, 2))}, "residuals must have 3"),
        ({"spot": 0.0}, "spot"),
    ):
        with pytest.raises(ParameterError, match=message):
            market(**more)
    long = np.exp(np.random.default_rng(0).standard_normal((2, 400)))
    with pytest.raises(ParameterError, match="two prices"):
        fit_dcc({"a": long[0]})
    with pytest.raises(ParameterError, match="residuals"):
        fit_dcc({"a": long[0], "b": long[1]}, residuals="student")
    with pytest.raises(DataError, match="positive"):
        fit_dcc({"a": long[0], "b": -long[1]})
