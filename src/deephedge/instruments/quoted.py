"""Options as an exchange lists them: worth what they are quoted at, settled in cash at their end."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, number
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, forward, reached, time_left
from deephedge.instruments.book import Book, Premium
from deephedge.instruments.equity import Spot, check_terms
from deephedge.instruments.listed import KINDS
from deephedge.pricing import black


class Listed(AbstractTradable):
    r"""A European option that the path quotes by ``name``: its price is that quote, whatever any model says.

    ``strike`` in cash, ``expiry`` in years from the start of the path, ``kind`` ``"call"`` or ``"put"``. From the first
    point at or after ``expiry`` on it is worth 0, and there it pays its intrinsic value on the quote ``underlier``. It
    is not dealt in where the quote ``"<name>.halted"`` is not 0. `data.Chains` makes such paths of real chains.

    Its sensitivities are those of Black (1976) at the volatility ``"<name>.vol"``, on the forward ``"<name>.forward"``
    or, without that quote, on the carry of the underlier; they are 0 on a path without the volatility. To the price
    the model adds nothing.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([100.0, 108.0]), "c": jnp.array([9.0, 7.0]), "c.vol": jnp.full(2, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5]), quotes, jnp.ones(2))
    >>> call = Listed("c", "A", strike=100.0, expiry=0.5)
    >>> call.price(path).tolist(), call.cashflows(path).tolist()
    ([9.0, 0.0], [0.0, 8.0])
    >>> round(float(dh.features.Delta(call)(path)[0]), 4)
    0.5282
    """

    pointwise: ClassVar[bool] = True
    name: str = eqx.field(static=True)
    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    kind: str = eqx.field(static=True, default="call")

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        require(self.kind in KINDS, f"kind must be one of {KINDS}, was {self.kind!r}")

    @property
    def vol(self) -> str:
        """The quote that its vega is the derivative to."""
        return f"{self.name}.vol"

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = path.quote(self.underlier) - self.strike
        payoff = jnp.maximum(above if self.kind == "call" else -above, 0.0)
        return jnp.where(at_expiry(path, self.expiry), payoff, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        model = self._model(path)
        value = path.quote(self.name) + (model - lax.stop_gradient(model))
        return jnp.where(reached(path.times, self.expiry), 0.0, value)

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        halted = path.quotes.get(f"{self.name}.halted", jnp.zeros_like(path.times))
        return AbstractTradable.tradable(self, path) & (halted == 0)

    def _model(self, path: MarketPath) -> Float[Array, " points"]:
        if self.vol not in path.quotes:
            return jnp.zeros_like(path.times)
        left, spot = time_left(path, self.expiry), path.quote(self.underlier)
        quoted = path.quotes.get(f"{self.name}.forward")
        if quoted is None:
            ahead = forward(path, self.underlier, left)
        else:  # a quoted forward moves in proportion to its underlier
            here = lax.stop_gradient(spot)
            ahead = quoted * (1.0 + (spot - here) / jnp.where(here == 0.0, 1.0, here))
        return discount(path, left) * black.price(ahead, self.strike, path.quote(self.vol), left, self.kind == "call")


def sold_at_bid(option: Listed, units: ArrayLike = 1.0) -> Book:
    """The obligation to deliver ``units`` of ``option``, sold at the first point at the quote ``"<name>.bid"``.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([100.0, 108.0]), "c": jnp.array([9.0, 7.0]), "c.bid": jnp.array([8.5, 6.5])}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5]), quotes, jnp.ones(2))
    >>> sold_at_bid(Listed("c", "A", strike=100.0, expiry=0.5), 2.0).cashflows(path).tolist()
    [17.0, -16.0]
    """
    return Book((option, Premium(Spot(f"{option.name}.bid"))), (-as_float(units), units))
