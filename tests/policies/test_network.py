"""The layers are a primitive of their own: every transformation must give what plain layers give."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.policies.network import Layers

KEY = jax.random.key(3)
X = jax.random.normal(KEY, (5, 3))


def plain(layers, x):
    for n, (weight, bias) in enumerate(zip(layers.weights, layers.biases, strict=True)):
        x = weight @ (x if n == 0 else jnp.maximum(x, 0.0)) + bias
    return x


def make(key=KEY):
    layers = Layers.make((3, 6, 6, 2), key=key)
    shift = jax.tree.map(lambda x: x + 0.1, layers.biases)
    return Layers(layers.weights, shift, "relu")


def close(one, two):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-6), one, two)


TRANSFORMATIONS = {
    "call": lambda f, p: f(p, X[0]),
    "jit": lambda f, p: jax.jit(f)(p, X[0]),
    "vmap": lambda f, p: jax.vmap(f, (None, 0))(p, X),
    "vmap over a middle axis": lambda f, p: jax.vmap(f, (None, 1))(p, X.T),
    "vmap of vmap": lambda f, p: jax.vmap(jax.vmap(f, (None, 0)), (None, 0))(p, jnp.stack([X, X + 1, X - 1])),
    "gradient": lambda f, p: jax.grad(lambda p: f(p, X[0]).sum())(p),
    "gradient of vmap": lambda f, p: jax.grad(lambda p: (jax.vmap(f, (None, 0))(p, X) ** 2).sum())(p),
    "vmap of gradient": lambda f, p: jax.vmap(jax.grad(lambda p, x: f(p, x)[1]), (None, 0))(p, X),
    "gradient in the input": lambda f, p: jax.vmap(jax.grad(lambda x: f(p, x)[0]))(X),
    "forward mode": lambda f, p: jax.jacfwd(lambda x: f(p, x))(X[0]),
    "second derivative": lambda f, p: jax.hessian(lambda b: (f(p, X[0] * b) ** 2).sum())(1.5),
    "inside a checkpointed scan": lambda f, p: jax.grad(
        lambda p: jax.vmap(
            lambda x: jax.lax.scan(jax.checkpoint(lambda c, _: (c + f(p, x), c)), jnp.zeros(2), None, length=3)[0]
        )(X).sum()
    )(p),
}  # fmt: skip


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_every_transformation_agrees_with_plain_layers(name):
    transformed = TRANSFORMATIONS[name]
    close(transformed(lambda p, x: p(x), make()), transformed(plain, make()))


def test_several_networks_at_once():
    many = jax.vmap(make)(jax.random.split(KEY, 4))
    close(jax.vmap(lambda p: jax.vmap(p)(X))(many), jax.vmap(lambda p: jax.vmap(lambda x: plain(p, x))(X))(many))
    loss = lambda p: (jax.vmap(p)(X) ** 2).sum()  # noqa: E731
    other = lambda p: (jax.vmap(lambda x: plain(p, x))(X) ** 2).sum()  # noqa: E731
    close(jax.vmap(jax.grad(loss))(many), jax.vmap(jax.grad(other))(many))


def test_shapes_are_known_without_evaluating():
    assert jax.eval_shape(jax.vmap(make()), X).shape == (5, 2)
