"""The convolution against a plain one in NumPy, over every lag."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import policies as p
from deephedge.core.errors import ConfigError, ProblemError
from deephedge.policies.convolutional import Convolution, doubling

KEY = jax.random.key(0)


def plain(convolution: Convolution, windows: np.ndarray) -> np.ndarray:
    """All lags of all layers, zeros before the window: the newest value of the last layer."""
    hidden = np.asarray(windows, float)
    for weight, bias, dilation in zip(convolution.weights, convolution.biases, convolution.dilations, strict=True):
        channels, length = hidden.shape
        taps = np.asarray(weight, float).reshape(-1, convolution.kernel, channels)
        total = np.repeat(np.asarray(bias, float)[:, None], length, 1)
        for tap in range(convolution.kernel):
            for now in range(length):
                if now - tap * dilation >= 0:
                    total[:, now] += taps[:, tap] @ hidden[:, now - tap * dilation]
        hidden = np.maximum(total, 0)
    return hidden[:, -1]


@pytest.mark.parametrize(
    ("length", "kernel", "dilations"),
    [(16, 2, (1, 2, 4, 8)), (16, 3, (1, 2, 4)), (5, 2, (3, 1)), (1, 2, (1,)), (7, 4, (2, 2))],
)
def test_convolution_is_the_plain_one(length, kernel, dilations):
    convolution = Convolution.make(2, 6, kernel, dilations, key=KEY)
    convolution = eqx.tree_at(lambda c: c.biases, convolution, tuple(jnp.linspace(-0.5, 1.0, 6) for _ in dilations))
    windows = np.random.default_rng(0).normal(size=(2, length))
    expected = plain(convolution, windows)
    assert np.any(expected)
    np.testing.assert_allclose(eqx.filter_jit(convolution)(jnp.asarray(windows, "f")), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("length", "kernel"), [(1, 2), (8, 2), (9, 2), (8, 3)])
def test_by_default_every_value_of_the_window_is_read(length, kernel):
    policy = p.CNN(("w",), key=KEY, length=length, kernel=kernel, channels=4)
    assert policy.convolution.dilations == doubling(length, kernel)
    ones = jax.tree.map(jnp.ones_like, policy.convolution)
    moves = jax.jit(jax.grad(lambda w: jnp.sum(ones(w))))(jnp.ones((1, length)))
    assert np.all(moves > 0)


def test_needed_lags_are_few():
    """One output a layer for each value that the next reads: 15 in all, not 64."""
    lags = Convolution.make(1, 1, 2, (1, 2, 4, 8), key=KEY).lags(16)
    assert [len(x) for x in lags] == [8, 4, 2, 1]


def test_windows_are_stacked_as_channels_and_standardised_as_one():
    """The inputs reach the convolution newest last, after the scaler, in the order of the names."""
    policy = p.CNN(("r", "v"), ("vol",), key=KEY, length=4, channels=3)
    rows = np.random.default_rng(1).normal(size=(200, 9)) * 3 + 1
    policy = eqx.tree_at(lambda q: q.scaler, policy, policy.scaler.measure(jnp.asarray(rows, "f"), jnp.ones(1)))
    seen = {"r": rows[0, :4], "v": rows[0, 4:8], "vol": rows[0, 8]}
    first, _ = policy.encode({name: jnp.asarray(x, "f") for name, x in seen.items()})
    scaled = [(x - part.mean()) / part.std() for x, part in ((seen["r"], rows[:, :4]), (seen["v"], rows[:, 4:8]))]
    inputs = np.append(
        plain(policy.convolution, np.stack(scaled)), (seen["vol"] - rows[:, 8].mean()) / rows[:, 8].std()
    )
    np.testing.assert_allclose(first, inputs, rtol=1e-4, atol=1e-5)


def test_reads_the_windows_that_the_problem_offers():
    path = dh.MarketPath(jnp.arange(4.0), {"SPX": jnp.array([1.0, 2.0, 4.0, 8.0])}, jnp.ones(4))
    window = f.Window(f.Quote("SPX", "spot"), 2, "w")(path)
    policy = p.CNN(("w",), key=KEY, length=2)
    newest_only = eqx.tree_at(
        lambda q: q.convolution.weights, policy, (policy.convolution.weights[0].at[:, 1].set(0.0),)
    )  # the second tap is the older value
    encode = jax.vmap(lambda w: newest_only.encode({"w": w})[0])
    np.testing.assert_allclose(encode(window), encode(jnp.stack([jnp.zeros(4), path.quotes["SPX"]], 1)), rtol=1e-6)


def test_a_window_of_another_length_says_what_to_do():
    with pytest.raises(ProblemError, match="'w' holds 5 numbers, not a window of 16: say length=5"):
        p.CNN(("w",), key=KEY).encode({"w": jnp.ones(5)})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"windows": ()}, "at least one window"),
        ({"length": 0}, "length must be 1 or more, was 0"),
        ({"kernel": 1}, "kernel must be 2 or more, was 1"),
        ({"channels": 0}, "channels must be 1 or more, was 0"),
        ({"dilations": (1, 0)}, "whole numbers from 1"),
        ({"dilations": ()}, "whole numbers from 1"),
    ],
)
def test_a_convolution_that_cannot_be(settings, message):
    with pytest.raises(ConfigError, match=message):
        p.CNN(**({"windows": ("w",), "key": KEY} | settings))
