"""What every network shares: reading features, fixed units, and a baseline that training leaves alone."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import policies as p
from deephedge.core.errors import ConfigError, MissingFeature, ProblemError
from deephedge.policies.base import Scaler, gather

KEY = jax.random.key(0)


def test_gather_flattens_in_the_order_of_the_names():
    observation = {"a": jnp.array(1.0), "b": jnp.array([2.0, 3.0]), "c": jnp.array(4.0)}
    assert gather(observation, ("c", "b")).tolist() == [4.0, 2.0, 3.0]


def test_gather_names_what_is_missing_and_what_is_near():
    with pytest.raises(MissingFeature, match=r"needs the feature 'vols', .* did you mean 'vol'\?"):
        gather({"vol": jnp.array(0.2), "time_left": jnp.array(0.1)}, ("vols",))


def test_scaler_standardises_and_leaves_what_stands_still_in_its_unit():
    rows = np.random.default_rng(0).normal((1.0, -2.0), (3.0, 0.1), (5000, 2))
    rows = jnp.asarray(np.column_stack([rows, np.full(5000, 7.0)]), "f")
    scaler = Scaler.identity(3, 2).measure(rows, jnp.array([0.5, 0.0]))
    scaled = jax.vmap(scaler)(rows)
    np.testing.assert_allclose(scaled.mean(0), 0, atol=1e-4)
    np.testing.assert_allclose(scaled.std(0), (1, 1, 0), atol=1e-4)
    np.testing.assert_allclose(scaler.scale[2], 1.0)
    np.testing.assert_allclose(scaler.unit, (0.5, 1.0))  # an instrument that the liability says nothing about
    assert scaler.measured


def test_scaler_groups_share_the_moments_of_all_their_inputs():
    rows = np.random.default_rng(1).normal((1.0, 2.0, 3.0), (1.0, 2.0, 0.5), (1000, 3))
    scaler = Scaler.identity(3, 1, groups=(2, 1)).measure(jnp.asarray(rows, "f"), jnp.ones(1))
    window, alone = rows[:, :2], rows[:, 2]
    np.testing.assert_allclose(scaler.mean, [window.mean(), window.mean(), alone.mean()], rtol=1e-5)
    np.testing.assert_allclose(scaler.scale, [window.std(), window.std(), alone.std()], rtol=1e-5)


def test_too_many_numbers_for_a_network_say_what_to_do():
    policy = p.MLP(("window", "vol"), key=KEY)
    with pytest.raises(ProblemError, match="hold 5 numbers and the network was built for 2: say inputs=5"):
        policy.encode({"window": jnp.ones(4), "vol": jnp.array(0.2)})


def test_trainable_marks_the_network_only():
    policy = p.MLP(("vol",), key=KEY, depth=1, baseline=p.BlackScholesDelta())
    marks = p.trainable(policy)
    assert all(jax.tree.leaves(marks.layers)) and len(jax.tree.leaves(marks.layers)) == 4
    assert not any(jax.tree.leaves((marks.scaler, marks.baseline)))
    assert jax.tree.leaves(p.trainable(p.Static((1.0, 2.0)))) == [True]


def test_a_frozen_policy_acts_alike_and_passes_no_gradient_to_its_numbers():
    band, seen = p.WhalleyWilmott(1e-4, 10.0), {"log_moneyness": 0.02, "time_left": 0.1, "vol": 0.2}
    seen = {name: jnp.array(value) for name, value in seen.items()}

    def wanted(policy, position=jnp.array([0.9])):
        return policy(policy.encode(seen), position, None)[0][0]

    assert wanted(p.Frozen(band)) == wanted(band)
    assert any(jax.tree.leaves(eqx.filter_grad(wanted)(band)))
    assert not any(jax.tree.leaves(eqx.filter_grad(wanted)(p.Frozen(band))))
    inside = jnp.array([0.6])  # within the band the wish is the position itself, and says so to the gradient
    assert jax.grad(lambda x: wanted(p.Frozen(band), x))(inside) == 1.0


def test_a_network_adds_only_to_what_has_no_memory():
    with pytest.raises(ConfigError, match="without memory, and GRU has one"):
        p.MLP(("vol",), key=KEY, baseline=p.GRU(("vol",), key=KEY))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: p.MLP((), key=KEY), "at least one feature"),
        (lambda: p.GRU(("vol",), key=KEY, instruments=0), "instruments must be 1 or more, was 0"),
        (lambda: p.LSTM(("vol",), key=KEY, width=0), "width must be 1 or more, was 0"),
        (lambda: p.MLP(("vol",), key=KEY, activation="rellu"), "did you mean 'relu'"),
    ],
)
def test_a_network_that_cannot_be(make, message):
    with pytest.raises(ConfigError, match=message):
        make()
