"""A learnt policy over the positions of a book, in whatever order they are listed."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.errors import ConfigError, require
from deephedge.policies.base import AbstractPolicy, Frozen, Observation, Scaler, frozen, gather, read
from deephedge.policies.network import ACTIVATIONS, Layers
from deephedge.policies.perceptron import AbstractPerceptron


class DeepSet(AbstractPerceptron):
    r"""Permutation-invariant: :math:`\delta_k=u\,F^\theta\big(\sum_p G^\theta(x_p),\,I_k,\,\delta_{k-1}/u\big)`.

    The feature ``positions`` (`features.Positions`) holds one row :math:`x_p` of ``columns`` numbers for each position;
    every row goes through one network :math:`G` of ``width`` outputs, and only their sum is seen: the order of the
    book does not matter, and neither does its length. A row of zeros adds nothing; give the columns units of about 1
    (``scale`` of `features.Positions`). ``features`` are seen besides, as by an `MLP`, as is the position; with
    ``baseline`` the network learns what to add to that policy's position.

    Source: Zaheer, Kottur, Ravanbakhsh, Poczos, Salakhutdinov, Smola (2017).

    >>> import deephedge as dh, jax, jax.numpy as jnp
    >>> policy = dh.policies.DeepSet(("time_left",), columns=3, key=jax.random.key(0), width=8, depth=1)
    >>> rows = jax.random.normal(jax.random.key(1), (5, 3))
    >>> def wanted(rows):
    ...     seen = {"positions": rows, "time_left": jnp.array(0.5)}
    ...     return policy(policy.encode(seen), jnp.zeros(1), None)[0]
    >>> bool(jnp.allclose(wanted(rows), wanted(rows[::-1]), atol=1e-5))
    True
    """

    inner: Layers
    layers: Layers
    scaler: Scaler
    baseline: Frozen | None
    features: tuple[str, ...] = eqx.field(static=True)
    positions: str = eqx.field(static=True)
    semi_recurrent: bool = eqx.field(static=True, default=True)

    def __init__(
        self,
        features: tuple[str, ...] | list[str],
        *,
        columns: int,
        key: PRNGKeyArray,
        instruments: int = 1,
        width: int = 32,
        depth: int = 2,
        activation: str = "relu",
        inputs: int | None = None,
        positions: str = "positions",
        baseline: AbstractPolicy | None = None,
    ):
        require(columns >= 1, f"columns must be the numbers in a row of {positions!r}, was {columns}", ConfigError)
        inner, outer = jax.random.split(key)
        self.features, self.positions, self.baseline = tuple(features), positions, frozen(baseline)
        seen = inputs or len(self.features)
        self.scaler = Scaler.identity(seen, instruments)
        self.inner = Layers.make((columns, *[width] * depth), key=inner, activation=activation)
        sizes = (width + seen + instruments, *[width] * depth, instruments)
        self.layers = Layers.make(sizes, key=outer, activation=activation, last=0.1)

    def seen(self, observation: Observation) -> Float[Array, " row"]:
        (rows,) = read(observation, self.positions)
        act = ACTIVATIONS[self.inner.activation]
        nothing = act(self.inner(jnp.zeros(rows.shape[-1], rows.dtype)))
        pooled = jnp.sum(act(jax.vmap(self.inner)(rows)) - nothing, axis=0)
        return jnp.concatenate([pooled, self.scaler(gather(observation, self.features))])
