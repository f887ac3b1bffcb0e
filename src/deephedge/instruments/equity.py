"""Specimen of the instruments family: the underlier itself, and what is written on it."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, carry, discount, forward, time_left
from deephedge.pricing import black


class Spot(AbstractTradable):
    r"""One unit of the underlier, with its continuous dividends paid out as cash.

    Over a step of length :math:`\Delta` a yield :math:`q` (the quote ``"<underlier>.dividend"``, if there is one)
    pays :math:`S_{k+1}(e^{q\Delta}-1)`, so that price plus cash is a martingale after discounting whenever the
    underlier drifts at :math:`r-q`. Dividends on dates (the quote ``"<underlier>.dividend_cash"``, cash at a point) are
    paid out too, on what the yield of the step has bought as well.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 1.1])}, jnp.ones(2))
    >>> [round(x, 3) for x in Spot("SPX").price(path).tolist()]
    [1.0, 1.1]
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return path.quote(self.underlier)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        dividend = carry(path, f"{self.underlier}.dividend")[:-1]
        dated = carry(path, f"{self.underlier}.dividend_cash")[1:]
        paid = dated + (path.quote(self.underlier)[1:] + dated) * jnp.expm1(dividend * jnp.diff(path.times))
        return jnp.concatenate([jnp.zeros(1, paid.dtype), paid])


class Forward(AbstractTradable):
    r"""The duty to buy at ``strike`` (cash) at ``expiry`` (years): pays :math:`S-K`, worth :math:`e^{-r\tau}(F-K)`.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 0.75])}, jnp.ones(2))
    >>> Forward("SPX", strike=0.5, expiry=1.0).price(path).tolist()
    [0.5, 0.0]
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()

    def __check_init__(self):
        check_terms(self.strike, self.expiry)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(at_expiry(path, self.expiry), path.quote(self.underlier) - self.strike, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left = time_left(path, self.expiry)
        value = discount(path, left) * (forward(path, self.underlier, left) - self.strike)
        return jnp.where(left > 0, value, 0.0)


class EuropeanCall(AbstractTradable):
    """The right to buy at ``strike`` (cash) at ``expiry`` (years); priced by Black (1976) on the quoted volatility.

    Pays ``max(S - strike, 0)`` at the first point at or after ``expiry``. The price reads the quote ``vol``
    (``"<underlier>.vol"`` unless named), ``"rate"`` and ``"<underlier>.dividend"`` where the path has them. A listed
    option is the same thing on the quote of its own volatility: it may outlive the liability and the path, which then
    ends before it pays. ``fixing`` names the quote that it settles on where that is not the underlier itself: one
    settled in the morning pays on the opening prices of its last day, ``fixing="SPX.open"``.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 1.1])}, jnp.ones(2))
    >>> [round(x, 3) for x in EuropeanCall("SPX", strike=1.0, expiry=1.0).cashflows(path).tolist()]
    [0.0, 0.1]
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    vol: str | None = eqx.field(static=True, default=None)
    fixing: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_terms(self.strike, self.expiry)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        payoff = jnp.maximum(_fixed(self, path) - self.strike, 0.0)
        return jnp.where(at_expiry(path, self.expiry), payoff, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return _black_price(self, path, call=True)


class EuropeanPut(AbstractTradable):
    """The right to sell at ``strike`` (cash) at ``expiry`` (years); in all else a ``EuropeanCall``.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 0.75])}, jnp.ones(2))
    >>> EuropeanPut("SPX", strike=1.0, expiry=1.0).cashflows(path).tolist()
    [0.0, 0.25]
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    vol: str | None = eqx.field(static=True, default=None)
    fixing: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_terms(self.strike, self.expiry)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        payoff = jnp.maximum(self.strike - _fixed(self, path), 0.0)
        return jnp.where(at_expiry(path, self.expiry), payoff, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return _black_price(self, path, call=False)


class Digital(AbstractTradable):
    """``cash`` if the underlier ends at or above ``strike`` (a call), or below it (``call=False``, a put).

    Priced by Black (1976) on the quoted volatility of one strike: the slope of a smile is not in it.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 1.1])}, jnp.ones(2))
    >>> Digital("SPX", strike=1.0, expiry=1.0, cash=5.0).cashflows(path).tolist()
    [0.0, 5.0]
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    call: bool = eqx.field(static=True, default=True)
    cash: Float[Array, ""] = number(default=1.0)
    vol: str | None = eqx.field(static=True, default=None)
    fixing: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        require(concrete(self.cash, np.isfinite), f"cash must be a finite amount, was {self.cash}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = _fixed(self, path) >= self.strike
        return jnp.where(at_expiry(path, self.expiry) & (above == self.call), self.cash, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left = time_left(path, self.expiry)
        ahead = forward(path, self.underlier, left)
        chance = black.digital(ahead, self.strike, quoted_vol(self, path), left, call=self.call)
        return jnp.where(left > 0, self.cash * discount(path, left) * chance, 0.0)


def quoted_vol(contract: EuropeanCall | EuropeanPut | Digital, path: MarketPath) -> Float[Array, " points"]:
    """The volatility quote that an option is priced on."""
    return path.quote(contract.vol or f"{contract.underlier}.vol")


def _fixed(contract: EuropeanCall | EuropeanPut | Digital, path: MarketPath) -> Float[Array, " points"]:
    """The quote that an option settles on."""
    return path.quote(contract.fixing or contract.underlier)


def _black_price(contract: EuropeanCall | EuropeanPut, path: MarketPath, call: bool) -> Float[Array, " points"]:
    left = time_left(path, contract.expiry)
    ahead = forward(path, contract.underlier, left)
    value = black.price(ahead, contract.strike, quoted_vol(contract, path), left, call=call)
    return jnp.where(left > 0, discount(path, left) * value, 0.0)


def check_terms(strike: Float[Array, ""], expiry: Float[Array, ""]) -> None:
    """Refuse a strike below 0 and an expiry that is not after time 0."""
    sound = concrete(strike, lambda k: (k >= 0) & np.isfinite(k))
    require(sound, f"strike must be 0 or more, was {strike}; give it as cash, like the price of the underlier")
    check_expiry(expiry)


def check_expiry(expiry: Float[Array, ""]) -> None:
    """Refuse an expiry that is not after time 0."""
    require(
        concrete(expiry, lambda t: (t > 0) & np.isfinite(t)),
        f"expiry must be years above 0, was {expiry}; count it from the start of the path",
    )
