"""Networks with a memory of their own: gated recurrent units and long short-term memory."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from deephedge.core.errors import ConfigError, require
from deephedge.core.types import as_float
from deephedge.policies.base import (
    AbstractPolicy,
    Frozen,
    Observation,
    Scaler,
    dense,
    frozen,
    gather,
    on_top_of,
)

Hidden = Float[Array, " row"]


class Gates(eqx.Module):
    """The affine maps into the gates of a cell, stacked: from the inputs, the position and the hidden vector.

    Products are ``x @ W.T``, unlike elsewhere: a scan puts the path axis of what it carries first, and a cell carries
    whole vectors. Forward and backward it takes a fifth less time than ``W @ x``.
    """

    inputs: Float[Array, "row feature"]
    position: Float[Array, "row instrument"] | None
    hidden: Float[Array, "row column"]
    bias: Float[Array, " row"]

    @classmethod
    def make(cls, gates: int, width: int, features: int, instruments: int, *, key: PRNGKeyArray) -> "Gates":
        require(width >= 1, f"width must be 1 or more, was {width}", ConfigError)
        rows = gates * width
        outer, held, inner = dense(key, ((rows, features), (rows, instruments), (rows, width)))
        return cls(outer, held if instruments else None, inner, as_float(np.zeros(rows)))

    def before(self, x: Float[Array, " feature"]) -> Hidden:
        """The part that needs neither position nor memory."""
        return x @ self.inputs.T + self.bias

    def held(self, position: Float[Array, " instrument"]) -> Hidden | float:
        """The part of the position, 0 where it is not looked at."""
        return 0.0 if self.position is None else position @ self.position.T

    def kept(self, hidden: Float[Array, " column"]) -> Hidden:
        """The part of the hidden vector."""
        return hidden @ self.hidden.T


class Head(eqx.Module):
    """From a hidden vector to positions in units of a ``Scaler``; starts near 0."""

    weight: Float[Array, "instrument row"]
    bias: Float[Array, " instrument"]

    @classmethod
    def make(cls, width: int, instruments: int, *, key: PRNGKeyArray) -> "Head":
        return cls(dense(key, ((instruments, width),), (0.1,))[0], as_float(np.zeros(instruments)))

    def __call__(self, hidden: Hidden) -> Float[Array, " instrument"]:
        return hidden @ self.weight.T + self.bias


class GRU(AbstractPolicy):
    r"""A gated recurrent unit fed the features and the current position, and a linear map to the position wanted:

    .. math:: r, z = s(W_{rz}x + U_{rz}h), \quad n = \tanh(W_n x + r\,U_n h), \quad h' = (1-z)\,n + z\,h, \quad
        \delta = u\,(Vh' + v),

    with :math:`x` the standardised features (and the position over the unit :math:`u`, unless ``semi_recurrent=False``)
    and :math:`s` the logistic function. Memory is :math:`h`, ``width`` numbers that start at 0. ``features``,
    ``inputs``, ``instruments`` and ``baseline`` are those of ``MLP``.

    Source: Cho et al. (2014), with the reset gate after the matrix product.

    >>> import deephedge as dh, jax
    >>> policy = dh.policies.GRU(("log_moneyness", "time_left"), key=jax.random.key(0), width=8)
    >>> policy.init().shape
    (8,)
    """

    gates: Gates
    head: Head
    scaler: Scaler
    baseline: Frozen | None
    features: tuple[str, ...] = eqx.field(static=True)

    def __init__(
        self,
        features: tuple[str, ...] | list[str],
        *,
        key: PRNGKeyArray,
        instruments: int = 1,
        width: int = 32,
        inputs: int | None = None,
        semi_recurrent: bool = True,
        baseline: AbstractPolicy | None = None,
    ):
        self.features, self.baseline = tuple(features), frozen(baseline)
        columns = inputs or len(self.features)
        self.scaler = Scaler.identity(columns, instruments)
        inner, outer = jax.random.split(key)
        self.gates = Gates.make(3, width, columns, instruments * semi_recurrent, key=inner)
        self.head = Head.make(width, instruments, key=outer)

    def init(self) -> Hidden:
        return as_float(np.zeros(self.head.weight.shape[1]))

    def encode(self, observation: Observation) -> PyTree:
        before = self.gates.before(self.scaler(gather(observation, self.features)))
        return before, None if self.baseline is None else self.baseline.encode(observation)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: Hidden
    ) -> tuple[Float[Array, " instrument"], Hidden]:
        before, base = encoded
        seen = jnp.split(before + self.gates.held(self.scaler.inputs(position)), 3)
        kept = jnp.split(self.gates.kept(state), 3)
        reset, update = jax.nn.sigmoid(seen[0] + kept[0]), jax.nn.sigmoid(seen[1] + kept[1])
        fresh = jnp.tanh(seen[2] + reset * kept[2])
        state = fresh + update * (state - fresh)
        return self.scaler.positions(self.head(state)) + on_top_of(self.baseline, base, position), state


class LSTM(AbstractPolicy):
    r"""Long short-term memory fed the features and the current position, and a linear map to the position wanted:

    .. math:: i, f, o = s(W_{ifo}x + U_{ifo}h), \quad c' = f\,c + i\,\tanh(W_g x + U_g h), \quad h' = o\,\tanh c', \quad
        \delta = u\,(Vh' + v).

    The forget gate starts open, its bias at 1. Memory is the pair :math:`(h, c)`, ``width`` numbers each, from 0.
    Everything else is as in ``GRU``.

    Source: Hochreiter and Schmidhuber (1997); Gers, Schmidhuber, Cummins (2000) for the forget gate.

    >>> import deephedge as dh, jax
    >>> policy = dh.policies.LSTM(("log_moneyness", "time_left"), key=jax.random.key(0), width=8)
    >>> [x.shape for x in policy.init()]
    [(8,), (8,)]
    """

    gates: Gates
    head: Head
    scaler: Scaler
    baseline: Frozen | None
    features: tuple[str, ...] = eqx.field(static=True)

    def __init__(
        self,
        features: tuple[str, ...] | list[str],
        *,
        key: PRNGKeyArray,
        instruments: int = 1,
        width: int = 32,
        inputs: int | None = None,
        semi_recurrent: bool = True,
        baseline: AbstractPolicy | None = None,
    ):
        self.features, self.baseline = tuple(features), frozen(baseline)
        columns = inputs or len(self.features)
        self.scaler = Scaler.identity(columns, instruments)
        inner, outer = jax.random.split(key)
        gates = Gates.make(4, width, columns, instruments * semi_recurrent, key=inner)
        self.gates = eqx.tree_at(lambda g: g.bias, gates, gates.bias.at[width : 2 * width].set(1.0))
        self.head = Head.make(width, instruments, key=outer)

    def init(self) -> tuple[Hidden, Hidden]:
        nothing = as_float(np.zeros(self.head.weight.shape[1]))
        return nothing, nothing

    def encode(self, observation: Observation) -> PyTree:
        before = self.gates.before(self.scaler(gather(observation, self.features)))
        return before, None if self.baseline is None else self.baseline.encode(observation)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: tuple[Hidden, Hidden]
    ) -> tuple[Float[Array, " instrument"], tuple[Hidden, Hidden]]:
        (before, base), (hidden, cell) = encoded, state
        gates = before + self.gates.held(self.scaler.inputs(position)) + self.gates.kept(hidden)
        write, forget, show, fresh = jnp.split(gates, 4)
        cell = jax.nn.sigmoid(forget) * cell + jax.nn.sigmoid(write) * jnp.tanh(fresh)
        hidden = jax.nn.sigmoid(show) * jnp.tanh(cell)
        return self.scaler.positions(self.head(hidden)) + on_top_of(self.baseline, base, position), (hidden, cell)
