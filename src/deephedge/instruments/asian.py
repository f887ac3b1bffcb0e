"""Options on an average of prices."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, forward, reached, time_left
from deephedge.instruments.equity import check_expiry, check_terms
from deephedge.instruments.monitoring import check_dates, optional
from deephedge.pricing import asian

TINY = 1e-30


class Asian(AbstractTradable):
    r"""A call or put on the average :math:`A` of the prices on ``dates`` (years), or with it for a strike.

    Pays :math:`(\pm(A-K))^+` at ``expiry`` (years), ``strike`` :math:`K` in cash; without one :math:`(\pm(S-A))^+`. The
    average is arithmetic or ``geometric``, over the first point at or after each date and over the prices ``past``
    (cash) that were fixed before the path begins. What is fixed is known and enters the price exactly. Geometric
    averages are priced by Black's formula, arithmetic ones by conditioning (`pricing.asian`, the documentation has its
    error), on the quotes ``vol`` (``"<underlier>.vol"`` unless named), ``"rate"`` and ``"<underlier>.dividend"``.

    The state ``"average"`` is that of the prices fixed so far, and the spot before the first.

    Source: Kemna and Vorst (1990); Curran (1994).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 0.75, 1.5]), "A.vol": jnp.full(3, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes, jnp.ones(3))
    >>> call = Asian("A", dates=(0.5, 1.0), expiry=1.0, strike=1.0)
    >>> call.cashflows(path).tolist(), call.state(path)["average"].tolist()
    ([0.0, 0.0, 0.125], [1.0, 0.75, 1.125])
    """

    underlier: str = eqx.field(static=True)
    dates: Float[Array, " tenor"] = eqx.field(converter=as_float)
    expiry: Float[Array, ""] = number()
    strike: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    call: bool = eqx.field(static=True, default=True)
    geometric: bool = eqx.field(static=True, default=False)
    past: Float[Array, " unit"] = eqx.field(converter=as_float, default=())
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_expiry(self.expiry)
        check_dates(self.dates, self.expiry)
        if self.strike is not None:
            check_terms(self.strike, self.expiry)
        sound = concrete(self.past, lambda price: (price > 0) & np.isfinite(price))
        require(sound, f"past must be prices above 0, in cash, were {self.past}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        prices, known = self._fixed(path)
        average, spot = _average(prices, known, self.geometric), path.quote(self.underlier)
        gain = spot - average if self.strike is None else average - self.strike
        return jnp.where(at_expiry(path, self.expiry), jnp.maximum(gain if self.call else -gain, 0.0), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left, vol = time_left(path, self.expiry), path.quote(self.vol or f"{self.underlier}.vol")
        until = jax.vmap(lambda date: time_left(path, date), out_axes=-1)(self.dates)
        until = jnp.concatenate([jnp.zeros((left.shape[0], self.past.shape[-1]), left.dtype), until], axis=-1)
        ahead = jax.vmap(lambda left: forward(path, self.underlier, left), -1, -1)(until)
        prices, known = self._fixed(path)
        law = jnp.where(known, prices, ahead), vol[:, None] ** 2 * until
        if self.strike is None:
            formula = asian.geometric_strike if self.geometric else asian.arithmetic_strike
            value = formula(*law, forward(path, self.underlier, left), vol**2 * left, self.call)
        else:
            formula = asian.geometric if self.geometric else asian.arithmetic
            value = formula(*law, self.strike, self.call)
        return jnp.where(left > 0, discount(path, left) * value, 0.0)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        prices, known = self._fixed(path)
        begun = jnp.any(known, axis=-1)
        return {"average": jnp.where(begun, _average(prices, known, self.geometric), path.quote(self.underlier))}

    def _fixed(self, path: MarketPath) -> tuple[Float[Array, " fixing"], Bool[Array, "points fixing"]]:
        """The prices fixed on the path and before it, and at which points each of them is known."""
        spot, past = path.quote(self.underlier), self.past.shape[-1]
        prices = jax.vmap(lambda date: jnp.sum(jnp.where(at_expiry(path, date), spot, 0.0)))(self.dates)
        known = jax.vmap(lambda date: reached(path.times, date), out_axes=-1)(self.dates)
        known = jnp.concatenate([jnp.ones((spot.shape[0], past), bool), known], axis=-1)
        return jnp.concatenate([self.past, prices]), known


def _average(
    prices: Float[Array, " fixing"], known: Bool[Array, "points fixing"], geometric: bool
) -> Float[Array, " points"]:
    count = jnp.maximum(jnp.sum(known, axis=-1), 1)
    if geometric:
        return jnp.exp(jnp.sum(jnp.where(known, jnp.log(jnp.maximum(prices, TINY)), 0.0), axis=-1) / count)
    return jnp.sum(jnp.where(known, prices, 0.0), axis=-1) / count
