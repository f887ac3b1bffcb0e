"""The logarithm of another feature, for what is positive and varies by factors."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.features.base import AbstractFeature


class Log(AbstractFeature):
    """``log(max(feature, floor))``, no unit; a variance, a spread or a volume that doubles moves it by 0.69.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX.vol": jnp.array([1.0, 0.0])}, jnp.ones(2))
    >>> [round(x, 2) for x in Log(dh.features.Quote("SPX.vol", "vol"), floor=1e-3)(path).tolist()]
    [0.0, -6.91]
    """

    feature: AbstractFeature
    floor: float = eqx.field(static=True)
    name: str = eqx.field(static=True)

    def __init__(self, feature: AbstractFeature, floor: float = 1e-6, name: str | None = None):
        require(floor > 0, f"the floor of a logarithm must be positive, was {floor}")
        self.feature, self.floor, self.name = feature, floor, name or f"log_{feature.name}"

    def __call__(self, path: MarketPath) -> Float[Array, "points *feature"]:
        return jnp.log(jnp.maximum(self.feature(path), self.floor))
