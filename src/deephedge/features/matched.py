"""Which contract of a strip a delivery is settled on: the one that is held, or one after it."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import number
from deephedge.features.base import AbstractFeature
from deephedge.instruments.base import reached


class Matched(AbstractFeature):
    """How many of ``dates`` (years) are still to come in the life of each future of a strip, and how many after it.

    ``life`` is a quote of the sessions which the front future held has left (`data.transforms.FuturesLife`), and with
    ``contracts`` above 1 ``"<life>.2"``, ``"<life>.3"`` those of the ones behind it; ``sessions`` is how many there are
    in a year of the path. A column for each contract, and one for what comes after the last of them. What is sold at
    the settlement of the front contract on these dates is hedged without basis by so much of each, if they reach far
    enough.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]) / 252, {"CL.life": jnp.array([1.0, 5.0, 4.0])}, jnp.ones(3))
    >>> Matched("CL.life", jnp.array([1 / 252, 3 / 252]), "front")(path).tolist()
    [[1.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
    """

    life: str = eqx.field(static=True)
    dates: Float[Array, " date"] = number()
    name: str = eqx.field(static=True)
    sessions: float = eqx.field(static=True, default=252.0)
    contracts: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        require(self.contracts >= 1, f"contracts must be 1 or more, was {self.contracts}")

    def __call__(self, path: MarketPath) -> Float[Array, "points column"]:
        left = self.sessions * (self.dates - path.times[:, None])
        due = ~jnp.stack([reached(path.times, date) for date in self.dates], axis=1)
        names = (self.life, *(f"{self.life}.{place}" for place in range(2, self.contracts + 1)))
        by = [jnp.sum(due & (left <= path.quote(name)[:, None] + 0.5), axis=1) for name in names]
        return jnp.diff(jnp.stack([*by, jnp.sum(due, axis=1)], axis=1), axis=1, prepend=0).astype(path.times.dtype)
