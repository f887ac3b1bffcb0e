"""Specimen of the costs family: what a trade costs. Rates are one number, or one for each instrument."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.types import as_float, concrete
from deephedge.frictions.base import AbstractCost


class ProportionalCost(AbstractCost):
    r"""A share of the cash traded: :math:`\sum_i \varepsilon_i\,|n_i|\,P_i`; no rate, no cost.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> round(float(dh.frictions.ProportionalCost(0.01)(jnp.array([-2.0]), jnp.array([100.0]), {})), 6)
    2.0
    """

    rate: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=0.0)

    def __check_init__(self):
        require(concrete(self.rate, lambda r: r >= 0), f"a cost rate must be 0 or more, was {self.rate}")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        return jnp.sum(self.rate * jnp.abs(trade) * jnp.abs(price))
