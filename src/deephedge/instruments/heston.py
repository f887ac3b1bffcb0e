"""Vanilla options in a Heston world, as tradables."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, forward, time_left
from deephedge.instruments.equity import check_terms
from deephedge.pricing import heston


class HestonCall(AbstractTradable):
    """A European call marked along the path by Heston's formula (1993) on the quote ``"<underlier>.variance"``.

    ``strike`` in cash, ``expiry`` in years, the parameters named and measured as in ``markets.Heston``. One price is a
    Fourier sum of some 60 terms, so this is the instrument to hedge with; for a liability, whose price nobody asks, a
    ``EuropeanCall`` pays the same cash.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"SPX": jnp.array([100.0, 102.0]), "SPX.variance": jnp.full(2, 0.04)}
    >>> path = dh.MarketPath(jnp.array([0.0, 30 / 365]), quotes, jnp.ones(2))
    >>> call = HestonCall("SPX", 100.0, 30 / 365, mean_reversion=1, long_variance=0.04, vol_of_vol=2, correlation=-0.7)
    >>> round(float(call.price(path)[0]), 3), call.cashflows(path).tolist()
    (1.692, [0.0, 2.0])
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    long_variance: Float[Array, ""] = number()
    vol_of_vol: Float[Array, ""] = number()
    correlation: Float[Array, ""] = number()

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        for field in ("mean_reversion", "long_variance", "vol_of_vol"):
            value = getattr(self, field)
            require(concrete(value, lambda x: x > 0), f"{field} must be positive, was {value}")
        rho = self.correlation
        require(concrete(rho, lambda r: np.abs(r) <= 1), f"correlation must lie between -1 and 1, was {rho}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        payoff = jnp.maximum(path.quote(self.underlier) - self.strike, 0.0)
        return jnp.where(at_expiry(path, self.expiry), payoff, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left, variance = time_left(path, self.expiry), path.quote(f"{self.underlier}.variance")
        ahead, model = forward(path, self.underlier, left), (self.mean_reversion, self.long_variance)
        value = heston.price(ahead, self.strike, variance, left, *model, self.vol_of_vol, self.correlation)
        return jnp.where(left > 0, discount(path, left) * value, 0.0)
