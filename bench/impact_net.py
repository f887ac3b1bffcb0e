"""The network of Neagu, Godin, Simard and Kosseim (2024) and how it was trained, after the code they released.

Four layers of 256 rectifiers see the time in years, the log-moneyness, the position, the value of the hedging
portfolio if it were sold now over the premium, and what trades have eaten of either side of the book: nothing is
scaled. Adam at 1e-4, falling in a line to 1e-5 over 100 epochs of 390 batches of 256 fresh paths, lowers the root of
each batch's mean squared shortfall.
"""

from collections.abc import Iterator
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, PRNGKeyArray, PyTree

import deephedge as dh
from deephedge.policies.base import read
from deephedge.policies.network import Layers
from deephedge.training.pathwise import Simulation

EPOCHS, BATCHES, BATCH, RATE = 100, 390, 256, 1e-4


class Portfolio(dh.policies.AbstractPolicy):
    """The network with the books it keeps: cash, and what its trades have eaten of the asks and bids."""

    layers: Layers
    buy: float = eqx.field(static=True)
    sell: float = eqx.field(static=True)
    kept: float = eqx.field(static=True)
    premium: float = eqx.field(static=True)

    def init(self) -> tuple[Array, Array, Array]:
        return jnp.asarray(self.premium), jnp.zeros(()), jnp.zeros(())

    def encode(self, observation: dict[str, Array]) -> dict[str, Array]:
        return observation

    def __call__(self, encoded: dict[str, Array], position: Array, state: PyTree) -> tuple[Array, PyTree]:
        cash, asks, bids = state
        years, moneyness, spot = read(encoded, "time", "log_moneyness", "spot")
        value = (cash + self.received(spot, position[0], asks, bids)) / self.premium
        wanted = self.layers(jnp.stack([years, moneyness, position[0], value, asks, bids]))
        sold = position[0] - wanted[0]
        cash = cash + self.received(spot, sold, asks, bids)
        asks, bids = (self.kept * x for x in (asks + jnp.maximum(-sold, 0.0), bids + jnp.maximum(sold, 0.0)))
        return wanted, (cash, asks, bids)

    def received(self, spot: Array, sold: Array, asks: Array, bids: Array) -> Array:
        """Cash for ``sold`` shares, paid where they are bought."""
        out, back = jnp.maximum(sold, 0.0), jnp.maximum(-sold, 0.0)
        sale = (1 + bids + out) ** self.sell - (1 + bids) ** self.sell
        return spot * (sale - (1 + asks + back) ** self.buy + (1 + asks) ** self.buy)


def network(key: PRNGKeyArray, width: int = 256) -> Layers:
    """PyTorch's first weights and biases: uniform, at most one over the root of the inputs in size."""
    sizes = (6, *[width] * 4, 1)
    keys = iter(jax.random.split(key, 2 * len(sizes)))

    def uniform(shape: tuple[int, ...], inputs: int) -> Array:
        return jax.random.uniform(next(keys), shape, minval=-(inputs**-0.5), maxval=inputs**-0.5)

    pairs = list(pairwise(sizes))
    weights = tuple(uniform((outputs, inputs), inputs) for inputs, outputs in pairs)
    return Layers(weights, tuple(uniform((outputs,), inputs) for inputs, outputs in pairs), "relu")


def epochs(problem, market, policy, risk, key, count: int, batches: int) -> Iterator[tuple]:
    """The policy after each of ``count`` epochs, with the mean of the roots of its batches' losses."""
    simulation = Simulation.of(problem, market, BATCH, "random")
    parameters, fixed = eqx.partition(policy, dh.policies.trainable(policy))
    optimiser = optax.adam(lambda update: RATE * (1 - 0.9 * jnp.floor_divide(update, batches) / count))

    def loss(parameters: PyTree, key: PRNGKeyArray) -> Array:
        policy = eqx.combine(parameters, fixed)
        return jnp.sqrt(risk(jax.vmap(lambda n: simulation.outcome(policy, key, n)[0])(jnp.arange(BATCH))))

    def update(state: PyTree, key: PRNGKeyArray) -> tuple[PyTree, Array]:
        parameters, memory = state
        value, slope = jax.value_and_grad(loss)(parameters, key)
        change, memory = optimiser.update(slope, memory)
        return (optax.apply_updates(parameters, change), memory), value

    epoch = jax.jit(lambda state, key: jax.lax.scan(update, state, jax.random.split(key, batches)))
    state = parameters, optimiser.init(parameters)
    for number in range(count):
        state, losses = epoch(state, jax.random.fold_in(key, number))
        yield eqx.combine(state[0], fixed), float(losses.mean())
