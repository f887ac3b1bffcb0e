"""What a policy is: asked at each decision for the position it wants to hold."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import MissingFeature, nearest
from deephedge.core.types import as_float

Observation = dict[str, Array]


class AbstractPolicy(eqx.Module):
    """(observation, position, memory) -> the position wanted, and the new memory.

    ``encode`` holds all that needs neither position nor memory: a rollout calls it once for all points of a path, in
    one batched call, and scans only ``__call__``.
    """

    @abstractmethod
    def init(self) -> PyTree:
        """Memory at the start of a path; ``None`` for a policy without memory."""

    @abstractmethod
    def encode(self, observation: Observation) -> PyTree:
        """What the policy makes of one observation, before it looks at its position."""

    @abstractmethod
    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        """The position wanted over the next step (units of each instrument), and the new memory."""


def gather(observation: Observation, names: tuple[str, ...]) -> Float[Array, " feature"]:
    """The named features of one observation as one vector; raises ``MissingFeature`` with the nearest known name."""
    for name in names:
        if name not in observation:
            hint = nearest(name, observation)
            raise MissingFeature(f"the policy needs the feature {name!r}, which the problem does not offer: {hint}")
    return jnp.concatenate([jnp.ravel(observation[name]) for name in names])


class Scaler(eqx.Module):
    """Fixed units of a network: inputs are standardised by it and outputs are multiples of ``unit``.

    It is measured once on simulated training paths when training starts and never trained: ``trainable`` leaves it
    out. It travels with the weights, so that live code standardises exactly as training did.
    """

    mean: Float[Array, " feature"]
    scale: Float[Array, " feature"]
    unit: Float[Array, " instrument"]
    measured: bool = eqx.field(static=True, default=False)

    @classmethod
    def identity(cls, features: int, instruments: int) -> "Scaler":
        return cls(as_float(np.zeros(features)), as_float(np.ones(features)), as_float(np.ones(instruments)))

    def __call__(self, x: Float[Array, " feature"]) -> Float[Array, " feature"]:
        return (x - self.mean) / self.scale

    def measure(self, rows: Float[Array, "path feature"], unit: Float[Array, " instrument"]) -> "Scaler":
        """The scaler of these observations; a feature that does not vary is only centred."""
        mean, spread = rows.mean(0), rows.std(0)
        constant = spread <= 1e-6 * jnp.maximum(jnp.abs(mean), 1e-6)
        return Scaler(mean, jnp.where(constant, 1.0, spread), jnp.where(unit > 0, unit, 1.0), True)


def is_scaler(node: Any) -> bool:
    return isinstance(node, Scaler)


def trainable(policy: PyTree) -> PyTree:
    """A filter: true for the arrays that gradient descent may move (all floating-point leaves outside a scaler)."""
    return jax.tree.map(
        lambda node: jax.tree.map(lambda _: False, node) if is_scaler(node) else eqx.is_inexact_array(node),
        policy,
        is_leaf=is_scaler,
    )


def dense(key: Any, rows: int, columns: int, gain: float = 1.0) -> Float[Array, "row column"]:
    """Weights with variance ``gain^2 / columns`` (He, Zhang, Ren, Sun 2015, with gain sqrt 2 for rectifiers)."""
    return jax.random.normal(key, (rows, columns)) * (gain / columns**0.5)
