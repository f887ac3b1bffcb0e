"""Cash for reaching a barrier, or for not reaching it."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from deephedge.core.paths import MarketPath
from deephedge.core.types import number
from deephedge.instruments.barrier import AbstractBarrier, check_cash, check_corridor, check_level
from deephedge.instruments.base import at_expiry, carry, discount
from deephedge.instruments.equity import check_expiry
from deephedge.instruments.monitoring import check_watch, optional
from deephedge.pricing import barrier


class Touch(AbstractBarrier):
    """``cash`` if the underlier reaches ``barrier`` (cash) by ``expiry`` (years), from below (``up``) or above.

    Paid at the hit, or at the expiry (``at_hit=False``). Priced by Rubinstein and Reiner (1991).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 0.75, 1.5]), "A.vol": jnp.full(3, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes, jnp.ones(3))
    >>> Touch("A", barrier=0.75, expiry=1.0).cashflows(path).tolist()
    [0.0, 1.0, 0.0]
    """

    underlier: str = eqx.field(static=True)
    barrier: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    up: bool = eqx.field(static=True, default=False)
    at_hit: bool = eqx.field(static=True, default=True)
    cash: Float[Array, ""] = number(default=1.0)
    dates: Float[Array, " tenor"] | None = eqx.field(converter=optional, default=None)
    monitoring: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_expiry(self.expiry)
        check_watch(self.expiry, self.dates, self.monitoring)
        check_level("barrier", self.barrier)
        check_cash("cash", self.cash)

    @property
    def dies(self) -> bool:  # pyright: ignore
        return self.at_hit

    def beyond(self, spot: Float[Array, " points"]) -> Bool[Array, " points"]:
        return spot >= self.barrier if self.up else spot <= self.barrier

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        paid = self.hit(path) if self.at_hit else at_expiry(path, self.expiry) & self.knocked(path)
        return jnp.where(paid, self.cash, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        (spot, ahead, vol, left), away = self.terms(path)
        level, paid = self.barrier * away if self.up else self.barrier / away, discount(path, left)
        if self.at_hit:
            touch = barrier.touch(spot, ahead, level, vol, left, carry(path, "rate"), self.up, self.step)
            value = jnp.where(self.knocked(path), 0.0, touch)
        else:
            touch = barrier.touch(spot, ahead, level, vol, left, 0.0, self.up, self.step)
            value = paid * jnp.where(self.knocked(path), 1.0, touch)
        return jnp.where(left > 0, self.cash * value, 0.0)


class NoTouch(AbstractBarrier):
    """``cash`` at ``expiry`` (years) unless the underlier reaches ``barrier`` (cash), from below (``up``) or above.

    With a `Touch` paid at expiry it makes a bond.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.array([1.0, 0.875])}, jnp.ones(2))
    >>> NoTouch("A", barrier=0.75, expiry=1.0, cash=5.0).cashflows(path).tolist()
    [0.0, 5.0]
    """

    underlier: str = eqx.field(static=True)
    barrier: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    up: bool = eqx.field(static=True, default=False)
    cash: Float[Array, ""] = number(default=1.0)
    dates: Float[Array, " tenor"] | None = eqx.field(converter=optional, default=None)
    monitoring: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_expiry(self.expiry)
        check_watch(self.expiry, self.dates, self.monitoring)
        check_level("barrier", self.barrier)
        check_cash("cash", self.cash)

    @property
    def dies(self) -> bool:  # pyright: ignore
        return True

    def beyond(self, spot: Float[Array, " points"]) -> Bool[Array, " points"]:
        return spot >= self.barrier if self.up else spot <= self.barrier

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(at_expiry(path, self.expiry) & ~self.knocked(path), self.cash, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        (spot, ahead, vol, left), away = self.terms(path)
        level = self.barrier * away if self.up else self.barrier / away
        never = 1.0 - barrier.touch(spot, ahead, level, vol, left, 0.0, self.up, self.step)
        return jnp.where((left > 0) & ~self.knocked(path), self.cash * discount(path, left) * never, 0.0)


class DoubleNoTouch(AbstractBarrier):
    """``cash`` at ``expiry`` (years) unless the underlier reaches ``lower`` or ``upper`` (cash).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.array([1.0, 0.875])}, jnp.ones(2))
    >>> DoubleNoTouch("A", lower=0.75, upper=1.25, expiry=1.0).cashflows(path).tolist()
    [0.0, 1.0]
    """

    underlier: str = eqx.field(static=True)
    lower: Float[Array, ""] = number()
    upper: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    cash: Float[Array, ""] = number(default=1.0)
    dates: Float[Array, " tenor"] | None = eqx.field(converter=optional, default=None)
    monitoring: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_expiry(self.expiry)
        check_watch(self.expiry, self.dates, self.monitoring)
        check_corridor(self.lower, self.upper)
        check_cash("cash", self.cash)

    @property
    def dies(self) -> bool:  # pyright: ignore
        return True

    def beyond(self, spot: Float[Array, " points"]) -> Bool[Array, " points"]:
        return (spot <= self.lower) | (spot >= self.upper)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(at_expiry(path, self.expiry) & ~self.knocked(path), self.cash, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        (spot, ahead, vol, left), away = self.terms(path)
        never = barrier.double_no_touch(spot, ahead, self.lower / away, self.upper * away, vol, left, self.step)
        return jnp.where((left > 0) & ~self.knocked(path), self.cash * discount(path, left) * never, 0.0)
