"""Specimen of the constraints family: a box on positions and on trades."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.types import as_float, concrete
from deephedge.frictions.base import AbstractConstraint


class Box(AbstractConstraint):
    """Positions within ``[lower, upper]`` and trades of at most ``trade`` units, each one number or one an instrument.

    Where the trade limit cannot reach the box, the trade limit wins: the desk moves towards the box as far as it may.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> dh.frictions.Box(lower=0.0, upper=1.0)(jnp.array([1.5]), jnp.array([0.0])).tolist()
    [1.0]
    """

    lower: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=-jnp.inf)
    upper: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=jnp.inf)
    trade: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=jnp.inf)

    def __check_init__(self):
        import jax

        ordered = concrete(self.upper - self.lower, lambda gap: gap >= 0)
        require(ordered, f"lower must not be above upper, were {self.lower} and {self.upper}")
        require(concrete(self.trade, lambda t: t >= 0), f"trade must be 0 or more units, was {self.trade}")

    def __call__(
        self, target: Float[Array, " instrument"], position: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        inside = jnp.clip(target, self.lower, self.upper)
        return jnp.clip(inside, position - self.trade, position + self.trade)
