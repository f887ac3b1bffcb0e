"""Tradables on variance: the hedge of what a spot position cannot reach."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, time_left
from deephedge.instruments.equity import check_expiry
from deephedge.pricing import heston


class VarianceSwap(AbstractTradable):
    r"""The floating leg of an idealised variance swap in a Heston world, marked by the model.

    .. math:: \int_0^t v_s\,ds + L(t, v_t),\qquad L(t,v) = (v-b)\,\frac{1-e^{-\alpha(T-t)}}{\alpha} + b(T-t),

    discounted and times ``notional`` (cash per unit of variance-year). Reads the quotes
    ``"<underlier>.realised_variance"`` (the integral so far) and ``"<underlier>.variance"`` (:math:`v_t`, per year);
    ``mean_reversion`` :math:`\alpha` per year, ``long_variance`` :math:`b` per year, ``expiry`` :math:`T` in years.

    Source: Buehler, Gonon, Teichmann, Wood (2019), section 5.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"SPX.variance": jnp.full(3, 0.04), "SPX.realised_variance": jnp.array([0.0, 0.02, 0.04])}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes, jnp.ones(3))
    >>> swap = VarianceSwap("SPX", expiry=1.0, mean_reversion=1.0, long_variance=0.04)
    >>> [round(x, 4) for x in (swap.price(path) + swap.cashflows(path)).tolist()]
    [0.04, 0.04, 0.04]
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    expiry: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    long_variance: Float[Array, ""] = number()
    notional: Float[Array, ""] = number(default=1.0)

    def __check_init__(self):
        check_expiry(self.expiry)
        reverts = concrete(self.mean_reversion, lambda a: a >= 0)
        require(reverts, f"mean_reversion must be 0 or more per year, was {self.mean_reversion}")
        positive = concrete(self.long_variance, lambda b: b >= 0)
        require(positive, f"long_variance must be 0 or more per year, was {self.long_variance}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        realised = path.quote(f"{self.underlier}.realised_variance")
        return jnp.where(at_expiry(path, self.expiry), self.notional * realised, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left, variance = time_left(path, self.expiry), path.quote(f"{self.underlier}.variance")
        still = heston.expected_integrated_variance(variance, left, self.mean_reversion, self.long_variance)
        value = discount(path, left) * (path.quote(f"{self.underlier}.realised_variance") + still)
        return jnp.where(left > 0, self.notional * value, 0.0)


class QuotedVarianceSwap(AbstractTradable):
    r"""The floating leg of a variance swap marked on a volatility quote, with no model behind it.

    .. math:: \sum_{j\le k} \log^2(S_j/S_{j-1}) + \sigma_k^2\,(T-t_k),

    discounted and times ``notional`` (cash per unit of variance-year): squared log returns since the first point of
    the path, and the time left at the quoted variance (``vol``, or ``"<underlier>.vol"`` unless named).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.ones(2), "A.vol": jnp.full(2, 0.2)}, jnp.ones(2))
    >>> [round(x, 4) for x in QuotedVarianceSwap("A", expiry=1.0).price(path).tolist()]
    [0.04, 0.0]
    """

    underlier: str = eqx.field(static=True)
    expiry: Float[Array, ""] = number()
    notional: Float[Array, ""] = number(default=1.0)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_expiry(self.expiry)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(at_expiry(path, self.expiry), self.notional * self._accrued(path), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left = time_left(path, self.expiry)
        still = path.quote(self.vol or f"{self.underlier}.vol") ** 2 * left
        value = discount(path, left) * (self._accrued(path) + still)
        return jnp.where(left > 0, self.notional * value, 0.0)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"realised_variance": self._accrued(path)}

    def _accrued(self, path: MarketPath) -> Float[Array, " points"]:
        return accumulated(jnp.diff(jnp.log(path.quote(self.underlier))) ** 2)
