"""A feature in fixed units that were measured on training paths, and on nothing else."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.features.base import AbstractFeature
from deephedge.features.rolling import FLAT


class Standardised(AbstractFeature):
    """``(feature - mean) / scale``, no unit, under the feature's own name unless given another.

    ``mean`` and ``scale`` are constants: one number, or one for each entry of a vector. ``fit`` measures them on
    training paths, once; what comes later is only divided by them.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 3.0])}, jnp.ones(2))
    >>> Standardised(dh.features.Quote("SPX", "spot"), mean=2.0, scale=0.5)(path).tolist()
    [-2.0, 2.0]
    """

    feature: AbstractFeature
    mean: Float[Array, "*feature"]
    scale: Float[Array, "*feature"]
    name: str = eqx.field(static=True)

    def __init__(self, feature: AbstractFeature, mean: ArrayLike, scale: ArrayLike, name: str | None = None):
        self.feature, self.name = feature, name or feature.name
        self.mean, self.scale = as_float(mean), as_float(scale)

    def __check_init__(self):
        positive = concrete(self.scale, lambda s: s > 0)
        require(positive, f"the scale of {self.name!r} must be positive, was {self.scale}; a constant needs no feature")

    def __call__(self, path: MarketPath) -> Float[Array, "points *feature"]:
        return (self.feature(path) - self.mean) / self.scale

    @classmethod
    def fit(cls, feature: AbstractFeature, paths: MarketPath, name: str | None = None) -> "Standardised":
        """Mean and standard deviation over all points of a batch of training paths; what stands still is only centred.

        >>> import deephedge as dh, jax
        >>> market, grid = dh.markets.BlackScholes("SPX", vol=0.2), dh.TimeGrid.uniform(maturity=1.0, steps=2)
        >>> training = dh.sample(market, grid, 100, key=jax.random.key(0))
        >>> round(float(Standardised.fit(dh.features.TimeLeft(1.0), training).mean), 6)
        0.5
        """
        require(paths.times.ndim == 2, "fit needs a batch of training paths, path axis leading", ProblemError)
        values = jax.vmap(feature)(paths)
        mean, spread = jnp.mean(values, axis=(0, 1)), jnp.std(values, axis=(0, 1))
        moves = spread > FLAT * jnp.maximum(jnp.abs(mean), FLAT)
        return cls(feature, mean, jnp.where(moves, spread, 1.0), name)
