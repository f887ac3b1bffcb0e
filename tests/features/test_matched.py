"""Which contract settles a sale, against the calendar of a desk walked through day by day."""

import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge.core.errors import DataError, ParameterError
from deephedge.data.transforms import FuturesLife
from deephedge.data.transforms.base import Days

LAST = ("2024-01-22", "2024-02-20", "2024-03-20", "2024-04-22", "2024-05-20")
LAG = 5


def test_a_sale_is_matched_with_the_contract_that_is_at_the_front_on_its_day():
    days = np.busday_offset("2024-04-01", np.arange(30), roll="forward").astype("datetime64[D]")
    last, sales = (*LAST, "2024-06-20", "2024-07-22"), (7, 13, 29)
    lives = FuturesLife("CL.life", last, lag_days=LAG, contracts=2).apply(Days((), days, np.empty((0, 30))), {})
    quotes = {name: jnp.asarray(row, jnp.float32) for name, row in lives.items()}
    path = dh.MarketPath(jnp.arange(30) / 252, quotes, jnp.ones(30))
    matched = [f.Matched("CL.life", np.array(sales) / 252, "oil", contracts=contracts) for contracts in (1, 2)]
    found, strip = (np.asarray(each(path)) for each in matched)
    for n, today in enumerate(days):
        held = [day for day in last if np.datetime64(day) - today > np.timedelta64(LAG, "D")]
        front = [next(day for day in last if day >= str(days[sale])) for sale in sales if sale > n]
        # A contract that was left for being close to its end settles some sales still: the next one stands in.
        first = sum(day <= held[0] for day in front)
        second = sum(held[0] < day <= held[1] for day in front)
        assert found[n].tolist() == [first, len(front) - first], today
        assert strip[n].tolist() == [first, second, len(front) - first - second], today
    assert found[0].tolist() == [2.0, 1.0] and found[12].tolist() == [2.0, 0.0]
    assert strip[0].tolist() == [2.0, 1.0, 0.0]


def test_a_strip_reaches_to_its_last_contract_and_beyond():
    days = np.arange("2024-02-01", "2024-02-04", dtype="datetime64[D]")
    lives = FuturesLife("CL.life", LAST, lag_days=LAG, contracts=3).apply(Days((), days, np.empty((0, 3))), {})
    path = dh.MarketPath(jnp.arange(3) / 252, {name: jnp.asarray(row) for name, row in lives.items()}, jnp.ones(3))
    sales = np.array([5, 20, 40, 60, 80]) / 252  # one in each contract, the last two after the third
    assert np.asarray(f.Matched("CL.life", sales, "oil", contracts=3)(path))[0].tolist() == [1.0, 1.0, 1.0, 2.0]
    assert list(lives) == ["CL.life", "CL.life.2", "CL.life.3"]


def test_a_strip_of_no_contracts_is_refused():
    with pytest.raises(ParameterError, match="contracts must be 1 or more, was 0"):
        f.Matched("CL.life", np.ones(1), "oil", contracts=0)
    with pytest.raises(DataError, match="contracts must be 1 or more, was 0"):
        FuturesLife("A", LAST, contracts=0)
