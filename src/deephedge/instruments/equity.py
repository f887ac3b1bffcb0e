"""Specimen of the instruments family: the underlier itself, and options on it."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, carry, forward_and_discount, time_left
from deephedge.pricing import black


class Spot(AbstractTradable):
    r"""One unit of the underlier, with its continuous dividends paid out as cash.

    Over a step of length :math:`\Delta` a yield :math:`q` (the quote ``"<underlier>.dividend"``, if there is one)
    pays :math:`S_{k+1}(e^{q\Delta}-1)`, so that price plus cash is a martingale after discounting whenever the
    underlier drifts at :math:`r-q`.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 1.1])}, jnp.ones(2))
    >>> [round(x, 3) for x in Spot("SPX").price(path).tolist()]
    [1.0, 1.1]
    """

    underlier: str = eqx.field(static=True)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return path.quote(self.underlier)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        dividend = carry(path, f"{self.underlier}.dividend")[:-1]
        paid = path.quote(self.underlier)[1:] * jnp.expm1(dividend * jnp.diff(path.times))
        return jnp.concatenate([jnp.zeros(1, paid.dtype), paid])


class EuropeanCall(AbstractTradable):
    """The right to buy at ``strike`` (cash) at ``expiry`` (years); priced by Black (1976) on the quoted volatility.

    Pays ``max(S - strike, 0)`` at the first point at or after ``expiry``. The price reads the quote ``vol``
    (``"<underlier>.vol"`` unless named), ``"rate"`` and ``"<underlier>.dividend"`` where the path has them.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 1.1])}, jnp.ones(2))
    >>> [round(x, 3) for x in EuropeanCall("SPX", strike=1.0, expiry=1.0).cashflows(path).tolist()]
    [0.0, 0.1]
    """

    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        require(concrete(self.strike, lambda k: k >= 0), f"strike must be cash from 0 up, was {self.strike}")
        require(concrete(self.expiry, lambda t: t > 0), f"expiry must be years above 0, was {self.expiry}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        payoff = jnp.maximum(path.quote(self.underlier) - self.strike, 0.0)
        return jnp.where(at_expiry(path, self.expiry), payoff, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left = time_left(path, self.expiry)
        forward, discount = forward_and_discount(path, self.underlier, left)
        vol = path.quote(self.vol or f"{self.underlier}.vol")
        return jnp.where(left > 0, discount * black.price(forward, self.strike, vol, left, call=True), 0.0)
