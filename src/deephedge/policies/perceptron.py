"""What policies share whose last word is a perceptron's."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from deephedge.policies.base import AbstractPolicy, Frozen, Observation, Scaler, on_top_of
from deephedge.policies.network import Layers


class AbstractPerceptron(AbstractPolicy):
    """``layers`` of what is ``seen`` and, where ``semi_recurrent``, of the position; on top of ``baseline``."""

    layers: eqx.AbstractVar[Layers]
    scaler: eqx.AbstractVar[Scaler]
    baseline: eqx.AbstractVar[Frozen | None]
    semi_recurrent: eqx.AbstractVar[bool]

    @abstractmethod
    def seen(self, observation: Observation) -> Float[Array, " row"]:
        """The inputs of ``layers`` but for the position."""

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> PyTree:
        seen = self.seen(observation)
        if not self.semi_recurrent:
            seen = self.layers(seen)
        return seen, None if self.baseline is None else self.baseline.encode(observation)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        seen, base = encoded
        if self.semi_recurrent:
            seen = self.layers(jnp.concatenate([seen, self.scaler.inputs(position)]))
        return self.scaler.positions(seen) + on_top_of(self.baseline, base, position), state
