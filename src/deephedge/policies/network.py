"""The plain network inside the policies: layers of ``activation(W x + b)``, evaluated with batches on the last axis."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.errors import ConfigError, nearest, require
from deephedge.core.types import as_float
from deephedge.policies.base import dense

ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "relu": jax.nn.relu,
    "silu": jax.nn.silu,
    "tanh": jnp.tanh,
    "gelu": jax.nn.gelu,
    "softplus": jax.nn.softplus,
}


class Layers(eqx.Module):
    """A multi-layer perceptron; ``sizes`` = (inputs, hidden ..., outputs)."""

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " _"], ...]
    activation: str = eqx.field(static=True)

    @classmethod
    def make(cls, sizes: Sequence[int], *, key: PRNGKeyArray, activation: str = "relu", last: float = 1.0) -> "Layers":
        """He initialisation; the last layer is scaled by ``last``."""
        known = activation in ACTIVATIONS
        require(known, f"unknown activation {activation!r}: {nearest(activation, ACTIVATIONS)}", ConfigError)
        require(min(sizes) >= 1, f"layer sizes must be 1 or more, were {tuple(sizes)}", ConfigError)
        shapes, gains = tuple(zip(sizes[1:], sizes[:-1], strict=True)), (2**0.5,) * (len(sizes) - 2) + (last,)
        return cls(dense(key, shapes, gains), tuple(as_float(np.zeros(o)) for o in sizes[1:]), activation)

    def __call__(self, x: Float[Array, " column"]) -> Float[Array, " output"]:
        return _layers.bind(x, *self.weights, *self.biases, activation=self.activation)


# A primitive of its own, because ``vmap`` of ``W @ x + b`` moves the batch to the front when it adds the bias. With the
# batch last the products with a weight's transpose, half of the backward pass, run at nearly twice the rate on a CPU.
# It is evaluated and differentiated as the plain layers below; all it says itself is where a batch goes.
_layers = Primitive("layers")


@_layers.def_impl
def _evaluate(x: Array, *parameters: Array, activation: str) -> Array:
    act, depth = ACTIVATIONS[activation], len(parameters) // 2
    flat = x.reshape(x.shape[0], -1)
    for n, (weight, bias) in enumerate(zip(parameters[:depth], parameters[depth:], strict=True)):
        flat = weight @ (flat if n == 0 else act(flat)) + bias[:, None]
    return flat.reshape(-1, *x.shape[1:])


def _batch_last(arguments: Sequence[Array], places: Sequence, activation: str) -> tuple[Array, int]:
    x, *parameters = arguments
    if all(place is None for place in places[1:]):
        x = jnp.moveaxis(x, places[0], -1)
        return _layers.bind(x, *parameters, activation=activation), x.ndim - 1
    return jax.vmap(lambda *a: _evaluate(*a, activation=activation), tuple(places))(*arguments), 0


def _derivative(primals: Sequence[Array], tangents: Sequence, activation: str) -> tuple[Array, Array]:
    tangents = [ad.instantiate_zeros(tangent) for tangent in tangents]
    return jax.jvp(lambda *a: _evaluate(*a, activation=activation), tuple(primals), tuple(tangents))


_layers.def_abstract_eval(lambda x, *parameters, activation: x.update(shape=(parameters[-1].shape[0], *x.shape[1:])))
mlir.register_lowering(_layers, mlir.lower_fun(_evaluate, multiple_results=False))
batching.primitive_batchers[_layers] = _batch_last
ad.primitive_jvps[_layers] = _derivative
