"""Options that start or end where the underlier reaches a barrier."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, carry, discount, forward, reached, time_left
from deephedge.instruments.equity import check_terms
from deephedge.instruments.monitoring import NEVER, apart, check_watch, optional, pending, so_far, watched
from deephedge.pricing import barrier, black


class AbstractBarrier(AbstractTradable):
    """A contract that knows whether its underlier has been at or beyond a barrier at a point that counts.

    Those are the first points at or after each of ``dates`` (years), or all points up to the expiry. A price takes the
    barrier as watched all the time, or in looks (`pricing.barrier`): ``dates``, or ``monitoring`` years apart, which is
    the step of the grid where every point counts. It is meant for looks spread evenly to the expiry. Before the first
    look it is alive, after the last nothing can happen.

    Prices read the quotes ``vol`` (``"<underlier>.vol"`` unless named), ``"rate"`` and ``"<underlier>.dividend"``; an
    exchange rate quotes the foreign rate there. The state ``"knocked"`` is 0 until it is hit and 1 from then on.
    """

    pointwise: ClassVar[bool] = True  # what it remembers, knocked or not, has no slope
    underlier: eqx.AbstractVar[str]
    expiry: eqx.AbstractVar[Float[Array, ""]]
    dates: eqx.AbstractVar[Float[Array, " tenor"] | None]
    monitoring: eqx.AbstractVar[Float[Array, ""] | None]
    vol: eqx.AbstractVar[str | None]
    dies: eqx.AbstractVar[bool]  # when it is knocked

    @abstractmethod
    def beyond(self, spot: Float[Array, " points"]) -> Bool[Array, " points"]:
        """Whether a price is at a barrier or beyond."""

    def hit(self, path: MarketPath) -> Bool[Array, " points"]:
        """The one point at which it is knocked, or none."""
        knocked = self.knocked(path)
        return knocked & ~jnp.concatenate([jnp.zeros(1, bool), knocked[:-1]])

    def knocked(self, path: MarketPath) -> Bool[Array, " points"]:
        """Whether it has been knocked at each point."""
        return so_far(watched(path, self.expiry, self.dates) & self.beyond(path.quote(self.underlier)))

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        """Until it expires, or until it is knocked where that is its end."""
        over = reached(path.times, self.expiry)
        return ~(over | self.knocked(path)) if self.dies else ~over

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"knocked": self.knocked(path).astype(path.times.dtype)}

    def terms(self, path: MarketPath) -> tuple[tuple[Float[Array, " points"], ...], Float[Array, " points"]]:
        """Spot, forward, volatility and years left at each point; the factor that takes an unwatched barrier away."""
        left = time_left(path, self.expiry)
        quotes = path.quote(self.underlier), forward(path, self.underlier, left)
        away = jnp.where(pending(path, self.expiry, self.dates), 1.0, NEVER)
        return (*quotes, path.quote(self.vol or f"{self.underlier}.vol"), left), away

    @property
    def step(self) -> Float[Array, ""] | None:
        """Years between two looks, or none."""
        return apart(self.dates, self.monitoring)


class Barrier(AbstractBarrier):
    r"""A call or put that ends (``out``) or starts where the underlier reaches ``barrier`` (cash) from below (``up``)
    or above.

    Pays :math:`(\pm(S-K))^+` at ``expiry`` (years), or else ``rebate`` (cash): at the hit where it is out, at expiry
    where it has not come in. Priced by Reiner and Rubinstein (1991) with the correction of Broadie, Glasserman and Kou
    (1997); in and out without rebates together cost what the option without a barrier does, at every point.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 0.75, 1.5]), "A.vol": jnp.full(3, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes, jnp.ones(3))
    >>> down = Barrier("A", strike=1.0, barrier=0.75, expiry=1.0, rebate=0.125)
    >>> down.cashflows(path).tolist(), down.state(path)["knocked"].tolist()
    ([0.0, 0.125, 0.0], [0.0, 1.0, 1.0])
    """

    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    barrier: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    up: bool = eqx.field(static=True, default=False)
    out: bool = eqx.field(static=True, default=True)
    call: bool = eqx.field(static=True, default=True)
    rebate: Float[Array, ""] = number(default=0.0)
    dates: Float[Array, " tenor"] | None = eqx.field(converter=optional, default=None)
    monitoring: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        check_watch(self.expiry, self.dates, self.monitoring)
        check_level("barrier", self.barrier)
        check_cash("rebate", self.rebate)

    @property
    def dies(self) -> bool:  # pyright: ignore
        return self.out

    def beyond(self, spot: Float[Array, " points"]) -> Bool[Array, " points"]:
        return spot >= self.barrier if self.up else spot <= self.barrier

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = path.quote(self.underlier) - self.strike
        payoff, knocked = jnp.maximum(above if self.call else -above, 0.0), self.knocked(path)
        missed = jnp.where(knocked, 0.0, payoff) if self.out else jnp.where(knocked, payoff, self.rebate)
        paid = jnp.where(self.hit(path), self.rebate, 0.0) if self.out else 0.0
        return jnp.where(at_expiry(path, self.expiry), missed, 0.0) + paid

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        (spot, ahead, vol, left), away = self.terms(path)
        level, paid = self.barrier * away if self.up else self.barrier / away, discount(path, left)
        alive = paid * barrier.out(spot, ahead, self.strike, level, vol, left, self.call, self.up, self.step)
        rate = carry(path, "rate") if self.out else 0.0
        touch = barrier.touch(spot, ahead, level, vol, left, rate, self.up, self.step)
        if self.out:
            value = jnp.where(self.knocked(path), 0.0, alive + self.rebate * touch)
        else:
            plain = paid * black.price(ahead, self.strike, vol, left, self.call)
            started = plain - alive + self.rebate * paid * (1.0 - touch)
            value = jnp.where(self.knocked(path), plain, started)
        return jnp.where(left > 0, value, 0.0)


class DoubleBarrier(AbstractBarrier):
    r"""A call or put that ends (``out``) or starts where the underlier reaches ``lower`` or ``upper`` (cash).

    Pays :math:`(\pm(S-K))^+` at ``expiry`` (years). Priced by the images of Ikeda and Kunitomo (1992).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 1.0, 1.125]), "A.vol": jnp.full(3, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes, jnp.ones(3))
    >>> alive = DoubleBarrier("A", strike=1.0, lower=0.75, upper=1.5, expiry=1.0)
    >>> alive.cashflows(path).tolist()
    [0.0, 0.0, 0.125]
    """

    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    lower: Float[Array, ""] = number()
    upper: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    out: bool = eqx.field(static=True, default=True)
    call: bool = eqx.field(static=True, default=True)
    dates: Float[Array, " tenor"] | None = eqx.field(converter=optional, default=None)
    monitoring: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        check_watch(self.expiry, self.dates, self.monitoring)
        check_corridor(self.lower, self.upper)

    @property
    def dies(self) -> bool:  # pyright: ignore
        return self.out

    def beyond(self, spot: Float[Array, " points"]) -> Bool[Array, " points"]:
        return (spot <= self.lower) | (spot >= self.upper)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = path.quote(self.underlier) - self.strike
        paid = at_expiry(path, self.expiry) & (self.knocked(path) != self.out)
        return jnp.where(paid, jnp.maximum(above if self.call else -above, 0.0), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        (spot, ahead, vol, left), away = self.terms(path)
        corridor = self.lower / away, self.upper * away
        alive = barrier.double_out(spot, ahead, self.strike, *corridor, vol, left, self.call, self.step)
        alive = jnp.where(self.knocked(path), 0.0, alive)
        value = alive if self.out else black.price(ahead, self.strike, vol, left, self.call) - alive
        return jnp.where(left > 0, discount(path, left) * value, 0.0)


def check_level(name: str, level: Float[Array, ""]) -> None:
    """Refuse a barrier that is not a positive price."""
    sound = concrete(level, lambda b: (b > 0) & np.isfinite(b))
    require(sound, f"{name} must be above 0, was {level}; give it as cash, like the price of the underlier")


def check_corridor(lower: Float[Array, ""], upper: Float[Array, ""]) -> None:
    """Refuse two barriers that leave nothing between them."""
    check_level("lower", lower)
    check_level("upper", upper)
    require(concrete(upper - lower, lambda gap: gap > 0), f"lower must be below upper, were {lower} and {upper}")


def check_cash(name: str, cash: Float[Array, ""]) -> None:
    """Refuse an amount that is not a number."""
    require(concrete(cash, np.isfinite), f"{name} must be a finite amount, was {cash}")
