"""What a learnt market is: a market some of whose arrays training may move."""

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import PRNGKeyArray, PyTree

from deephedge.core.types import as_float
from deephedge.markets.base import AbstractMarket

GIVEN = ("spot", "rate", "dividend", "drift", "state")  # what the user sets, and training leaves alone
REACH = 2.0  # a learnt volatility stays within e^-2 and e^2 of its middle, so that no path overflows


class AbstractGenerator(AbstractMarket):
    """A market with a law that is learnt: all floating-point arrays but those of the fields in ``GIVEN``."""


def learnable(market: AbstractGenerator) -> PyTree:
    """A filter: true for the arrays that training may move.

    >>> import deephedge as dh, equinox as eqx, jax
    >>> market = dh.markets.NeuralSde("SPX", 0.2, key=jax.random.key(0), rate=0.03)
    >>> moved = eqx.filter(market, learnable(market))
    >>> moved.rate is None, moved.log_vol is None
    (True, False)
    """
    kept = {name: jax.tree.map(lambda _: False, getattr(market, name, None)) for name in GIVEN}
    names = [name for name in GIVEN if getattr(market, name, None) is not None]
    spec = jax.tree.map(eqx.is_inexact_array, market)
    return eqx.tree_at(lambda m: [getattr(m, name) for name in names], spec, [kept[name] for name in names])


def perceptron(sizes: Sequence[int], *, key: PRNGKeyArray, last: float) -> eqx.nn.MLP:
    """A tanh network of ``sizes`` = (inputs, width, depth, outputs), its last layer scaled by ``last``.

    Drawn in single precision, so that a key means the same network in both.
    """
    inputs, width, depth, outputs = sizes
    network = eqx.nn.MLP(inputs, outputs, width, depth, activation=jnp.tanh, key=key, dtype=jnp.float32)
    final = network.layers[-1]
    scaled = eqx.tree_at(
        lambda layer: (layer.weight, layer.bias), final, (last * final.weight, jnp.zeros(outputs, jnp.float32))
    )
    return in_default_type(eqx.tree_at(lambda n: n.layers, network, (*network.layers[:-1], scaled)))


def in_default_type(tree: PyTree) -> PyTree:
    """Floating-point arrays in the default type."""
    return jax.tree.map(lambda x: as_float(x) if eqx.is_inexact_array(x) else x, tree)
