"""Learnt markets, untrained: signatures against algebra, martingales against quadrature, bad parameters refused."""

import itertools
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge import markets as m
from deephedge.core.errors import DataError, GridError, ParameterError
from deephedge.markets.generative import bounded, signature, words
from deephedge.markets.generative import window as window_module

KEY = jax.random.key(0)
GRID = dh.TimeGrid.uniform(maturity=8 / 252, steps=8)
signatures = jax.jit(jax.vmap(lambda path: signature(path, 4)))


def numbers(path: np.ndarray) -> dict[tuple[int, ...], float]:
    """Iterated integrals of a piecewise linear path by recursion over the pieces, in float64, by their definition."""
    moves = np.diff(np.asarray(path, float), axis=0)
    depth, channels = 4, path.shape[1]
    now = {(): 1.0} | {word: 0.0 for k in range(1, depth + 1) for word in itertools.product(range(channels), repeat=k)}
    for move in moves:
        piece = {word: float(np.prod(move[list(word)])) / np.prod(range(1, len(word) + 1)) for word in now}
        now = {word: sum(now[word[:i]] * piece[word[i:]] for i in range(len(word) + 1)) for word in now}
    return now


@lru_cache
def walks() -> tuple[np.ndarray, np.ndarray]:
    """A batch of paths in three channels, the first a straight line and the second one too, and their signatures."""
    rng = np.random.default_rng(0)
    paths = np.cumsum(rng.normal(0, 0.4, (16, 7, 3)), axis=1)
    paths[0] = np.linspace(0, 1, 7)[:, None] * np.array([1.0, -2.0, 0.5])
    return paths, np.asarray(signatures(jnp.asarray(paths, jnp.float32)), float)


def test_a_straight_line_has_the_exponential_as_its_signature():
    found = dict(zip(words(3, 4), walks()[1][0], strict=True))
    move = np.array([1.0, -2.0, 0.5])
    for word, value in found.items():
        expected = np.prod(move[list(word)]) / np.prod(range(1, len(word) + 1))
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-6)


def test_a_broken_line_agrees_with_the_sum_over_its_pieces():
    for path, found in zip(*walks(), strict=True):
        expected = numbers(path)
        np.testing.assert_allclose(found, [expected[word] for word in words(3, 4)], rtol=1e-4, atol=1e-4)


def test_products_are_sums_over_shuffles():
    def shuffles(a: tuple, b: tuple) -> list[tuple]:
        if not a or not b:
            return [a + b]
        return [(a[0], *rest) for rest in shuffles(a[1:], b)] + [(b[0], *rest) for rest in shuffles(a, b[1:])]

    for found in walks()[1]:
        s = dict(zip(words(3, 4), found, strict=True))
        for a, b in (((0,), (1,)), ((0, 1), (2,)), ((0, 1), (1, 2)), ((2,), (0, 0, 1))):
            np.testing.assert_allclose(s[a] * s[b], sum(s[w] for w in shuffles(a, b)), rtol=2e-4, atol=2e-4)


def test_the_expected_signature_of_time_and_brownian_motion():
    """Fawcett: exp(t e_0 + t/2 e_1 e_1); exact also for the path that is linear between its points in levels 1 to 3."""
    steps, count, t = 6, 20_000, 1.0
    rng = np.random.default_rng(1)
    brownian = np.cumsum(rng.normal(0, (t / steps) ** 0.5, (count, steps)), axis=1)
    paths = np.zeros((count, steps + 1, 2))
    paths[:, 1:, 1], paths[:, :, 0] = brownian, np.linspace(0, t, steps + 1)
    found = np.asarray(jax.jit(jax.vmap(lambda path: signature(path, 3)))(jnp.asarray(paths, jnp.float32)), float)
    expected = dict.fromkeys(words(2, 3), 0.0)
    expected |= {
        (0,): t,
        (0, 0): t**2 / 2,
        (0, 0, 0): t**3 / 6,
        (1, 1): t / 2,
        (0, 1, 1): t**2 / 4,
        (1, 1, 0): t**2 / 4,
    }
    error = found.std(0) / count**0.5
    # within a step time and the square grow together: a third of a step's square moves from the outer words inwards
    inner = t**2 / (12 * steps)
    expected[(0, 1, 1)] -= inner
    expected[(1, 1, 0)] -= inner
    expected[(1, 0, 1)] += 2 * inner
    for word, mean, e in zip(words(2, 3), found.mean(0), error, strict=True):
        assert abs(mean - expected[word]) < 4 * e + 1e-5, word


