"""What is measured before training: the units of a network, and the static hedge it starts from."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.core.errors import ConfigError
from deephedge.policies.base import Scaler
from deephedge.training.calibrate import measure_units, static_hedge

T, KEY = 30 / 365, jax.random.key(0)
NAMES = ("log_moneyness", "time_left", "vol")


def measured(policy, contract, **more):
    told = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=T, steps=10), liability=i.short(contract), instruments=(i.Spot("SPX"),),
        features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(T), f.Quote("SPX.vol", "vol")), **more,
    )  # fmt: skip
    return measure_units(policy, told, dh.markets.BlackScholes("SPX", vol=0.2), KEY).scaler


def test_a_static_hedge_is_the_regression_of_what_is_left():
    rng = np.random.default_rng(0)
    held = rng.normal(size=(5000, 2)) @ [[1.0, 0.3], [0.0, 0.4]] + [0.1, 0.0]
    left = 3.0 - held @ [0.7, -2.0] + 0.1 * rng.normal(size=5000)
    exact = -np.linalg.lstsq(np.column_stack([held, np.ones(5000)]), left, rcond=None)[0][:2]
    # a ridge of a thousandth moves each by some thousandths of its own deviation
    np.testing.assert_allclose(static_hedge(held, left) * held.std(0), exact * held.std(0), atol=0.01)
    twins = np.column_stack([held[:, 0], held[:, 0], np.zeros(5000)])
    np.testing.assert_allclose(static_hedge(twins, -held[:, 0]), [0.5, 0.5, 0.0], atol=1e-3)


@pytest.mark.parametrize(
    ("contract", "centre", "offset"),
    [
        (i.EuropeanCall("SPX", 1.0, T), "auto", 0.0),  # a call is what the centre hedges: nothing is left
        (i.EuropeanPut("SPX", 1.0, T), "auto", -1.0),  # call less put is a forward
        (i.Forward("SPX", 1.0, T), None, 1.0),
    ],
)
def test_a_band_starts_where_a_static_hedge_of_the_rest_stands(contract, centre, offset):
    scaler = measured(dh.policies.NoTransactionBand(NAMES, key=KEY, centre=centre), contract)
    np.testing.assert_allclose(scaler.offset, [offset], atol=0.01)


def test_a_network_without_a_base_starts_within_the_limits():
    forward = i.Forward("SPX", 1.0, T)
    free, bound = (
        measured(dh.policies.MLP(NAMES, key=KEY), forward, constraint=box)
        for box in (dh.frictions.Box(), dh.frictions.Box(lower=0.0, upper=0.25))
    )
    np.testing.assert_allclose([*free.offset, *bound.offset], [1.0, 0.25], atol=0.01)
    net = dh.frictions.Limits((dh.frictions.NetLimit(0.4),))  # known along a path only: at its start the spot is 1
    np.testing.assert_allclose(
        measured(dh.policies.MLP(NAMES, key=KEY), forward, constraint=net).offset, 0.4, atol=0.01
    )


def test_what_was_measured_is_left_alone():
    policy = dh.policies.MLP(NAMES, key=KEY)
    known = policy.scaler.measure(jax.random.normal(KEY, (64, 3)), jnp.ones(1), jnp.full(1, 0.3))
    scaler = measured(eqx.tree_at(lambda p: p.scaler, policy, known), i.Forward("SPX", 1.0, T))
    assert eqx.tree_equal(scaler, known)


class Around(dh.policies.AbstractPolicy):
    """A policy of the user's own around one of the library's; and one whose network is nobody's."""

    inner: Any

    def init(self):
        return None

    def encode(self, observation):
        return self.inner.encode(observation)

    def __call__(self, encoded, position, state):
        return self.inner(encoded, position, state)


def test_a_network_inside_a_policy_of_ones_own_is_measured():
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=T, steps=10), liability=i.short(i.EuropeanPut("SPX", 1.0, T)),
        instruments=(i.Spot("SPX"),),
        features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(T), f.Quote("SPX.vol", "vol")),
    )  # fmt: skip
    market, band = dh.markets.BlackScholes("SPX", vol=0.2), dh.policies.NoTransactionBand(NAMES, key=KEY)
    alone, inside = (measure_units(policy, problem, market, KEY) for policy in (band, Around(band)))
    assert isinstance(alone, dh.policies.NoTransactionBand) and isinstance(inside, Around)
    np.testing.assert_array_equal(inside.inner.scaler.offset, alone.scaler.offset)
    np.testing.assert_array_equal(inside.inner.scaler.scale, alone.scaler.scale)
    with pytest.raises(ConfigError, match="Around holds a Scaler but no policy in it names its `features`"):
        measure_units(Around(Scaler.identity(3, 1)), problem, market, KEY)
