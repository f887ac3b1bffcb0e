"""Whalley and Wilmott's band against SciPy, and at its ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge import policies as p
from deephedge.core.errors import ParameterError

COST, AVERSION, STRIKE, RATE, DIVIDEND = 2e-3, 0.05, 90.0, 0.05, 0.02
SEEN = {"log_moneyness": 0.03, "time_left": 0.4, "vol": 0.25}


def observation(**changes):
    return {name: jnp.asarray(x) for name, x in (SEEN | changes).items()}


@pytest.mark.parametrize(("kind", "units"), [("call", 1.0), ("put", -3.0)])
def test_band(kind, units):
    """Whalley and Wilmott (1997): delta, plus and minus (3/2 exp(-r tau) cost S gamma^2 / aversion)^(1/3)."""
    x, left, vol = SEEN.values()
    spot, total = STRIKE * np.exp(x), vol * np.sqrt(left)
    d1 = (x + (RATE - DIVIDEND) * left) / total + total / 2
    gamma = units * np.exp(-DIVIDEND * left) * norm.pdf(d1) / (spot * total)
    centre = units * np.exp(-DIVIDEND * left) * (norm.cdf(d1) - (kind == "put"))
    half = (1.5 * np.exp(-RATE * left) * COST * spot * gamma**2 / AVERSION) ** (1 / 3)
    policy = p.WhalleyWilmott(COST, AVERSION, STRIKE, kind=kind, units=units, carry=RATE - DIVIDEND, dividend=DIVIDEND)
    np.testing.assert_allclose(policy.encode(observation()), (centre - half, centre + half), rtol=1e-5)


def test_trades_to_the_nearer_edge_and_not_inside():
    policy = p.WhalleyWilmott(1e-4, 10.0)
    encoded = policy.encode(observation())
    lower, upper = (float(edge) for edge in encoded)
    assert 0 < lower < upper < 1
    held = lambda position: policy(encoded, jnp.array([position, 0.3]), None)[0].tolist()  # noqa: E731
    assert held(0.0) == [lower, 0.0]
    assert held(1.0) == [upper, 0.0]
    middle = float(np.float32(lower + upper) / 2)
    assert held(middle) == [middle, 0.0]


def test_no_cost_no_band_and_none_at_expiry():
    free = p.WhalleyWilmott(0.0, 1.0).encode(observation())
    np.testing.assert_allclose(free, [p.BlackScholesDelta().encode(observation())] * 2, rtol=1e-6)
    policy = p.WhalleyWilmott(0.1, 1.0)
    for moneyness, delta in ((-0.01, 0.0), (0.0, 0.5), (0.01, 1.0)):
        assert np.array_equal(policy.encode(observation(log_moneyness=moneyness, time_left=0.0)), [delta, delta])


def test_finite_in_float32_all_the_way_into_expiry():
    """Gamma explodes at the money and vanishes beside it: neither the band nor its derivatives may break."""
    policy = p.WhalleyWilmott(1e-2, 1.0)
    left = jnp.tile(jnp.concatenate([jnp.zeros(1), jnp.logspace(-12, 0, 40)]), 5)
    moneyness = jnp.repeat(jnp.array([-0.3, -1e-4, 0.0, 1e-4, 0.3]), 41)

    def upper(moneyness, left):
        return policy.encode(observation(log_moneyness=moneyness, time_left=left))[1]

    value, slope = jax.jit(jax.vmap(jax.value_and_grad(upper, argnums=(0, 1))))(moneyness, left)
    assert value.dtype == jnp.float32
    assert np.isfinite(value).all() and np.isfinite(slope).all()


@pytest.mark.parametrize(
    ("numbers", "name"), [((-0.1, 1.0), "cost"), ((0.1, 0.0), "risk_aversion"), ((0.1, 1.0, 0.0), "strike")]
)
def test_what_it_refuses(numbers, name):
    with pytest.raises(ParameterError, match=f"{name} must be"):
        p.WhalleyWilmott(*numbers)
