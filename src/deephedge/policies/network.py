"""The plain network inside the policies: layers of ``activation(W x + b)``, written for feature-major batches."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.errors import ConfigError, nearest, require
from deephedge.policies.base import dense

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "gelu": jax.nn.gelu,
    "softplus": jax.nn.softplus,
}


class Layers(eqx.Module):
    """A multi-layer perceptron; ``sizes`` = (inputs, hidden ..., outputs). ``W @ x`` keeps paths on the last axis."""

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]
    activation: str = eqx.field(static=True)

    @classmethod
    def make(cls, sizes: Sequence[int], *, key: PRNGKeyArray, activation: str = "relu", last: float = 1.0) -> "Layers":
        """He initialisation; the last layer is scaled by ``last``."""
        known = activation in ACTIVATIONS
        require(known, f"unknown activation {activation!r}: {nearest(activation, ACTIVATIONS)}", ConfigError)
        require(min(sizes) >= 1, f"layer sizes must be 1 or more, were {tuple(sizes)}", ConfigError)
        keys = jax.random.split(key, len(sizes) - 1)
        gains = [2**0.5] * (len(sizes) - 2) + [last]
        weights = tuple(dense(k, o, i, g) for k, i, o, g in zip(keys, sizes[:-1], sizes[1:], gains, strict=True))
        return cls(weights, tuple(jnp.zeros(o) for o in sizes[1:]), activation)

    def first(self, x: Float[Array, " column"]) -> Float[Array, " row"]:
        """The first layer before its activation."""
        return self.weights[0][:, : x.shape[0]] @ x + self.biases[0]

    def also(self, before: Float[Array, " row"], x: Float[Array, " column"]) -> Float[Array, " row"]:
        """``before`` with the last columns of the first layer applied to ``x``, which was not known to ``first``."""
        return before + self.weights[0][:, -x.shape[0] :] @ x

    def rest(self, before: Float[Array, " row"]) -> Float[Array, " output"]:
        """Everything after ``first``."""
        act = ACTIVATIONS[self.activation]
        for weight, bias in zip(self.weights[1:], self.biases[1:], strict=True):
            before = weight @ act(before) + bias
        return before

    def __call__(self, x: Float[Array, " column"]) -> Float[Array, " output"]:
        return self.rest(self.first(x))
