"""Options on the highest or lowest price so far."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, forward, slack, time_left
from deephedge.instruments.equity import check_expiry, check_terms
from deephedge.instruments.monitoring import apart, check_watch, optional, so_far, watched
from deephedge.pricing import lookback

FAR = 1e30  # cash: above any price


class Lookback(AbstractTradable):
    r"""The right to buy at the lowest price so far, or to sell at the highest (``call=False``), at ``expiry`` (years).

    Pays :math:`S-m` or :math:`M-S`; with a ``strike`` (cash), :math:`(M-K)^+` or :math:`(K-m)^+`. The maximum :math:`M`
    or minimum :math:`m` is over the first points at or after each of ``dates`` (years, the last one the expiry), or
    over all points. A price takes the extreme as that of all times, or of looks that are ``dates`` or ``monitoring``
    years apart, spread evenly. It reads the quotes ``vol`` (``"<underlier>.vol"`` unless named), ``"rate"`` and
    ``"<underlier>.dividend"``, and the extreme so far, the state ``"maximum"`` or ``"minimum"``: that is the spot until
    the first look.

    Source: Goldman, Sosin and Gatto (1979); Conze and Viswanathan (1991); Broadie, Glasserman and Kou (1999) for looks.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 0.75, 1.5]), "A.vol": jnp.full(3, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes, jnp.ones(3))
    >>> low = Lookback("A", expiry=1.0)
    >>> low.cashflows(path).tolist(), low.state(path)["minimum"].tolist()
    ([0.0, 0.0, 0.75], [1.0, 0.75, 0.75])
    """

    underlier: str = eqx.field(static=True)
    expiry: Float[Array, ""] = number()
    strike: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    call: bool = eqx.field(static=True, default=True)
    dates: Float[Array, " tenor"] | None = eqx.field(converter=optional, default=None)
    monitoring: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_expiry(self.expiry)
        check_watch(self.expiry, self.dates, self.monitoring)
        if self.strike is not None:
            check_terms(self.strike, self.expiry)
        if self.dates is not None:
            ends = concrete(self.dates[..., -1] - self.expiry, lambda gap: gap >= -slack(np.asarray(self.expiry)))
            require(ends, f"dates must end with the expiry {self.expiry}, were {self.dates}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        spot, extreme = path.quote(self.underlier), self._extreme(path)
        gain = spot - extreme if self.strike is None else extreme - self.strike
        return jnp.where(at_expiry(path, self.expiry), jnp.maximum(gain if self.call else -gain, 0.0), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left, vol = time_left(path, self.expiry), path.quote(self.vol or f"{self.underlier}.vol")
        seen = path.quote(self.underlier), forward(path, self.underlier, left), self._extreme(path)
        step = apart(self.dates, self.monitoring)
        step = 0.0 if step is None else step
        if self.strike is None:
            value = lookback.floating(*seen, vol, left, self.call, step)
        else:
            value = lookback.fixed(*seen, self.strike, vol, left, self.call, step)
        return jnp.where(left > 0, discount(path, left) * value, 0.0)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"maximum" if self._high else "minimum": self._extreme(path)}

    @property
    def _high(self) -> bool:
        return self.call == (self.strike is not None)

    def _extreme(self, path: MarketPath) -> Float[Array, " points"]:
        spot, seen = path.quote(self.underlier), watched(path, self.expiry, self.dates)
        if self._high:
            most = lax.cummax(jnp.where(seen, spot, -FAR))
        else:
            most = lax.cummin(jnp.where(seen, spot, FAR))
        return jnp.where(so_far(seen), most, spot)
