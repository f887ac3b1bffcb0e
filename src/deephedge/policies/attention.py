"""Attention over windows of the past."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.errors import ConfigError, require
from deephedge.core.types import as_float
from deephedge.policies.base import AbstractPolicy, Frozen, Observation, Scaler, dense, frozen
from deephedge.policies.convolutional import stacked
from deephedge.policies.network import Layers
from deephedge.policies.perceptron import AbstractPerceptron


class Pooling(eqx.Module):
    r"""The newest value of a window, and what else is seen, ask all values of the window.

    Each lag :math:`j` is a token :math:`x_j = W_e z_j + e_j` of the values :math:`z_j` of all windows there, with a
    learnt :math:`e_j` for its place. Of ``heads`` heads each has

    .. math:: a_j \propto \exp\frac{q\cdot k_j}{\sqrt d}, \quad q = W_q\,(x_0, y), \quad k_j = W_k x_j, \quad
              h = \sum_j a_j W_v x_j,

    :math:`y` being the other inputs and :math:`d` the size of a head; the result is :math:`x_0 + W_o\,(h_1, h_2,
    \dots)`. Only the newest place asks, so the cost grows with the length of the window and not with its square.

    Source: Vaswani et al. (2017), equation 1 and section 3.2.2.
    """

    embed: Float[Array, "row unit"]
    places: Float[Array, "row step"]
    query: Float[Array, "row _"]
    key: Float[Array, "row row"]
    value: Float[Array, "row row"]
    out: Float[Array, "row row"]
    heads: int = eqx.field(static=True)

    @classmethod
    def make(cls, windows: int, others: int, length: int, channels: int, heads: int, *, key: PRNGKeyArray) -> "Pooling":
        shapes = ((channels, windows), (channels, channels + others), *(((channels, channels),) * 3))
        embed, query, keys, value, out = dense(key, shapes, (1.0,) * 5)
        return cls(embed, as_float(np.zeros((channels, length))), query, keys, value, out, heads)

    def __call__(self, windows: Float[Array, "unit step"], others: Float[Array, " feature"]) -> Float[Array, " row"]:
        """One vector of the windows, whose newest value is their last."""
        tokens = self.embed @ windows + self.places
        newest = tokens[:, -1]
        asked = self._split(self.query @ jnp.concatenate([newest, others]))
        keys, values = self._split(self.key @ tokens), self._split(self.value @ tokens)
        scores = jnp.einsum("hd,hdt->ht", asked, keys) / np.sqrt(asked.shape[1])
        seen = jnp.einsum("ht,hdt->hd", jax.nn.softmax(scores, axis=1), values)
        return newest + self.out @ seen.ravel()

    def _split(self, rows: Array) -> Array:
        return rows.reshape(self.heads, -1, *rows.shape[1:])


class Attention(AbstractPerceptron):
    r"""Attention over windows, then a perceptron of what it found, the other features and the position.

    ``windows`` names features that are vectors of ``length`` past values, newest last; the other inputs (named by
    ``features``) take part in the question and join again after it. ``channels`` is the size of a token, a multiple of
    ``heads``; ``width`` the hidden layer of the perceptron; ``instruments``, ``semi_recurrent`` and ``baseline`` are
    those of ``MLP``. All lags of a window are standardised alike. The attribute ``features`` names all inputs in
    order, windows first.

    Errors: ``ProblemError`` for a window of another length, ``MissingFeature`` where the problem lacks an input.

    Source: Vaswani et al. (2017); see `Pooling`.

    >>> import deephedge as dh, jax
    >>> policy = dh.policies.Attention(("returns",), ("log_moneyness", "time_left"), length=16, key=jax.random.key(0))
    >>> policy.features, policy.pooling.places.shape
    (('returns', 'log_moneyness', 'time_left'), (8, 16))
    """

    pooling: Pooling
    layers: Layers
    scaler: Scaler
    baseline: Frozen | None
    features: tuple[str, ...] = eqx.field(static=True)
    windows: tuple[str, ...] = eqx.field(static=True)
    length: int = eqx.field(static=True)
    semi_recurrent: bool = eqx.field(static=True)

    def __init__(
        self,
        windows: tuple[str, ...] | list[str],
        features: tuple[str, ...] | list[str] = (),
        *,
        key: PRNGKeyArray,
        length: int = 16,
        instruments: int = 1,
        channels: int = 8,
        heads: int = 2,
        width: int = 32,
        semi_recurrent: bool = True,
        baseline: AbstractPolicy | None = None,
    ):
        _check(windows, length, channels, heads)
        self.windows, self.features = tuple(windows), (*windows, *features)
        self.length, self.semi_recurrent, self.baseline = length, semi_recurrent, frozen(baseline)
        inner, outer = jax.random.split(key)
        self.pooling = Pooling.make(len(windows), len(features), length, channels, heads, key=inner)
        groups = (length,) * len(windows) + (1,) * len(features)
        self.scaler = Scaler.identity(sum(groups), instruments, groups)
        sizes = (channels + len(features) + instruments * semi_recurrent, width, instruments)
        self.layers = Layers.make(sizes, key=outer, last=0.1)

    def seen(self, observation: Observation) -> Float[Array, " row"]:
        past, others = stacked(observation, self.windows, self.features, self.length, self.scaler)
        return jnp.concatenate([self.pooling(past, others), others])


def _check(windows, length: int, channels: int, heads: int) -> None:
    require(len(windows) >= 1, "attention needs the name of at least one window feature", ConfigError)
    for name, value in (("length", length), ("channels", channels), ("heads", heads)):
        require(value >= 1, f"{name} must be 1 or more, was {value}", ConfigError)
    told = f"channels must be a multiple of heads, were {channels} and {heads}"
    require(channels % heads == 0, told, ConfigError)
