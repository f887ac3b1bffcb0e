"""History as rolling windows: nothing but what happened, from inside the window."""

import dataclasses
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import DataError, GridError, UnknownQuote
from deephedge.markets import Replay

DAYS, STEPS = 40, 5
SPOT = 1000 * np.exp(np.cumsum(0.01 * np.random.default_rng(3).standard_normal(DAYS)))
VOL = np.linspace(0.1, 0.4, DAYS)
HISTORY = {"SPX": SPOT, "SPX.vol": VOL}
GRID = dh.TimeGrid.uniform(maturity=STEPS / 252, steps=STEPS)


def shock_of(start: int) -> jax.Array:
    """The normal that picks the window from ``start``."""
    return jnp.full((1, 1), jax.scipy.stats.norm.ppf((start + 0.5) / (DAYS - STEPS)))


def test_the_numeraire_and_named_quotes_are_rebased_and_the_step_is_the_studys():
    times, start = jnp.arange(DAYS) / 365, 12
    history = dh.MarketPath(times, {"SPX": jnp.asarray(SPOT), "SPX.vol": jnp.asarray(VOL)}, jnp.exp(0.5 * times))
    grid = dh.TimeGrid.uniform(maturity=STEPS / 365, steps=STEPS)
    path = Replay(history, rebase=("SPX.vol",), step=1 / 365).path(grid, shock_of(start))
    np.testing.assert_allclose(path.numeraire, np.exp(0.5 * times[: STEPS + 1]), rtol=1e-5)
    np.testing.assert_array_equal(path.times, grid.times)
    np.testing.assert_allclose(path.quotes["SPX.vol"], VOL[start : start + STEPS + 1] / VOL[start], rtol=1e-6)
    np.testing.assert_allclose(path.quotes["SPX"], SPOT[start : start + STEPS + 1], rtol=1e-6)


def test_replay_draws_every_window_equally_often():
    batch = dh.sample(Replay(HISTORY), GRID, 35_000, key=jax.random.key(0), method="random")
    starts = np.round((np.asarray(batch.quotes["SPX.vol"][:, 0], float) - 0.1) / 0.3 * (DAYS - 1)).astype(int)
    counts = np.bincount(starts)
    assert counts.size == DAYS - STEPS and np.sum((counts - 1000.0) ** 2 / 1000.0) < 66.6  # 34 degrees: 0.1 %
    expected = np.lib.stride_tricks.sliding_window_view(SPOT, STEPS + 1)[starts]
    np.testing.assert_allclose(batch.quotes["SPX"], expected / expected[:, :1], rtol=1e-6)


def test_sobol_draws_every_window_once():
    batch = dh.sample(Replay({"SPX": SPOT[:37]}, rebase=()), GRID, 32, key=jax.random.key(0))
    np.testing.assert_allclose(np.sort(batch.quotes["SPX"][:, 0]), np.sort(SPOT[:32]), rtol=1e-6)


def test_a_window_knows_nothing_from_outside_it():
    """Change every day before and after a window: the window stays."""
    start = 12
    outside = np.r_[0:start, start + STEPS + 1 : DAYS]
    shaken = {name: np.array(row) for name, row in HISTORY.items()}
    for row in shaken.values():
        row[outside] *= np.random.default_rng(0).uniform(0.5, 2.0, len(outside))
    before, after = (Replay(rows).path(GRID, shock_of(start)) for rows in (HISTORY, shaken))
    jax.tree.map(np.testing.assert_array_equal, before, after)
    np.testing.assert_allclose(before.quotes["SPX.vol"], VOL[start : start + STEPS + 1], rtol=1e-6)


def test_the_growth_of_history_is_taken_off_and_nothing_else():
    """Growth a day by a mean of its own; what is a share of another goes with it."""
    rows = HISTORY | {"half": SPOT * np.linspace(0.4, 0.6, DAYS)}
    shock = jnp.full((1, 1), 0.4)
    plain = Replay(rows, rebase=("SPX", "half")).path(GRID, shock)
    found = Replay(rows, rebase=("SPX", "half"), centre={"SPX": "SPX", "half": "SPX"}).path(GRID, shock)
    daily = np.mean([after / before for before, after in pairwise(SPOT)])
    for name in ("SPX", "half"):
        expected = np.asarray(plain.quotes[name], float) / daily ** np.arange(STEPS + 1)
        np.testing.assert_allclose(found.quotes[name], expected, rtol=2e-6)
    np.testing.assert_array_equal(found.quotes["SPX.vol"], plain.quotes["SPX.vol"])
    batch = dh.sample(Replay(rows, rebase=(), centre={"SPX": "SPX"}, step=1 / 252), GRID, 4096, key=jax.random.key(1))
    growth = np.asarray(batch.quotes["SPX"][:, 1:] / batch.quotes["SPX"][:, :-1], float)
    moves = np.lib.stride_tricks.sliding_window_view(SPOT[1:] / SPOT[:-1], STEPS)
    assert growth.mean() == pytest.approx(moves.mean() / daily, abs=2e-5)


def test_a_quote_is_divided_by_the_start_of_another():
    rows, shock = HISTORY | {"second": 1.1 * SPOT}, jnp.full((1, 1), 0.4)
    market = Replay(rows, rebase={"SPX": "SPX", "second": "SPX"})
    path = dataclasses.replace(market, step=market.step).path(GRID, shock)
    np.testing.assert_allclose(path.quotes["second"], 1.1 * path.quotes["SPX"], rtol=2e-6)
    with pytest.raises(UnknownQuote, match="did you mean 'SPX'"):
        Replay(rows, rebase={"second": "SPY"})


def test_bad_input_is_refused():
    with pytest.raises(UnknownQuote, match="did you mean 'SPX'"):
        Replay(HISTORY, centre={"SPX": "SPY"})
    with pytest.raises(DataError, match="centring needs positive quotes"):
        Replay(HISTORY | {"rate": VOL - 0.2}, centre={"rate": "rate"})
    with pytest.raises(UnknownQuote, match="did you mean 'SPX'"):
        Replay(HISTORY, rebase=("SPY",))
    with pytest.raises(GridError, match="longer than the history"):
        Replay(HISTORY).shocks(dh.TimeGrid.uniform(maturity=DAYS / 252, steps=DAYS))
    with pytest.raises(GridError, match="1/365"):
        Replay(HISTORY).shocks(dh.TimeGrid.uniform(maturity=5 / 365, steps=5))
