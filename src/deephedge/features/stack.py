"""Several features as one: a row of numbers under one name."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.features.base import AbstractFeature


class Stack(AbstractFeature):
    """The numbers of ``features`` beside each other, vectors flattened: a delta for each instrument, say.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.zeros(2), {"A": jnp.ones(2), "B": jnp.full(2, 3.0)}, jnp.ones(2))
    >>> Stack([dh.features.Quote("A", "a"), dh.features.Quote("B", "b")], "both")(path).tolist()
    [[1.0, 3.0], [1.0, 3.0]]
    """

    features: tuple[AbstractFeature, ...] = eqx.field(converter=tuple)
    name: str = eqx.field(static=True)

    def __check_init__(self):
        require(len(self.features) > 0, f"{self.name} stacks no features; name one or more", ProblemError)

    def __call__(self, path: MarketPath) -> Float[Array, "points row"]:
        points = path.times.shape[0]
        return jnp.concatenate([feature(path).reshape(points, -1) for feature in self.features], axis=1)
