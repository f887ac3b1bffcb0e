"""Reading history, and a uniform pick from a normal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import DataError, GridError
from deephedge.markets.history import as_history, pick, require_step


def test_picks_are_uniform_ordered_and_never_out_of_range():
    picks = np.asarray(pick(jax.random.normal(jax.random.key(0), (70_000,)), 7))
    counts = np.bincount(picks, minlength=7)
    assert counts.size == 7 and np.sum((counts - 10_000) ** 2 / 10_000) < 22.5  # chi square, 6 degrees: 0.1 %
    assert pick(jnp.array([-40.0, 0.0, 40.0]), 7).tolist() == [0, 3, 6]
    assert bool((jnp.diff(pick(jnp.linspace(-4, 4, 1001), 7)) >= 0).all())


def test_daily_arrays_become_a_path():
    history = as_history({"SPX": [1.0, 2.0, 3.0]})
    np.testing.assert_allclose(history.times, np.arange(3) / 252, rtol=1e-6)
    np.testing.assert_array_equal(history.numeraire, 1.0)
    assert as_history(history) is history


@pytest.mark.parametrize(
    ("quotes", "message"),
    [
        ({"SPX": [1.0, np.nan, 3.0, np.inf]}, "not finite at 2 points .first: 1, 3"),
        ({"SPX": [1.0, 2.0], "SPX.vol": [0.2]}, "SPX.vol"),
        ({"SPX": [1.0]}, "2 points"),
        ({}, "2 points"),
    ],
)
def test_gaps_and_unequal_lengths_are_refused(quotes, message):
    with pytest.raises(DataError, match=message):
        as_history(quotes)


def test_a_trading_day_is_a_trading_day():
    for maturity, steps in ((21 / 252, 21), (30 / 365, 21), (1.0, 250)):
        require_step(dh.TimeGrid.uniform(maturity, steps), 1 / 252)
    for maturity, steps in ((30 / 365, 30), (1.0, 52)):
        with pytest.raises(GridError, match="steps / 252"):
            require_step(dh.TimeGrid.uniform(maturity, steps), 1 / 252)
