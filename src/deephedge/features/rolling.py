"""Features with a memory: what the last points of the path say, at each point and never from after it."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.features.base import AbstractFeature

FLAT = 1e-6  # a spread this small beside the mean is rounding


class LogReturn(AbstractFeature):
    r"""Log return over the step that has just ended, :math:`\log(S_k/S_{k-1})`, no unit; 0 at the first point.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 1.0])}, jnp.ones(2))
    >>> LogReturn("SPX")(path).tolist()
    [0.0, 0.0]
    """

    underlier: str = eqx.field(static=True)
    name: str = eqx.field(static=True, default="log_return")

    def __call__(self, path: MarketPath) -> Float[Array, " points"]:
        log_spot = jnp.log(path.quote(self.underlier))
        return jnp.diff(log_spot, prepend=log_spot[:1])


class RunningMax(AbstractFeature):
    """The highest quote so far, in the quote's unit.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]), {"SPX": jnp.array([1.0, 1.5, 1.25])}, jnp.ones(3))
    >>> RunningMax("SPX")(path).tolist()
    [1.0, 1.5, 1.5]
    """

    underlier: str = eqx.field(static=True)
    name: str = eqx.field(static=True, default="running_max")

    def __call__(self, path: MarketPath) -> Float[Array, " points"]:
        return jax.lax.cummax(path.quote(self.underlier))


class RealisedVol(AbstractFeature):
    r"""Volatility realised over the last ``window`` steps, :math:`\sqrt{\sum r_j^2/\sum\Delta_j}`, per root year.

    No mean is taken off. Early on it makes do with the steps that there are; at the first point, where there is none,
    it is the quote ``prior`` (``"<underlier>.vol"`` unless named).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"SPX": jnp.exp(jnp.array([0.0, 0.01, 0.0])), "SPX.vol": jnp.full(3, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.01, 0.02]), quotes, jnp.ones(3))
    >>> [round(x, 4) for x in RealisedVol("SPX", window=20)(path).tolist()]
    [0.2, 0.1, 0.1]
    """

    underlier: str = eqx.field(static=True)
    window: int = eqx.field(static=True)
    prior: str | None = eqx.field(static=True, default=None)
    name: str = eqx.field(static=True, default="realised_vol")

    def __check_init__(self):
        _check_length(self.window)

    def __call__(self, path: MarketPath) -> Float[Array, " points"]:
        log_spot = jnp.log(path.quote(self.underlier))
        squares, years = jnp.diff(log_spot, prepend=log_spot[:1]) ** 2, jnp.diff(path.times, prepend=path.times[:1])
        square, span = (jnp.sum(recent(x, self.window, first=0.0), axis=-1) for x in (squares, years))
        prior = path.quote(self.prior or f"{self.underlier}.vol")
        return jnp.where(span > 0, _root(square / jnp.where(span > 0, span, 1.0)), prior)


class Window(AbstractFeature):
    """The last ``length`` values of ``feature`` as a vector, oldest first; before the first point stands its value.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]), {"SPX": jnp.array([1.0, 1.5, 1.25])}, jnp.ones(3))
    >>> Window(dh.features.Quote("SPX", "spot"), length=2)(path).tolist()
    [[1.0, 1.0], [1.0, 1.5], [1.5, 1.25]]
    """

    feature: AbstractFeature
    length: int = eqx.field(static=True)
    name: str = eqx.field(static=True)

    def __init__(self, feature: AbstractFeature, length: int, name: str | None = None):
        _check_length(length)
        self.feature, self.length, self.name = feature, length, name or f"{feature.name}_window"

    def __call__(self, path: MarketPath) -> Float[Array, "points length *feature"]:
        return recent(self.feature(path), self.length)


class RollingZScore(AbstractFeature):
    """``feature`` less its mean over the last ``window`` points, in units of their standard deviation.

    Early on it makes do with the points that there are; where they do not vary it is 0.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]), {"SPX": jnp.array([1.0, 1.0, 1.5])}, jnp.ones(3))
    >>> RollingZScore(dh.features.Quote("SPX", "spot"), window=2)(path).tolist()
    [0.0, 0.0, 1.0]
    """

    feature: AbstractFeature
    window: int = eqx.field(static=True)
    name: str = eqx.field(static=True)

    def __init__(self, feature: AbstractFeature, window: int, name: str | None = None):
        _check_length(window)
        self.feature, self.window, self.name = feature, window, name or f"{feature.name}_z"

    def __call__(self, path: MarketPath) -> Float[Array, "points *feature"]:
        values = self.feature(path)
        last, here = recent(values, self.window), recent(jnp.ones(values.shape[0]), self.window, first=0.0)
        share = (here / jnp.sum(here, axis=1, keepdims=True)).reshape(here.shape + (1,) * (values.ndim - 1))
        mean = jnp.sum(share * last, axis=1)
        spread = _root(jnp.sum(share * (last - mean[:, None]) ** 2, axis=1))
        moves = spread > FLAT * jnp.maximum(jnp.abs(mean), FLAT)
        return jnp.where(moves, (values - mean) / jnp.where(moves, spread, 1.0), 0.0)


def recent(
    values: Float[Array, "points *feature"], length: int, first: float | None = None
) -> Float[Array, "points length *feature"]:
    """The last ``length`` values at each point, oldest first; before the path stands its first value, or ``first``."""
    before = jnp.repeat(values[:1], length - 1, axis=0)
    padded = jnp.concatenate([before if first is None else jnp.full_like(before, first), values])
    return padded[jnp.arange(values.shape[0])[:, None] + jnp.arange(length)]


def _root(square: Float[Array, "*points"]) -> Float[Array, "*points"]:
    """Square root, with derivative 0 at 0."""
    positive = square > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, square, 1.0)), 0.0)


def _check_length(length: int) -> None:
    require(int(length) == length and length >= 1, f"a window needs a whole number of points from 1, was {length}")
