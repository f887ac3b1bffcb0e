"""Leland's delta against SciPy."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge import policies as p
from deephedge.core.errors import ParameterError

SEEN = {"log_moneyness": 0.03, "time_left": 0.4, "vol": 0.25}
OBSERVATION = {name: jnp.asarray(x) for name, x in SEEN.items()}
COST, STEP = 2e-3, 1 / 52


def hold(policy):
    return float(policy(policy.encode(OBSERVATION), jnp.zeros(1), None)[0][0])


@pytest.mark.parametrize(("kind", "units"), [("call", 1.0), ("put", 2.0), ("call", -1.0)])
def test_delta_at_the_volatility_that_pays_for_trading(kind, units):
    """Leland (1985): the cost of a round trip, twice that of a trade, raises the volatility of what is sold."""
    x, left, vol = SEEN.values()
    round_trip = 2 * COST
    ratio = np.sqrt(2 / np.pi) * round_trip / (vol * np.sqrt(STEP))
    total = vol * np.sqrt(1 + np.sign(units) * ratio) * np.sqrt(left)
    expected = units * (norm.cdf(x / total + total / 2) - (kind == "put"))
    np.testing.assert_allclose(hold(p.Leland(COST, STEP, kind=kind, units=units)), expected, rtol=1e-5)


def test_without_cost_it_is_the_black_scholes_delta():
    np.testing.assert_allclose(hold(p.Leland(0.0, STEP)), hold(p.BlackScholesDelta()), rtol=1e-6)


def test_a_cost_that_eats_the_volatility_of_an_option_bought_leaves_the_intrinsic_hedge():
    policy = p.Leland(cost=0.5, step=STEP, units=-1.0)
    assert policy.volatility(jnp.asarray(0.25)) == 0.0
    assert hold(policy) == -1.0


@pytest.mark.parametrize("numbers", [(-0.1, 0.1), (0.1, 0.0)])
def test_what_it_refuses(numbers):
    with pytest.raises(ParameterError, match="must be"):
        p.Leland(*numbers)
