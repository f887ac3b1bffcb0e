"""The cells against Equinox's own, and a problem that cannot be solved without memory."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import policies as p
from deephedge.policies.recurrent import Head

NAMES, WIDTH, KEY = ("a", "b"), 5, jax.random.key(3)
UNIT = jnp.array([0.5, 2.0])


@eqx.filter_jit
def steps(policy, rows, positions):
    """Positions wanted and hidden vectors along a path."""

    def step(state, now):
        row, position = now
        wanted, state = policy(policy.encode(dict(zip(NAMES, row, strict=True))), position, state)
        return state, (wanted, state[0] if isinstance(state, tuple) else state)

    return jax.lax.scan(step, policy.init(), (rows, positions))[1]


@pytest.mark.parametrize(
    ("make", "cell", "semi_recurrent"),
    [(p.GRU, eqx.nn.GRUCell, True), (p.GRU, eqx.nn.GRUCell, False), (p.LSTM, eqx.nn.LSTMCell, True)],
)
def test_cell_is_equinoxs(make, cell, semi_recurrent):
    rng = np.random.default_rng(2)
    rows, positions = jnp.asarray(rng.normal(size=(6, 2)), "f"), jnp.asarray(rng.normal(size=(6, 2)), "f")
    policy = make(NAMES, key=KEY, instruments=2, width=WIDTH, semi_recurrent=semi_recurrent)
    policy = eqx.tree_at(lambda q: (q.scaler.unit, q.head.bias), policy, (UNIT, jnp.array([0.1, -0.2])))
    inputs = jnp.hstack([rows, positions / UNIT]) if semi_recurrent else rows
    order = np.r_[0 : 2 * WIDTH, 3 * WIDTH : 4 * WIDTH, 2 * WIDTH : 3 * WIDTH] if make is p.LSTM else slice(None)
    gates = policy.gates
    outer = jnp.hstack([gates.inputs, gates.position]) if semi_recurrent else gates.inputs
    theirs = cell(inputs.shape[1], WIDTH, key=KEY)
    weights = (outer[order], gates.hidden[order], gates.bias[order])
    theirs = eqx.tree_at(lambda c: (c.weight_ih, c.weight_hh, c.bias), theirs, weights)
    if make is p.GRU:
        theirs = eqx.tree_at(lambda c: c.bias_n, theirs, jnp.zeros(WIDTH))
    step = lambda state, x: (theirs(x, state),) * 2  # noqa: E731
    expected = jax.jit(lambda: jax.lax.scan(step, policy.init(), inputs)[1])()
    expected = expected[0] if isinstance(expected, tuple) else expected
    wanted, hidden = steps(policy, rows, positions)
    np.testing.assert_allclose(hidden, expected, rtol=1e-5, atol=1e-6)
    head = np.asarray(expected) @ np.asarray(policy.head.weight).T + [0.1, -0.2]
    np.testing.assert_allclose(wanted, head * np.asarray(UNIT), rtol=1e-5, atol=1e-6)


def test_starts_near_the_baseline():
    """Hidden values are at most 1, so the first wishes of an untrained network are small beside their units."""
    head = Head.make(32, 100, key=KEY)
    assert np.linalg.norm(head.weight, axis=1).mean() < 0.15
    assert not np.any(head.bias)


def test_forget_gate_starts_open():
    bias = p.LSTM(NAMES, key=KEY, width=WIDTH).gates.bias
    np.testing.assert_array_equal(bias.reshape(4, WIDTH).mean(1), [0, 1, 0, 0])


@pytest.mark.parametrize("make", [p.GRU, p.LSTM])
def test_learns_what_only_memory_can_tell(make):
    """Say now what was seen three steps ago: without memory the best error is the variance, 1."""
    import optax

    rows = jax.random.rademacher(jax.random.key(1), (128, 12, 1)).astype(float)
    policy = make(("a",), key=KEY, width=8, semi_recurrent=False)
    parameters, fixed = eqx.partition(policy, p.trainable(policy))
    optimiser = optax.adam(2e-2)

    def follow(policy, row):
        def step(state, encoded):
            wanted, state = policy(encoded, jnp.zeros(1), state)
            return state, wanted[0]

        return jax.lax.scan(step, policy.init(), jax.vmap(lambda x: policy.encode({"a": x}))(row))[1]

    def loss(parameters):
        said = jax.vmap(lambda row: follow(eqx.combine(parameters, fixed), row))(rows)
        return jnp.mean(jnp.square(said[:, 3:] - rows[:, :-3, 0]))

    def update(carry, _):
        parameters, inner = carry
        value, gradient = jax.value_and_grad(loss)(parameters)
        step, inner = optimiser.update(gradient, inner)
        return (eqx.apply_updates(parameters, step), inner), value

    losses = jax.jit(lambda c: jax.lax.scan(update, c, length=300)[1])((parameters, optimiser.init(parameters)))
    assert losses[0] > 0.9
    assert losses[-1] < 0.05
