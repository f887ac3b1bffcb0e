"""What a contract is: dated cash; and what a tradable is: dated cash with a price one can deal at."""

from abc import abstractmethod
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath

TIME_TOLERANCE = 1e-6  # of a year and of the date (half a minute, a month out): one date written in two ways must meet


class AbstractContract(eqx.Module):
    """Dated cash, signed from the holder's side.

    A contract that ends keeps its last date (years) in a field called ``expiry``; a hedging problem looks for it.
    """

    @abstractmethod
    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        """Cash received at each point of one path."""

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        """What the contract remembers of the path at each point, by name: a maximum, an average, whether it knocked."""
        return {}


class AbstractTradable(AbstractContract):
    """A contract with a price at which it can be bought and sold.

    ``pointwise`` says that the price at a point reads the quotes at that point and no earlier ones: a sensitivity to a
    quote then costs one derivative along the path, otherwise one for each point.
    """

    pointwise: ClassVar[bool] = False

    @abstractmethod
    def price(self, path: MarketPath) -> Float[Array, " points"]:
        """Cash price at each point, ex the cash paid at that point; 0 once the contract has ended."""

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        """Whether it can be dealt in at each point: until its ``expiry`` where it has one, and while none halts it.

        A path halts what is written on a name where its quote ``"<name>.halted"`` is not 0.
        """
        expiry, halted = getattr(self, "expiry", None), path.quotes.get(f"{getattr(self, 'underlier', '')}.halted")
        dealt = jnp.ones(path.times.shape, bool) if expiry is None else ~reached(path.times, expiry)
        return dealt if halted is None else dealt & (halted == 0)

    def rolls(self, path: MarketPath) -> Bool[Array, " points"]:
        """At which points the contract held until then is closed and another opened, the position being kept."""
        return jnp.zeros(path.times.shape, bool)

    def closing(self, path: MarketPath) -> Float[Array, " points"]:
        """Price at which the contract held until each point is closed there: its own, unless it rolls there."""
        return self.price(path)

    def held(self, path: MarketPath) -> "AbstractTradable":
        """The contract held at each point, its terms fixed: itself, unless a roll takes its terms from the path."""
        return self


def reached(times: Float[Array, "*points"], expiry: Float[Array, ""]) -> Bool[Array, "*points"]:
    """Whether each time is ``expiry`` or later, to the rounding of a date in float32."""
    return times >= expiry - slack(expiry)


def slack(date: Any) -> Any:
    """Years by which two ways of writing ``date`` (a number or an array, years) may differ."""
    return TIME_TOLERANCE * (1.0 + abs(date))


def at_expiry(path: MarketPath, expiry: Float[Array, ""]) -> Bool[Array, " points"]:
    """The one point at which a contract expires: the first at or after ``expiry``.

    None if the path ends before, and none if it begins after: the cash was paid then.
    """
    count = path.times.shape[0]
    place = jnp.sum(~reached(path.times, expiry))
    return jnp.arange(count) == jnp.where(path.times[0] > expiry + slack(expiry), count, place)


def time_left(path: MarketPath, expiry: Float[Array, ""]) -> Float[Array, " points"]:
    """Years to ``expiry`` at each point, 0 when reached."""
    return jnp.where(reached(path.times, expiry), 0.0, expiry - path.times)


def carry(path: MarketPath, name: str) -> Float[Array, " points"]:
    """A yearly rate (interest, dividend yield) if the path quotes it, otherwise 0."""
    return path.quotes.get(name, jnp.zeros_like(path.times))


def discount(path: MarketPath, left: Float[Array, " points"]) -> Float[Array, " points"]:
    """Price of one unit of cash ``left`` years ahead, under the path's quoted flat rate."""
    return jnp.exp(-carry(path, "rate") * left)


def growth(path: MarketPath, underlier: str) -> Float[Array, " points"]:
    """Yearly rate at which the forwards of ``underlier`` rise with their date: the quoted rate less the dividend yield.

    Raises ``ParameterError`` where the underlier pays dividends on dates: those still to come are in no quote of it.
    """
    require(
        f"{underlier}.dividend_cash" not in path.quotes,
        f"{underlier!r} pays dividends on dates, and rate and yield do not make its forward: write the contract on its "
        f"forward, {underlier}.forward.<expiry>, which the market Dividends quotes for each of its expiries",
    )
    return carry(path, "rate") - carry(path, f"{underlier}.dividend")


def forward(path: MarketPath, underlier: str, left: Float[Array, " points"]) -> Float[Array, " points"]:
    """Forward of ``underlier`` for ``left`` years under the path's quoted flat rate and dividend yield."""
    return path.quote(underlier) * jnp.exp(growth(path, underlier) * left)
