"""What a cost and a constraint are."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require


class AbstractCost(eqx.Module):
    """Cash paid for a trade, never negative, 0 for no trade."""

    @abstractmethod
    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        """Cash cost of changing the position by ``trade`` units at ``price``."""


class AbstractConstraint(eqx.Module):
    """A map from the position a policy wants to one that it may have."""

    @abstractmethod
    def __call__(
        self, target: Float[Array, " instrument"], position: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        """The allowed position nearest to ``target``, coming from ``position``."""


def per_instrument(
    name: str, value: Float[Array, "*instrument"], trade: Float[Array, " instrument"]
) -> Float[Array, "*instrument"]:
    """``value`` if it is one number or one for each instrument; any other length would be charged many times over."""
    count = trade.shape[-1]
    require(
        value.shape in ((), (1,), (count,)),
        f"{name} needs one number, or {count} (one for each instrument), has shape {value.shape}",
        ProblemError,
    )
    return value


def size(trade: Float[Array, " instrument"]) -> Float[Array, " instrument"]:
    """Absolute value, with derivative 0 at 0: JAX's own has 1 there, a pull towards selling where nobody trades."""
    return trade * jnp.sign(trade)
