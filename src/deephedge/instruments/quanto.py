"""Contracts on a foreign price that pay in home cash at a fixed rate of exchange."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number, optional
from deephedge.instruments.base import AbstractTradable, at_expiry, carry, discount, time_left
from deephedge.instruments.basket import quoted_correlation
from deephedge.instruments.equity import check_terms
from deephedge.pricing import black


class QuantoForward(AbstractTradable):
    r"""Pays :math:`X_0(S-K)` home cash at ``expiry`` (years), ``fixed`` :math:`X_0` home cash for one foreign unit.

    ``strike`` :math:`K` in foreign cash. Worth :math:`e^{-r\tau}X_0(F-K)` with the forward of the home measure,

    .. math:: F = S\,e^{(f-q-\rho\,\sigma_S\,\sigma_X)\tau}.

    ``pair`` is the quote that foreign cash changes at, home cash for one foreign unit, as in `markets.Joint`. Reads
    ``"rate"`` :math:`r`, ``"<pair>.dividend"`` :math:`f` (the foreign rate), ``"<underlier>.dividend"`` :math:`q`, the
    volatilities ``"<underlier>.vol"`` (or ``vol``) and ``"<pair>.vol"``, and the correlation of the two: the quote
    ``"<underlier>.<pair>.correlation"`` (in either order) if the path has it, otherwise ``correlation``. Raises
    ``UnknownQuote`` where there is neither.

    Source: Derman, Karasinski and Wecker (1990); Brigo and Mercurio (2006), chapter 2, for the change of measure.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"DAX": jnp.array([1.0, 1.25]), "DAX.vol": jnp.full(2, 0.2), "EURUSD.vol": jnp.full(2, 0.1)}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), quotes, jnp.ones(2))
    >>> forward = QuantoForward("DAX", "EURUSD", strike=1.0, expiry=1.0, fixed=2.0, correlation=-0.5)
    >>> round(float(forward.price(path)[0]), 4), forward.cashflows(path).tolist()
    (0.0201, [0.0, 0.5])
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    pair: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    fixed: Float[Array, ""] = number(default=1.0)
    correlation: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        _check(self)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = self.fixed * (path.quote(self.underlier) - self.strike)
        return jnp.where(at_expiry(path, self.expiry), above, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left = time_left(path, self.expiry)
        value = self.fixed * discount(path, left) * (quanto_forward(self, path) - self.strike)
        return jnp.where(left > 0, value, 0.0)


class QuantoOption(AbstractTradable):
    r"""A call (or put) on a foreign price: pays :math:`X_0(\pm(S-K))^+` home cash; in all else a `QuantoForward`.

    Priced by Black (1976) on the forward of the home measure. The delta is in home cash: hold it in the foreign asset,
    and borrow its foreign cash.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"DAX": jnp.array([1.0, 1.25]), "DAX.vol": jnp.full(2, 0.2), "EURUSD.vol": jnp.full(2, 0.1)}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), quotes, jnp.ones(2))
    >>> call = QuantoOption("DAX", "EURUSD", strike=1.0, expiry=1.0, correlation=-0.5)
    >>> round(float(call.price(path)[0]), 4), call.cashflows(path).tolist()
    (0.0852, [0.0, 0.25])
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    pair: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    call: bool = eqx.field(static=True, default=True)
    fixed: Float[Array, ""] = number(default=1.0)
    correlation: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        _check(self)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = path.quote(self.underlier) - self.strike
        payoff = self.fixed * jnp.maximum(above if self.call else -above, 0.0)
        return jnp.where(at_expiry(path, self.expiry), payoff, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left, vol = time_left(path, self.expiry), path.quote(self.vol or f"{self.underlier}.vol")
        value = black.price(quanto_forward(self, path), self.strike, vol, left, self.call)
        return jnp.where(left > 0, self.fixed * discount(path, left) * value, 0.0)


def quanto_forward(contract: QuantoForward | QuantoOption, path: MarketPath) -> Float[Array, " points"]:
    """Expectation of the underlier at expiry under the home measure."""
    name, pair = contract.underlier, contract.pair
    like = quoted_correlation(path, name, pair, contract.correlation)
    covariance = like * path.quote(contract.vol or f"{name}.vol") * path.quote(f"{pair}.vol")
    drift = carry(path, f"{pair}.dividend") - carry(path, f"{name}.dividend") - covariance
    return path.quote(name) * jnp.exp(drift * time_left(path, contract.expiry))


def _check(contract: QuantoForward | QuantoOption) -> None:
    check_terms(contract.strike, contract.expiry)
    different = contract.underlier != contract.pair
    require(different, f"pair must be a rate of exchange, not the underlier {contract.underlier!r} itself")
    positive = concrete(contract.fixed, lambda x: (x > 0) & np.isfinite(x))
    require(positive, f"fixed must be a positive rate of exchange, was {contract.fixed}")
    within = contract.correlation is None or concrete(contract.correlation, lambda c: np.abs(c) <= 1.0)
    require(within, f"correlation must be between -1 and 1, was {contract.correlation}")
