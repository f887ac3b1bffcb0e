"""The no-transaction band: edges, any number of instruments, and no plateau to start on."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge import policies as p
from deephedge.core.errors import ConfigError
from deephedge.policies.base import Scaler

NAMES, KEY, MONTH = ("log_moneyness", "time_left", "vol"), jax.random.key(0), 30 / 365
SEEN = {"log_moneyness": jnp.array(0.01), "time_left": jnp.array(0.05), "vol": jnp.array(0.2)}


def test_clips_each_instrument_into_its_own_band():
    policy = p.NoTransactionBand(NAMES, key=KEY, instruments=3)
    lower, upper = encoded = policy.encode(SEEN)
    assert np.all(lower < upper)
    position = jnp.array([lower[0] - 1, upper[1] + 1, (lower[2] + upper[2]) / 2])
    wanted, memory = policy(encoded, position, policy.init())
    np.testing.assert_array_equal(wanted, [lower[0], upper[1], position[2]])
    assert memory is None


def test_starts_around_the_delta_where_it_reads_what_the_delta_reads():
    policy = p.NoTransactionBand(NAMES, key=KEY)
    silent = eqx.tree_at(lambda q: q.layers.weights[-1], policy, replace_fn=jnp.zeros_like)
    delta = p.BlackScholesDelta().encode(SEEN)
    np.testing.assert_allclose(silent.encode(SEEN), [[delta - 0.13], [delta + 0.13]], rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "centre"),
    [
        ({}, p.BlackScholesDelta),
        ({"centre": None}, type(None)),
        ({"instruments": 2}, type(None)),
        ({"features": ("vol",)}, type(None)),
        ({"instruments": 2, "centre": p.DeltaVega()}, p.DeltaVega),
    ],
)
def test_centre(settings, centre):
    policy = p.NoTransactionBand(**({"features": NAMES, "key": KEY} | settings))
    assert type(policy.centre and policy.centre.policy) is centre


def test_centre_and_width_are_measured_in_units():
    """Twice the unit, twice the band."""
    policy = p.NoTransactionBand(NAMES, key=KEY, centre=None)
    wide = eqx.tree_at(lambda q: q.scaler.unit, policy, jnp.array([2.0]))
    np.testing.assert_allclose(wide.encode(SEEN), 2 * jnp.stack(policy.encode(SEEN)), rtol=1e-6)


def test_no_network_starts_on_the_plateau():
    """A band without a centre that everywhere holds the first position, 0, would never learn: none of 64 does."""
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=MONTH, steps=10),
        liability=i.short(i.EuropeanCall("SPX", strike=1.0, expiry=MONTH)),
        instruments=(i.Spot("SPX"), i.EuropeanCall("SPX", strike=1.0, expiry=1.0)),
        features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(MONTH), f.Quote("SPX.vol", "vol")),
        cost=dh.frictions.ProportionalCost(5e-3),
    )
    paths = dh.sample(dh.markets.BlackScholes("SPX", vol=0.2), problem.grid, 64, key=KEY)
    rows = jnp.stack([jax.vmap(feature)(paths)[:, :-1].ravel() for feature in problem.features], 1)

    measured = Scaler.identity(3, 2).measure(rows, jnp.array([0.6, 1.7]))

    def slopes(key):
        policy = p.NoTransactionBand(NAMES, key=key, instruments=2, centre=None)
        policy = eqx.tree_at(lambda q: q.scaler, policy, measured)

        def risk(policy):
            return jnp.var(jax.vmap(lambda path: dh.rollout(problem, policy, path).wealth)(paths))

        return eqx.filter_grad(risk)(policy).layers.biases[-1]

    slope = jax.jit(jax.vmap(slopes))(jax.random.split(KEY, 64))
    assert slope.shape == (64, 4)
    assert np.all(slope != 0)


def test_an_unknown_centre_is_refused():
    with pytest.raises(ConfigError, match="a policy, None or 'auto', was 'delta'"):
        p.NoTransactionBand(NAMES, key=KEY, centre="delta")
