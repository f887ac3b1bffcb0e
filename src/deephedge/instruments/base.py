"""What a contract is: dated cash; and what a tradable is: dated cash with a price one can deal at."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from deephedge.core.paths import MarketPath

TIME_TOLERANCE = 1e-5  # years, about five minutes: two ways of writing the same date in float32 must meet


class AbstractContract(eqx.Module):
    """Dated cash, signed from the holder's side."""

    @abstractmethod
    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        """Cash received at each point of one path."""


class AbstractTradable(AbstractContract):
    """A contract with a price at which it can be bought and sold."""

    @abstractmethod
    def price(self, path: MarketPath) -> Float[Array, " points"]:
        """Cash price at each point, ex the cash paid at that point; 0 once the contract has ended."""


def at_expiry(path: MarketPath, expiry: Float[Array, ""]) -> Bool[Array, " points"]:
    """The one point at which a contract expires: the first at or after ``expiry``; none if the path ends before."""
    reached = path.times >= expiry - TIME_TOLERANCE
    before = jnp.concatenate([jnp.zeros(1, bool), reached[:-1]])
    return reached & ~before


def time_left(path: MarketPath, expiry: Float[Array, ""]) -> Float[Array, " points"]:
    """Years to ``expiry`` at each point, 0 when reached."""
    left = expiry - path.times
    return jnp.where(left > TIME_TOLERANCE, left, 0.0)


def carry(path: MarketPath, name: str) -> Float[Array, " points"]:
    """A yearly rate (interest, dividend yield) if the path quotes it, otherwise 0."""
    return path.quotes.get(name, jnp.zeros_like(path.times))


def forward_and_discount(
    path: MarketPath, underlier: str, left: Float[Array, " points"]
) -> tuple[Float[Array, " points"], Float[Array, " points"]]:
    """Forward of ``underlier`` and discount factor for ``left`` years under the path's quoted flat rates."""
    rate, dividend = carry(path, "rate"), carry(path, f"{underlier}.dividend")
    return path.quote(underlier) * jnp.exp((rate - dividend) * left), jnp.exp(-rate * left)

