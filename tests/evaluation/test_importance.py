"""Importance sampling of the tail: the same numbers as plain sampling, with less noise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.core.errors import ParameterError
from deephedge.evaluation import tail_sampling
from deephedge.markets import ImportanceSampled
from deephedge.objectives import CVaR, standard_error

GRID = dh.TimeGrid.uniform(maturity=30 / 365, steps=10)
MARKET = dh.markets.BlackScholes("SPX", vol=0.2)
KEY = jax.random.key(0)


def problem(liability) -> dh.HedgingProblem:
    features = (f.LogMoneyness("SPX", 1.0), f.TimeLeft(30 / 365), f.Quote("SPX.vol", "vol"))
    return dh.HedgingProblem(GRID, liability, (i.Spot("SPX"),), features)


CALL = problem(i.short(i.EuropeanCall("SPX", strike=1.0, expiry=30 / 365)))


def test_the_tail_of_a_short_stock_is_that_of_the_lognormal_law():
    """CVaR 99.9 % of minus a stock, in closed form."""
    short = problem(i.short(i.EuropeanCall("SPX", strike=1e-6, expiry=30 / 365)))
    tail = tail_sampling(short, MARKET, dh.policies.NoHedge(), level=0.99, key=KEY)
    wealth, weight = dh.simulate_weighted(short, tail, dh.policies.NoHedge(), paths=20_000, key=jax.random.key(1))
    deviation = 0.2 * (30 / 365) ** 0.5
    exact = norm.cdf(deviation - norm.ppf(0.999)) / 0.001
    error = float(standard_error(CVaR(0.999), wealth, weight=weight))
    assert abs(float(CVaR(0.999)(wealth, weight)) - exact) < 3 * error
    assert error < 1e-3
    assert abs(float(weight.mean()) - 1) < 4 * float(weight.std()) / 20_000**0.5
    assert float(weight.max()) <= 1 / 0.2 + 1e-3  # the defensive share bounds it


@pytest.mark.parametrize("policy", [dh.policies.NoHedge(), dh.policies.BlackScholesDelta()], ids=["bare", "delta"])
def test_cvar_99_agrees_with_plain_sampling_and_is_less_noisy(policy):
    risk, paths = CVaR(0.99), 20_000
    tail = tail_sampling(CALL, MARKET, policy, level=0.99, key=KEY)
    plain = dh.simulate_wealth(CALL, MARKET, policy, paths=paths, key=jax.random.key(1))
    wealth, weight = dh.simulate_weighted(CALL, tail, policy, paths=paths, key=jax.random.key(1))
    one, other = float(standard_error(risk, plain)), float(standard_error(risk, wealth, weight=weight))
    assert abs(float(risk(plain)) - float(risk(wealth, weight))) < 3.5 * np.hypot(one, other)
    gain = (one / other) ** 2
    print(f"variance reduction: {gain:.1f}")
    assert gain > (8 if isinstance(policy, dh.policies.NoHedge) else 2)


def test_its_own_law_comes_back_on_every_quote():
    tail = tail_sampling(CALL, MARKET, dh.policies.NoHedge(), key=KEY)
    path = dh.sample(tail, GRID, 30_000, key=jax.random.key(2), method="random")
    spot, weight = np.asarray(path.quotes["SPX"], float), np.asarray(path.weight, float)
    for k in (3, 10):
        for power, exact in ((1, 1.0), (2, np.exp(0.04 * k * 3 / 365))):
            each = weight * spot[:, k] ** power
            assert abs(each.mean() - exact) < 4 * each.std() / each.size**0.5


def test_bad_input_is_one_sentence():
    with pytest.raises(ParameterError, match=r"has 10 beyond the level 0\.99, 50 are needed"):
        tail_sampling(CALL, MARKET, dh.policies.NoHedge(), paths=1000, key=KEY)
    with pytest.raises(ParameterError, match="share must be positive and sum to 1"):
        ImportanceSampled(MARKET, jnp.zeros((2, 10, 1)), jnp.ones((2, 1)), (0.5, 0.6))
    with pytest.raises(ParameterError, match="scale must be positive"):
        ImportanceSampled(MARKET, jnp.zeros((1, 10, 1)), jnp.zeros((1, 1)), (1.0,))
    with pytest.raises(ParameterError, match=r"made for \(9, 1\) shocks a path, this grid needs \(10, 1\)"):
        dh.sample(ImportanceSampled(MARKET, jnp.zeros((1, 9, 1)), jnp.ones((1, 1)), (1.0,)), GRID, 4, key=KEY)
