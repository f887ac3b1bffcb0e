"""Which contract settles a sale, against the calendar of a desk walked through day by day."""

import jax.numpy as jnp
import numpy as np

import deephedge as dh
from deephedge import features as f
from deephedge.data.transforms import FuturesLife
from deephedge.data.transforms.base import Days

LAST = ("2024-01-22", "2024-02-20", "2024-03-20", "2024-04-22", "2024-05-20")
LAG = 5


def test_a_sale_is_matched_with_the_contract_that_is_at_the_front_on_its_day():
    days = np.busday_offset("2024-04-01", np.arange(30), roll="forward").astype("datetime64[D]")
    last, sales = (*LAST, "2024-06-20", "2024-07-22"), (7, 13, 29)
    life = FuturesLife("CL.life", last, lag_days=LAG).apply(Days((), days, np.empty((0, 30))), {})["CL.life"]
    path = dh.MarketPath(jnp.arange(30) / 252, {"CL.life": jnp.asarray(life, jnp.float32)}, jnp.ones(30))
    found = np.asarray(f.Matched("CL.life", np.array(sales) / 252, "oil")(path))
    for n, today in enumerate(days):
        held = next(day for day in last if np.datetime64(day) - today > np.timedelta64(LAG, "D"))
        front = [next(day for day in last if day >= str(days[sale])) for sale in sales if sale > n]
        # A contract that was left for being close to its end settles some sales still: the next one stands in.
        assert found[n].tolist() == [sum(day <= held for day in front), sum(day > held for day in front)], today
    assert found[0].tolist() == [2.0, 1.0] and found[12].tolist() == [2.0, 0.0]