def test_a_bounded_signature_keeps_small_ones_and_stays_below_its_bound():
    raw, bound = jnp.asarray(walks()[1][:, :39], jnp.float32), jnp.asarray(3.0)
    found, slope = jax.jit(
        jax.vmap(lambda x: (bounded(x, 3, 3, bound), jax.grad(lambda y: jnp.sum(bounded(y, 3, 3, bound)))(x)))
    )(raw)
    before, after = (1 + np.sum(np.asarray(x, float) ** 2, axis=1) for x in (raw, found))
    expected = np.where(before <= 3.0, before, 6.0 - 9.0 / before)
    np.testing.assert_allclose(after, expected, rtol=1e-4)
    assert (before > 3.0).any() and after.max() < 6.0
    ratio = np.asarray(found / raw, float)
    np.testing.assert_allclose(ratio[:, 3:12], (ratio[:, :1] ** 2).repeat(9, axis=1), rtol=1e-3)
    step, n = np.zeros(39), int(np.argmax(before))
    step[4] = 1e-2
    up, down = (float(jnp.sum(bounded(raw[n] + sign * step, 3, 3, bound))) for sign in (1, -1))
    np.testing.assert_allclose(slope[n, 4], (up - down) / 2e-2, rtol=2e-2, atol=1e-4)


def test_a_generator_day_grows_by_nothing_on_average_whatever_its_tails():
    days = jax.jit(jax.vmap(window_module._move, (None, None, 0)))
    for sigma, steeper in ((0.01, [0.1] * 6), (0.09, [1.5, 0.1, 2.5, 0.1, 1.0, 2.9])):
        z = np.linspace(-9, 9, 3601)
        moves = np.asarray(days(jnp.float32(sigma), jnp.asarray(steeper, jnp.float32), jnp.float32(z)), float)
        weight = norm.pdf(z) * (z[1] - z[0])
        assert np.all(np.diff(moves) > 0)
        assert abs(weight @ np.exp(moves) - 1) < 1e-5
        mean = weight @ moves
        np.testing.assert_allclose(np.sqrt(weight @ (moves - mean) ** 2), sigma, rtol=2e-3)


def test_one_factor_without_a_network_is_scott_s_model():
    """log sigma is Ornstein-Uhlenbeck, but for its bound: exact autocovariance and leverage on an uneven grid."""
    market = m.NeuralSde("SPX", 0.2, key=KEY, factors=1, width=2, rate=0.02)
    market = eqx.tree_at(lambda x: x.network.layers[-1].weight, market, jnp.zeros((5, 2)))
    market = eqx.tree_at(lambda x: (x.lean, x.weight), market, (jnp.array([-0.9]), jnp.array([0.1])))
    grid = dh.TimeGrid([0.0, 0.02, 0.07, 0.2])
    path = dh.sample(market, grid, 20_000, key=KEY, method="random")
    x = np.log(np.asarray(path.quotes["SPX.vol"], float) / 0.2)
    x = 2.0 * np.arctanh(x / 2.0) / 0.1
    times, n = np.asarray(grid.times, float), len(x)
    for i, j in itertools.combinations_with_replacement(range(4), 2):
        product = x[:, i] * x[:, j]
        expected = np.exp(-10.0 * (times[j] - times[i]))
        assert abs(product.mean() - expected) < 4 * product.std() / n**0.5
    spot = np.asarray(path.quotes["SPX"], float)
    sigma = np.asarray(path.quotes["SPX.vol"], float)
    for step in range(3):
        dt = times[step + 1] - times[step]
        z = (
            (np.diff(np.log(spot), axis=1)[:, step] - (0.02 - 0.5 * sigma[:, step] ** 2) * dt)
            / sigma[:, step]
            / dt**0.5
        )
        together = z * x[:, step + 1]
        expected = np.tanh(-0.9) * np.sqrt(1 - np.exp(-20.0 * dt))
        assert abs(together.mean() - expected) < 4 * together.std() / n**0.5
        assert abs(z.mean()) < 4 / n**0.5 and abs(z.var() - 1) < 4 * (2 / n) ** 0.5


