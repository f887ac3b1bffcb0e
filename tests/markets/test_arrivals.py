import jax
import numpy as np
import pytest
from scipy.stats import poisson

import deephedge as dh
from deephedge import markets as m
from deephedge.core.errors import ParameterError


def test_deals_are_two_poisson_numbers_and_prices_do_not_know_of_them():
    base, grid = m.BlackScholes("A", vol=0.2), dh.TimeGrid(np.array([0.0, 0.1, 0.3, 0.35]))
    market = m.ClientArrivals(base, "deals", bought=12.0, sold=4.0)
    paths = dh.sample(market, grid, 2**14, key=jax.random.key(1), method="random")
    net, years = np.asarray(paths.quotes["deals"], float)[:, 1:], np.diff(np.asarray(grid.times, float))
    assert not np.asarray(paths.quotes["deals"])[:, 0].any() and (net == np.round(net)).all()
    for step, length in enumerate(years):
        error = np.sqrt(16.0 * length / 2**14)
        assert abs(net[:, step].mean() - 8.0 * length) < 3.5 * error
        numbers = np.arange(40)
        law = np.convolve(poisson.pmf(numbers, 12 * length), poisson.pmf(numbers, 4 * length)[::-1])
        at = {n - 39: law[n] for n in range(len(law))}
        for n in range(-2, 5):
            share = (net[:, step] == n).mean()
            assert abs(share - at[n]) < 3.5 * np.sqrt(at[n] * (1 - at[n]) / 2**14) + 1e-6
    growth = np.diff(np.log(np.asarray(paths.quotes["A"], float)), axis=1)
    for one in (net, net[:, ::-1]):
        assert np.abs(np.corrcoef(one.T, growth.T)[:3, 3:]).max() < 3.8 / 2**7
    assert np.abs(np.corrcoef(net.T) - np.eye(3)).max() < 3.8 / 2**7


def test_too_many_and_negative_deals_are_refused():
    base = m.BlackScholes("A", vol=0.2)
    with pytest.raises(ParameterError, match="sold is deals a year, 0 or more, was -1"):
        m.ClientArrivals(base, "deals", 1.0, -1.0)
    with pytest.raises(ParameterError, match=r"at most 21 are counted: use finer steps"):
        m.ClientArrivals(base, "deals", 1000.0, 1.0).shocks(dh.TimeGrid.uniform(maturity=1.0, steps=12))
