"""The leak alarms ring when a policy sees the future, and are silent when it does not."""

import jax
import jax.numpy as jnp
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.training.checks import LeakWarning, leak_checks


class Tomorrow(f.AbstractFeature):
    """A feature that cheats: tomorrow's price."""

    name: str = "tomorrow"

    def __call__(self, path):
        spot = path.quote("SPX")
        return jnp.append(spot[1:], spot[-1]) - spot


class Follow(dh.policies.AbstractPolicy):
    name: str

    def init(self):
        return None

    def encode(self, observation):
        return jnp.sign(observation[self.name])

    def __call__(self, encoded, position, state):
        return encoded[None], state


def problem(*features):
    return dh.HedgingProblem(
        dh.TimeGrid.uniform(maturity=0.1, steps=5),
        i.short(i.EuropeanCall("SPX", strike=1.0, expiry=0.1)),
        (i.Spot("SPX"),),
        features,
    )


def test_a_policy_that_knows_tomorrow_is_caught():
    market = dh.markets.BlackScholes("SPX", vol=0.2)
    with pytest.warns(LeakWarning, match="earns nothing on average"):
        checks = leak_checks(problem(Tomorrow()), market, Follow("tomorrow"), key=jax.random.key(0))
    assert [check.passed for check in checks] == [True, False]


def test_an_honest_policy_is_not(recwarn):
    market = dh.markets.BlackScholes("SPX", vol=0.2)
    checks = leak_checks(problem(f.LogMoneyness("SPX", 1.0)), market, Follow("log_moneyness"), key=jax.random.key(0))
    assert all(check.passed for check in checks)
    assert not [w for w in recwarn if w.category is LeakWarning]


def test_with_a_drift_nothing_is_claimed_about_the_mean():
    market = dh.markets.BlackScholes("SPX", vol=0.2, drift=0.5)
    checks = leak_checks(problem(f.LogMoneyness("SPX", 1.0)), market, dh.policies.NoHedge(), key=jax.random.key(0))
    assert len(checks) == 1