def test_a_learnt_drift_is_no_martingale_and_can_be_taken_away():
    real = m.NeuralSde("SPX", 0.2, key=KEY, width=2, learnt_drift=True, implied=True, state=(0.5, -0.5), spot=3.0)
    given = m.NeuralSde("SPX", 0.2, key=KEY, width=2, drift=0.1)
    assert not real.martingale and not given.martingale
    assert real.priced().martingale and given.priced().martingale
    moved = eqx.tree_at(lambda x: x.premium, real, jnp.array(1.0))
    shocks = jnp.zeros(real.shocks(GRID))
    paths = [jax.jit(lambda market=market: market.path(GRID, shocks))() for market in (moved, moved.priced())]
    excess = np.log(paths[0].quotes["SPX"] / paths[1].quotes["SPX"])
    assert 0.6 * GRID.times[-1] < excess[-1] < 0.9 * GRID.times[-1]  # tanh(1) = 0.76, and a small network
    np.testing.assert_array_equal(paths[0].quotes["SPX.vol"], paths[1].quotes["SPX.vol"])
    assert not np.allclose(paths[0].quotes["SPX.vol"] ** 2, paths[0].quotes["SPX.variance"])
    learnt = eqx.filter(real, m.learnable(real))
    assert learnt.spot is None and learnt.state is None and learnt.premium is not None and learnt.spread is not None


def test_features_are_those_of_the_given_windows():
    path = dh.sample(m.BlackScholes("SPX", 0.3), GRID, 512, key=KEY, method="random")
    features = m.SignatureFeatures.of(path, vol=False, depth=2)
    rows = np.asarray(jax.jit(jax.vmap(features))(path), float)
    np.testing.assert_allclose(rows.mean(0), 0.0, atol=1e-4)
    np.testing.assert_allclose(rows.std(0), 1.0, atol=1e-3)
    assert rows.shape[1] == len(features.used) == 4 + 16  # the clock's own words vary too, where the bound bites
    other = dh.sample(m.BlackScholes("SPX", 0.2), GRID, 512, key=KEY, method="random")
    moved = np.asarray(jax.jit(jax.vmap(features.centred_on(other)))(other), float)
    np.testing.assert_allclose(moved.mean(0), 0.0, atol=1e-4)
    with pytest.raises(DataError, match="must be a batch"):
        m.SignatureFeatures.of(jax.tree.map(lambda x: x[0], path))
    with pytest.raises(DataError, match="'SPX' must be positive"):
        m.SignatureFeatures.of(path.with_quotes({"SPX": -path.quotes["SPX"]}))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: m.NeuralSde("SPX", -0.2, key=KEY), "vol must be positive"),
        (lambda: m.NeuralSde("SPX", 0.2, key=KEY, spot=0.0), "spot must be positive"),
        (lambda: m.NeuralSde("SPX", 0.2, key=KEY, factors=0), "factors must be a whole number"),
        (lambda: m.NeuralSde("SPX", 0.2, key=KEY, state=(1.0,)), "state must have a number for each of the 2"),
        (lambda: m.NeuralSde("SPX", 0.2, key=KEY, drift=0.1, learnt_drift=True), "drift is given or"),
        (lambda: m.WindowGenerator("SPX", 0.0, key=KEY), "vol must be positive"),
        (lambda: m.WindowGenerator("SPX", 0.2, key=KEY, spot=-1.0), "spot must be positive"),
        (lambda: m.WindowGenerator("SPX", 0.2, key=KEY, noise=0), "noise must be a whole number"),
        (lambda: signature(jnp.zeros((3, 2)), 0), "depth must be"),
    ],
)
def test_bad_parameters_are_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()


def test_a_generator_of_days_refuses_other_steps():
    market = m.WindowGenerator("SPX", 0.2, key=KEY)
    with pytest.raises(GridError, match="trading day"):
        market.shocks(dh.TimeGrid.uniform(maturity=1.0, steps=12))
