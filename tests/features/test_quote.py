import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge.core.errors import ParameterError, UnknownQuote

TIMES = jnp.array([0.0, 0.25, 0.5, 1.0])
PATH = dh.MarketPath(TIMES, {"A": jnp.array([1.0, 2.0, 0.5, 4.0])}, jnp.ones(4))


def test_a_quote_is_itself_under_another_name():
    assert f.Quote("A", "spot").name == "spot"
    np.testing.assert_array_equal(f.Quote("A", "spot")(PATH), PATH.quote("A"))
    with pytest.raises(UnknownQuote, match="did you mean 'A'"):
        f.Quote("AA", "spot")(PATH)


def test_log_moneyness():
    np.testing.assert_allclose(f.LogMoneyness("A", 2.0)(PATH), np.log([0.5, 1.0, 0.25, 2.0]), rtol=1e-6)
    with pytest.raises(ParameterError, match="strike must be positive"):
        f.LogMoneyness("A", 0.0)


@pytest.mark.parametrize("expiry, left", [(1.0, [1, 0.75, 0.5, 0]), (0.5, [0.5, 0.25, 0, 0]), (2.0, [2, 1.75, 1.5, 1])])
def test_time_left_counts_down_to_the_contract_and_not_to_the_end(expiry, left):
    np.testing.assert_allclose(f.TimeLeft(expiry)(PATH), left, atol=1e-7)


def test_time_left_is_nothing_when_the_date_is_reached_however_it_was_computed():
    for steps in (7, 1000):
        grid = dh.TimeGrid.uniform(maturity=30 / 365, steps=steps)
        path = dh.MarketPath(jnp.cumsum(jnp.concatenate([jnp.zeros(1), grid.dt])), {}, jnp.ones(steps + 1))
        left = f.TimeLeft(30 / 365)(path)
        assert left[-1] == 0.0 and (left[:-1] > 0).all()
