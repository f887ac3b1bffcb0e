import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import MarketPath
from deephedge import features as f
from deephedge.core.errors import ParameterError, UnknownQuote

N = 40
RNG = np.random.default_rng(5)
TIMES = np.concatenate([[0.0], np.cumsum(RNG.uniform(0.5, 1.5, N) / 252)])
SPOT = np.exp(np.concatenate([[0.0], np.cumsum(RNG.normal(0, 0.01, N))]))
VOL = RNG.uniform(0.1, 0.4, N + 1)


@pytest.fixture
def path():
    quotes = {"A": jnp.asarray(SPOT, jnp.float32), "A.vol": jnp.asarray(VOL, jnp.float32)}
    return MarketPath(jnp.asarray(TIMES, jnp.float32), quotes, jnp.ones(N + 1))


@pytest.mark.parametrize("window", [1, 5, 20, 100])
def test_realised_vol_is_the_root_of_squares_over_years(path, window):
    returns, expected = np.diff(np.log(SPOT)), [VOL[0]]
    for k in range(1, N + 1):
        first = max(0, k - window)
        expected.append(np.sqrt(np.sum(returns[first:k] ** 2) / (TIMES[k] - TIMES[first])))
    np.testing.assert_allclose(f.RealisedVol("A", window)(path), expected, rtol=2e-3 if window == 1 else 5e-4)


def test_realised_vol_of_a_known_volatility():
    """A path that moves up and down by 0.2 sqrt(dt) has realised 0.2 at every point but the first."""
    dt = 1 / 252
    log_spot = np.cumsum(np.concatenate([[0.0], 0.2 * np.sqrt(dt) * np.resize([1.0, -1.0], 50)]))
    quotes = {"A": jnp.exp(jnp.asarray(log_spot, jnp.float32)), "prior": jnp.full(51, 0.7)}
    realised = f.RealisedVol("A", 10, prior="prior")(MarketPath(jnp.arange(51) * dt, quotes, jnp.ones(51)))
    np.testing.assert_allclose(realised, [0.7] + [0.2] * 50, rtol=1e-4)
    with pytest.raises(UnknownQuote, match=r"A\.vol"):
        f.RealisedVol("A", 10)(MarketPath(jnp.arange(51) * dt, quotes, jnp.ones(51)))


@pytest.mark.parametrize("length", [1, 2, 7, 60])
def test_a_window_is_the_last_values_oldest_first(path, length):
    rows = np.asarray(f.Window(f.Quote("A", "spot"), length)(path))
    assert rows.shape == (N + 1, length)
    spot = np.asarray(path.quote("A"))
    for k in (0, 1, 5, N):
        np.testing.assert_array_equal(rows[k], [spot[max(0, k - length + 1 + j)] for j in range(length)])


def test_a_window_of_a_window_keeps_its_axes(path):
    inner = f.Window(f.Quote("A", "spot"), 3)
    outer = f.Window(inner, 4)
    assert (inner.name, outer.name, f.Window(inner, 2, "w").name) == ("spot_window", "spot_window_window", "w")
    rows = outer(path)
    assert rows.shape == (N + 1, 4, 3)
    np.testing.assert_array_equal(rows[10, -1], inner(path)[10])
    np.testing.assert_array_equal(rows[10, 0], inner(path)[7])


@pytest.mark.parametrize("window", [2, 10, 100])
def test_a_z_score_is_against_the_last_points(path, window):
    scores = np.asarray(f.RollingZScore(f.Quote("A.vol", "vol"), window)(path))
    assert scores[0] == 0.0
    for k in (1, 2, 9, 10, 11, N):
        last = VOL[max(0, k - window + 1) : k + 1]
        np.testing.assert_allclose(scores[k], (VOL[k] - last.mean()) / last.std(), atol=2e-5)


def test_a_z_score_of_a_vector_is_taken_entry_by_entry(path):
    vector = f.Window(f.Quote("A", "spot"), 2)
    scores = f.RollingZScore(vector, 10, name="z")(path)
    assert scores.shape == (N + 1, 2)
    np.testing.assert_allclose(scores[:, 1], f.RollingZScore(f.Quote("A", "spot"), 10)(path), atol=1e-5)


def test_what_stands_still_scores_nothing():
    flat = MarketPath(jnp.arange(5.0), {"A": jnp.full(5, 0.2), "A.vol": jnp.full(5, 0.2)}, jnp.ones(5))
    assert f.RollingZScore(f.Quote("A", "a"), 3)(flat).tolist() == [0.0] * 5
    assert f.RealisedVol("A", 3)(flat).tolist() == [float(np.float32(0.2)), 0, 0, 0, 0]


def test_running_max_and_log_return(path):
    np.testing.assert_array_equal(f.RunningMax("A")(path), np.maximum.accumulate(np.float32(SPOT)))
    np.testing.assert_allclose(f.LogReturn("A")(path), np.diff(np.log(SPOT), prepend=0.0), atol=2e-7)


@pytest.mark.parametrize("make", [f.RealisedVol, lambda q, n: f.Window(f.Quote(q, q), n)])
@pytest.mark.parametrize("length", [0, -1])
def test_a_window_needs_a_length(make, length):
    with pytest.raises(ParameterError, match="whole number of points from 1"):
        make("A", length)


@pytest.mark.parametrize("points", [1, 2, 5])
def test_values_and_gradients_are_finite_on_short_and_flat_paths(points):
    features = (
        f.RealisedVol("A", 3),
        f.RollingZScore(f.Quote("A", "spot"), 3),
        f.Window(f.LogReturn("A"), 3),
        f.RunningMax("A"),
    )
    quotes = {"A": jnp.ones(points), "A.vol": jnp.full(points, 1e-6)}

    def value(quotes):
        path = MarketPath(jnp.arange(points) / 252.0, quotes, jnp.ones(points))
        return [feature(path) for feature in features]

    found = jax.jit(lambda q: (value(q), jax.jacfwd(value)(q)))(quotes)
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(found))
