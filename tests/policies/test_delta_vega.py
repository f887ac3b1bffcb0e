"""Two instruments against two sensitivities: what is left of both is nothing."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge import policies as p
from deephedge.core.errors import ConfigError, ParameterError, ProblemError


def greeks(spot, strike, vol, left):
    total = vol * np.sqrt(left)
    d1 = np.log(spot / strike) / total + total / 2
    return {"delta": norm.cdf(d1), "gamma": norm.pdf(d1) / (spot * total), "vega": spot * norm.pdf(d1) * np.sqrt(left)}


def hold(policy, sold, hedge, position=(0.0, 0.0)):
    seen = sold | {f"hedge_{name}": value for name, value in hedge.items()}
    encoded = policy.encode({name: jnp.asarray(x) for name, x in seen.items()})
    return np.asarray(policy(encoded, jnp.asarray(position), None)[0], float)


@pytest.mark.parametrize(("policy", "greek"), [(p.DeltaVega, "vega"), (p.DeltaGamma, "gamma")])
def test_neutral_in_both(policy, greek):
    sold, hedge = greeks(100.0, 100.0, 0.2, 0.25), greeks(100.0, 105.0, 0.2, 0.5)
    spot, option = hold(policy(units=2.0), sold, hedge)
    np.testing.assert_allclose(option, 2 * sold[greek] / hedge[greek], rtol=1e-5)
    np.testing.assert_allclose(spot + option * hedge["delta"] - 2 * sold["delta"], 0.0, atol=1e-5)
    np.testing.assert_allclose(option * hedge[greek] - 2 * sold[greek], 0.0, atol=1e-5 * sold[greek])


@pytest.mark.parametrize("policy", [p.DeltaVega, p.DeltaGamma])
def test_a_claim_hedged_with_itself(policy):
    sold = greeks(100.0, 100.0, 0.2, 0.25)
    np.testing.assert_allclose(hold(policy(), sold, sold), [0.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("policy", [p.DeltaVega, p.DeltaGamma])
def test_a_hedge_without_sensitivity_is_limited_or_left_alone(policy):
    """The spot takes the delta that remains."""
    sold = greeks(100.0, 100.0, 0.2, 0.25)
    weak = {name: 1e-3 * value for name, value in sold.items()}
    np.testing.assert_allclose(hold(policy(limit=3.0), sold, weak), [0.997 * sold["delta"], 3.0], rtol=1e-5)
    dead = {"delta": 1.0, "gamma": 0.0, "vega": 0.0}
    np.testing.assert_allclose(hold(policy(), sold, dead), [sold["delta"], 0.0], rtol=1e-5)


def test_what_it_refuses():
    sold = greeks(100.0, 100.0, 0.2, 0.25)
    with pytest.raises(ProblemError, match="needs a spot and an option, in this order; the problem has 3 instruments"):
        hold(p.DeltaVega(), sold, sold, (0.0, 0.0, 0.0))
    with pytest.raises(ConfigError, match="hedge must name two features"):
        p.DeltaGamma(hedge=("delta",))
    with pytest.raises(ParameterError, match="limit must be"):
        p.DeltaVega(limit=-1.0)
