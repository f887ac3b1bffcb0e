"""What a policy is: asked at each decision for the position it wants to hold."""

from abc import abstractmethod
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ConfigError, MissingFeature, ProblemError, nearest, require
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


def read(observation: Observation, *names: str) -> tuple[Array, ...]:
    """The named features of one observation, in that order; raises ``MissingFeature`` with the nearest known name."""
    for name in names:
        if name not in observation:
            hint = nearest(name, observation)
            raise MissingFeature(f"the policy needs the feature {name!r}, which the problem does not offer: {hint}")
    return tuple(observation[name] for name in names)


def gather(observation: Observation, names: tuple[str, ...]) -> Float[Array, " feature"]:
    """The named features of one observation as one vector, windows flattened; raises ``MissingFeature``."""
    return jnp.concatenate([jnp.ravel(column) for column in read(observation, *names)])


class AbstractFixed(eqx.Module):
    """What holds numbers that training leaves alone: ``trainable`` leaves it out."""


class Scaler(AbstractFixed):
    """Fixed units of a network: inputs are standardised, outputs are multiples of ``unit`` on top of ``offset``.

    It is measured once on simulated training paths when training starts and never trained: ``trainable`` leaves it
    out. It travels with the weights, so that live code standardises exactly as training did. ``groups`` are lengths
    of runs of inputs that share one mean and one scale, such as the lags of a window; without it each has its own.
    """

    mean: Float[Array, " feature"]
    scale: Float[Array, " feature"]
    unit: Float[Array, " instrument"]
    offset: Float[Array, " instrument"]
    measured: bool = eqx.field(static=True, default=False)
    groups: tuple[int, ...] | None = eqx.field(static=True, default=None)

    @classmethod
    def identity(cls, features: int, instruments: int, groups: tuple[int, ...] | None = None) -> "Scaler":
        require(features >= 1, "a network needs the name of at least one feature to read", ConfigError)
        require(instruments >= 1, f"instruments must be 1 or more, was {instruments}", ConfigError)
        zero, one = as_float(np.zeros(features)), as_float(np.ones(features))
        return cls(zero, one, as_float(np.ones(instruments)), as_float(np.zeros(instruments)), groups=groups)

    def positions(self, outputs: Float[Array, " instrument"]) -> Float[Array, " instrument"]:
        """Outputs of a network as positions."""
        return self.offset + self.unit * outputs

    def inputs(self, positions: Float[Array, " instrument"]) -> Float[Array, " instrument"]:
        """Positions as a network sees them: the inverse of ``positions``."""
        return (positions - self.offset) / self.unit

    def __call__(self, x: Float[Array, " column"]) -> Float[Array, " column"]:
        require(
            x.shape == self.mean.shape,
            f"the features hold {x.size} numbers and the network was built for {self.mean.size}: say inputs={x.size}",
            ProblemError,
        )
        return (x - self.mean) / self.scale

    def measure(
        self,
        rows: Float[Array, "path feature"],
        unit: Float[Array, " instrument"],
        offset: Float[Array, " instrument"] | None = None,
    ) -> "Scaler":
        """The scaler of these observations; a feature that does not vary is only centred."""
        seen, wanted = np.asarray(rows, float), np.asarray(unit, float)  # once for each policy: not worth compiling
        mean = self._pooled(seen.mean(0))
        spread = np.sqrt(self._pooled(np.square(seen - mean).mean(0)))
        constant = spread <= 1e-6 * np.maximum(np.abs(mean), 1e-6)
        sizes = np.where(np.isfinite(wanted) & (wanted > 0), wanted, 1.0)
        scale, base = np.where(constant, 1.0, spread), self.offset if offset is None else offset
        return Scaler(as_float(mean), as_float(scale), as_float(sizes), as_float(base), True, self.groups)

    def _pooled(self, x: np.ndarray) -> np.ndarray:
        if self.groups is None:
            return x
        ends = np.cumsum(self.groups)[:-1]
        return np.concatenate([np.full_like(run, run.mean()) for run in np.split(x, ends)])


class Frozen(AbstractPolicy, AbstractFixed):
    """A policy without memory whose numbers training leaves alone: what a network adds to.

    >>> import deephedge as dh, jax
    >>> delta = dh.policies.BlackScholesDelta()
    >>> jax.tree.leaves(dh.policies.trainable(delta)), jax.tree.leaves(dh.policies.trainable(dh.policies.Frozen(delta)))
    ([True, True, True], [False, False, False])
    """

    policy: AbstractPolicy

    def __check_init__(self):
        memory = jax.tree.leaves(self.policy.init())
        name = type(self.policy).__name__
        require(not memory, f"a network can only add to a policy without memory, and {name} has one", ConfigError)

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> PyTree:
        return _still(self.policy).encode(observation)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        return _still(self.policy)(encoded, position, None)[0], state


def frozen(policy: AbstractPolicy | None) -> Frozen | None:
    """``policy`` as something to add to; nothing stays nothing."""
    return policy if policy is None or isinstance(policy, Frozen) else Frozen(policy)


def on_top_of(
    baseline: Frozen | None, encoded: PyTree, position: Float[Array, " instrument"]
) -> Float[Array, " instrument"]:
    """The position of the baseline that a network adds to, or none."""
    return jnp.zeros_like(position) if baseline is None else baseline(encoded, position, None)[0]


def is_scaler(node: Any) -> bool:
    """Whether a node of a policy's tree is a ``Scaler``: for use as ``is_leaf``."""
    return isinstance(node, Scaler)


def trainable(policy: PyTree) -> PyTree:
    """A filter: true for the arrays that training may move, floating-point leaves outside what is ``AbstractFixed``.

    An optimiser never sees what this leaves out, so weight decay cannot move it either.
    """

    def fixed(node: Any) -> bool:
        return isinstance(node, AbstractFixed)

    def mark(node: Any) -> PyTree:
        return jax.tree.map(lambda _: False, node) if fixed(node) else eqx.is_inexact_array(node)

    return jax.tree.map(mark, policy, is_leaf=fixed)


@partial(jax.jit, static_argnames=("shapes", "gains"))
def dense(
    key: Any, shapes: tuple[tuple[int, int], ...], gains: tuple[float, ...] | None = None
) -> tuple[Float[Array, "_ _"], ...]:
    """Weights of shape (row, column) with variance ``gain^2 / columns``, all in one draw that compiles once.

    Source: He, Zhang, Ren, Sun (2015), with gain sqrt 2 for rectifiers.
    """
    sizes = [rows * columns for rows, columns in shapes]
    parts = jnp.split(jax.random.normal(key, (sum(sizes),)), np.cumsum(sizes)[:-1])
    every = zip(parts, shapes, gains or (1.0,) * len(shapes), strict=True)
    return tuple(part.reshape(shape) * (gain / max(shape[1], 1) ** 0.5) for part, shape, gain in every)


def _still(policy: AbstractPolicy) -> AbstractPolicy:
    return jax.tree.map(lambda x: jax.lax.stop_gradient(x) if eqx.is_array(x) else x, policy)
