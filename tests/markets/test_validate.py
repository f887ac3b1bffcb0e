"""Stylised facts with known values."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import DataError
from deephedge.markets import Agreement, agreement

STEPS, PATHS = 1000, 400
TIMES = np.arange(STEPS + 1) / 252


def path_of(returns: np.ndarray, vol: np.ndarray | None = None) -> dh.MarketPath:
    spot = np.exp(np.concatenate([np.zeros((*returns.shape[:-1], 1)), np.cumsum(returns, -1)], -1))
    quotes = {"SPX": spot} if vol is None else {"SPX": spot, "SPX.vol": vol}
    times = jnp.broadcast_to(jnp.asarray(TIMES[: spot.shape[-1]]), spot.shape)
    return dh.MarketPath(times, jax.tree.map(jnp.asarray, quotes), jnp.ones(spot.shape))


def rows_of(simulated, history) -> dict[str, Agreement]:
    return {row.statistic: row for row in agreement(simulated, history)}


def test_independent_normals_have_theirs():
    draw = 0.2 / np.sqrt(252) * np.random.default_rng(0).standard_normal((PATHS + 1, STEPS))
    rows = rows_of(path_of(draw[1:]), path_of(draw[0]))
    assert abs(rows["annual volatility"].simulated - 0.2) < 4 * 0.2 / np.sqrt(2 * STEPS * PATHS)
    assert abs(rows["kurtosis"].simulated - 3.0) < 4 * np.sqrt(24 / STEPS / PATHS) + 6 / STEPS
    for lag in (1, 5, 10):
        row = rows[f"autocorrelation of squares, lag {lag}"]
        assert abs(row.simulated + 1 / STEPS) < 4 / np.sqrt(STEPS * PATHS)
        assert row.high - row.low == pytest.approx(2 * 1.645 / np.sqrt(STEPS), rel=0.2)
    assert "mean implied volatility" not in rows


def test_clustering_is_seen():
    """Squares of an ARCH(1) with parameter a have autocorrelation a^k (Bollerslev 1986)."""
    z, a = np.random.default_rng(1).standard_normal((PATHS, STEPS)), 0.3
    h, returns = np.full(PATHS, 1.0), []
    for now in z.T:
        returns.append(np.sqrt(h) * now)
        h = 0.7 + a * returns[-1] ** 2
    returns = 0.01 * np.stack(returns, 1)
    rows = rows_of(path_of(returns), path_of(returns[0]))
    assert rows["autocorrelation of squares, lag 1"].simulated == pytest.approx(a, abs=0.04)
    assert rows["kurtosis"].simulated == pytest.approx(3 * (1 - a**2) / (1 - 3 * a**2), rel=0.08)


def test_drawdown_and_implied_volatility_of_a_path_by_hand():
    spot = np.array([1.0, 1.2, 0.9, 1.1, 0.6, 1.3])
    vol = np.array([0.2, 0.1, 0.3, 0.2, 0.4, 0.3])
    history = {"SPX": spot, "SPX.vol": vol}
    simulated = path_of(np.diff(np.log(spot))[None], vol[None])
    rows = rows_of(simulated, history)
    assert rows["maximum drawdown"].real == pytest.approx(0.5)
    assert rows["mean implied volatility"].real == pytest.approx(0.25)
    assert rows["deviation of implied volatility"].real == pytest.approx(np.std(vol))
    expected = np.corrcoef(np.diff(np.log(spot)), np.diff(np.log(vol)))[0, 1]
    assert rows["spot-volatility correlation"].real == pytest.approx(expected)
    for row in rows.values():
        assert row.simulated == pytest.approx(row.real, rel=1e-4, abs=1e-6)


def test_a_flat_path_gives_zeros_and_no_warning():
    rows = agreement(path_of(np.zeros((3, 20)), np.full((3, 21), 0.2)), path_of(np.zeros(20), np.full(21, 0.2)))
    assert all(np.isfinite(row[1:]).all() for row in rows)


def test_another_world_is_outside():
    draw = np.random.default_rng(0).standard_normal((PATHS + 1, STEPS))
    rows = rows_of(path_of(0.01 * draw[1:]), path_of(0.03 * draw[0]))
    assert not rows["annual volatility"].inside
    assert rows["annual volatility"].real == pytest.approx(0.03 * np.sqrt(252), rel=0.1)
    assert Agreement("any", 1.0, 1.1, 0.9, 1.2).inside and not Agreement("any", 1.0, 1.1, 1.05, 1.2).inside


def test_like_is_compared_with_like():
    draw = 0.01 * np.random.default_rng(0).standard_normal((4, STEPS))
    with pytest.raises(DataError, match="simulate 999 steps"):
        agreement(path_of(draw), path_of(draw[0, :-1]))
    windows = dh.markets.windows({"SPX": np.exp(np.cumsum(draw[0]))}, 21)
    assert rows_of(path_of(draw[:, :21]), windows)["annual volatility"].real == pytest.approx(
        0.01 * np.sqrt(252), rel=0.1
    )
