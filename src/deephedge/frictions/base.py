"""What a cost and a constraint are."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float


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
