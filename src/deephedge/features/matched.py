"""Which contract of a strip a delivery is settled on: the one that is held, or one after it."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.paths import MarketPath
from deephedge.core.types import number
from deephedge.features.base import AbstractFeature
from deephedge.instruments.base import reached


class Matched(AbstractFeature):
    """How many of ``dates`` (years) are still to come in the life of the front future held, and how many after it.

    Two columns. ``life`` is a quote of the sessions which that contract has left (`data.transforms.FuturesLife`),
    ``sessions`` how many there are in a year of the path. What is sold at the settlement of the front contract on these
    dates is hedged without basis by so much of the first and, while it is the second's, of the second.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]) / 252, {"CL.life": jnp.array([1.0, 5.0, 4.0])}, jnp.ones(3))
    >>> Matched("CL.life", jnp.array([1 / 252, 3 / 252]), "front")(path).tolist()
    [[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
    """

    life: str = eqx.field(static=True)
    dates: Float[Array, " date"] = number()
    name: str = eqx.field(static=True)
    sessions: float = eqx.field(static=True, default=252.0)

    def __call__(self, path: MarketPath) -> Float[Array, "points 2"]:
        left = self.sessions * (self.dates - path.times[:, None])
        due = ~jnp.stack([reached(path.times, date) for date in self.dates], axis=1)
        now = due & (left <= path.quote(self.life)[:, None] + 0.5)
        return jnp.stack([jnp.sum(now, axis=1), jnp.sum(due & ~now, axis=1)], axis=1).astype(path.times.dtype)
