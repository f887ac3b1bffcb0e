"""Specimen of the learnt policies: a semi-recurrent multi-layer perceptron."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from deephedge.policies.base import AbstractPolicy, Frozen, Observation, Scaler, frozen, gather, on_top_of
from deephedge.policies.network import Layers


class MLP(AbstractPolicy):
    r"""One network for all dates, fed the features and the current position:
    :math:`\delta_k = u \cdot F^\theta(I_k, \delta_{k-1}/u)`.

    ``features`` names the inputs (windows are flattened; give their total length as ``inputs``), ``width`` and
    ``depth`` are hidden units and layers, ``semi_recurrent=False`` drops the position. With ``baseline`` the network
    learns what to add to that policy's position. ``u`` is the unit measured at the start of training.

    Source: Buehler, Gonon, Teichmann, Wood (2019), section 4: semi-recurrent networks.

    >>> import deephedge as dh, jax
    >>> policy = dh.policies.MLP(("log_moneyness", "time_left"), key=jax.random.key(0), width=8, depth=1)
    >>> policy.init() is None
    True
    """

    layers: Layers
    scaler: Scaler
    baseline: Frozen | None
    features: tuple[str, ...] = eqx.field(static=True)
    semi_recurrent: bool = eqx.field(static=True)

    def __init__(
        self,
        features: tuple[str, ...] | list[str],
        *,
        key: PRNGKeyArray,
        instruments: int = 1,
        width: int = 32,
        depth: int = 2,
        activation: str = "relu",
        inputs: int | None = None,
        semi_recurrent: bool = True,
        baseline: AbstractPolicy | None = None,
    ):
        self.features = tuple(features)
        self.semi_recurrent, self.baseline = semi_recurrent, frozen(baseline)
        columns = inputs or len(self.features)
        self.scaler = Scaler.identity(columns, instruments)
        sizes = (columns + instruments * semi_recurrent, *[width] * depth, instruments)
        self.layers = Layers.make(sizes, key=key, activation=activation, last=0.1)

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> PyTree:
        seen = self.scaler(gather(observation, self.features))
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
