"""Causal dilated convolutions over windows of the past."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.errors import ConfigError, ProblemError, require
from deephedge.core.types import as_float
from deephedge.policies.base import AbstractPolicy, Frozen, Observation, Scaler, dense, frozen, gather, read
from deephedge.policies.network import Layers
from deephedge.policies.perceptron import AbstractPerceptron


class Convolution(eqx.Module):
    r"""Layers :math:`h'_t = \max(0,\ \sum_j W_j h_{t-jd} + b)` with growing dilation :math:`d`; 0 before the window.

    Only the newest value of the last layer is wanted, so each layer is evaluated at just the lags that the next one
    reads: a tree of ``2 length`` small products where all lags would be ``length`` times the number of layers. Each
    product is ``W @ h`` with batches on the last axis. Measured on one core, 30 points of 256 paths, two windows of
    16, 8 channels, forward and backward: 6 ms, against 66 ms of XLA's convolution.
    """

    weights: tuple[Float[Array, "_ _"], ...]
    biases: tuple[Float[Array, " row"], ...]
    kernel: int = eqx.field(static=True)
    dilations: tuple[int, ...] = eqx.field(static=True)

    @classmethod
    def make(
        cls, windows: int, channels: int, kernel: int, dilations: tuple[int, ...], *, key: PRNGKeyArray
    ) -> "Convolution":
        sizes = [windows] + [channels] * len(dilations)
        weights = dense(key, tuple((channels, kernel * i) for i in sizes[:-1]), (2**0.5,) * len(dilations))
        return cls(weights, tuple(as_float(np.zeros(channels)) for _ in dilations), kernel, dilations)

    def lags(self, length: int) -> list[list[int]]:
        """The lags, newest 0, at which the output of each layer is needed, first layer first."""
        needed = [[0]]
        for dilation in self.dilations[:0:-1]:
            reach = {lag + tap * dilation for lag in needed[0] for tap in range(self.kernel)}
            needed.insert(0, sorted(lag for lag in reach if lag < length))
        return needed

    def __call__(self, windows: Float[Array, "unit step"]) -> Float[Array, " row"]:
        """The newest output; the newest value of a window is its last."""
        length = windows.shape[1]
        hidden = {lag: windows[:, length - 1 - lag] for lag in range(length)}
        layers = zip(self.weights, self.biases, self.dilations, self.lags(length), strict=True)
        for weight, bias, dilation, lags in layers:
            nothing = jnp.zeros_like(hidden[0])
            taps = {lag: [hidden.get(lag + tap * dilation, nothing) for tap in range(self.kernel)] for lag in lags}
            hidden = {lag: jax.nn.relu(weight @ jnp.concatenate(tap) + bias) for lag, tap in taps.items()}
        return hidden[0]


class CNN(AbstractPerceptron):
    r"""A causal dilated convolution over windows, then a perceptron of it, the other features and the position.

    ``windows`` names features that are vectors of ``length`` past values, newest last, stacked as channels; the other
    ``inputs`` (named by ``features``) join after the convolution. ``channels``, ``kernel`` and ``dilations`` shape the
    convolution; without ``dilations`` they double until the whole window is read. ``width`` is the hidden layer of the
    perceptron; ``instruments``, ``semi_recurrent`` and ``baseline`` are those of ``MLP``. All lags of a window are
    standardised alike. The attribute ``features`` names all inputs in order, windows first.

    Errors: ``ProblemError`` for a window of another length, ``MissingFeature`` where the problem lacks an input.

    Source: van den Oord et al. (2016) and Bai, Kolter, Koltun (2018) for dilated causal convolutions.

    >>> import deephedge as dh, jax
    >>> policy = dh.policies.CNN(("returns",), ("log_moneyness", "time_left"), length=16, key=jax.random.key(0))
    >>> policy.features, policy.convolution.dilations
    (('returns', 'log_moneyness', 'time_left'), (1, 2, 4, 8))
    """

    convolution: Convolution
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
        kernel: int = 2,
        dilations: tuple[int, ...] | list[int] | None = None,
        width: int = 32,
        semi_recurrent: bool = True,
        baseline: AbstractPolicy | None = None,
    ):
        _check(windows, length, channels, kernel, dilations)
        self.windows, self.features = tuple(windows), (*windows, *features)
        self.length, self.semi_recurrent, self.baseline = length, semi_recurrent, frozen(baseline)
        dilations = doubling(length, kernel) if dilations is None else tuple(dilations)
        inner, outer = jax.random.split(key)
        self.convolution = Convolution.make(len(windows), channels, kernel, dilations, key=inner)
        groups = (length,) * len(windows) + (1,) * len(features)
        self.scaler = Scaler.identity(sum(groups), instruments, groups)
        sizes = (channels + len(features) + instruments * semi_recurrent, width, instruments)
        self.layers = Layers.make(sizes, key=outer, last=0.1)

    def seen(self, observation: Observation) -> Float[Array, " row"]:
        past, others = stacked(observation, self.windows, self.features, self.length, self.scaler)
        return jnp.concatenate([self.convolution(past), others])


def stacked(
    observation: Observation, windows: tuple[str, ...], features: tuple[str, ...], length: int, scaler: Scaler
) -> tuple[Float[Array, "unit step"], Float[Array, " feature"]]:
    """Standardised inputs: a row for each of ``windows``, newest value last, and the other ``features``.

    Raises ``ProblemError`` for a window that does not hold ``length`` values.
    """
    for name, window in zip(windows, read(observation, *windows), strict=True):
        wanted = f"a window of {length}: say length={window.size}, or offer another window"
        require(window.size == length, f"feature {name!r} holds {window.size} numbers, not {wanted}", ProblemError)
    x = scaler(gather(observation, features))
    past = x[: len(windows) * length]
    return past.reshape(len(windows), length), x[past.size :]


def doubling(length: int, kernel: int) -> tuple[int, ...]:
    """Dilations 1, 2, 4, ... until the convolution reads ``length`` values.

    >>> doubling(16, 2), doubling(15, 3)
    ((1, 2, 4, 8), (1, 2, 4))
    """
    dilations = [1]
    while 1 + (kernel - 1) * sum(dilations) < length:
        dilations.append(2 * dilations[-1])
    return tuple(dilations)


def _check(windows, length, channels, kernel, dilations) -> None:
    require(len(windows) >= 1, "a convolution needs the name of at least one window feature", ConfigError)
    for name, value, least in (("length", length, 1), ("channels", channels, 1), ("kernel", kernel, 2)):
        require(value >= least, f"{name} must be {least} or more, was {value}", ConfigError)
    positive = dilations is None or (len(dilations) >= 1 and min(dilations) >= 1)
    require(positive, f"dilations must be whole numbers from 1, were {dilations}", ConfigError)
