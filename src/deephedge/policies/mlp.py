"""Specimen of the learnt policies: a semi-recurrent multi-layer perceptron."""

import equinox as eqx
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.policies.base import AbstractPolicy, Frozen, Observation, Scaler, frozen, gather
from deephedge.policies.network import Layers
from deephedge.policies.perceptron import AbstractPerceptron


class MLP(AbstractPerceptron):
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

    def seen(self, observation: Observation) -> Float[Array, " row"]:
        return self.scaler(gather(observation, self.features))
