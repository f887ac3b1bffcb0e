"""The option of the day: one tradable that is always an option of about the same tenor and moneyness."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.instruments.base import AbstractTradable, discount, forward, slack
from deephedge.instruments.listed import quotes_surface, surface_price
from deephedge.pricing import black


class RollingOption(AbstractTradable):
    r"""A call (or put) of ``tenor`` years at ``moneyness`` times the spot, replaced ``every`` so many years.

    At the first point, and at the first point at or after each multiple of ``every``, the option held is closed at its
    price and one is opened with strike :math:`K_j=m\,S_{t_j}` and expiry :math:`t_j+` ``tenor``. The position counts
    contracts and is kept; the gain of a step is that of the option held over it,

    .. math:: V_{k+1}(K_j, t_j+\text{tenor}) - V_k(K_j, t_j+\text{tenor}),

    and `rolls` says where a problem charges for closing and opening. ``every`` is at most the tenor: equal to it, each
    option is held to its end. An end between two points is settled at the second, on the spot there, like that of every
    contract: it lives longer than its price says, so choose a tenor that ends on points. Prices are those of the
    surface that the path quotes (`ListedOption`), or Black's on the quote ``vol`` where it is named or there is no
    surface (``"<underlier>.vol"``).

    The strike opened at a point is a share of its spot, so the derivative of the price there is not a delta: `held`
    fixes the terms, and `features.Delta` and its kin ask for it.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 1.5, 1.5]), "A.vol": jnp.full(3, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]), quotes, jnp.ones(3))
    >>> option = RollingOption("A", tenor=1.0, every=1.0)
    >>> [round(x, 4) for x in option.price(path).tolist()], option.rolls(path).tolist()
    ([0.0797, 0.1195, 0.1195], [False, True, True])
    >>> [round(x, 4) for x in option.cashflows(path).tolist()]
    [0.0, 0.3805, -0.1195]
    """

    underlier: str = eqx.field(static=True)
    tenor: Float[Array, ""] = number()
    every: Float[Array, ""] = number()
    moneyness: Float[Array, ""] = number(default=1.0)
    call: bool = eqx.field(static=True, default=True)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        sound = concrete(self.tenor, lambda t: (t > 0) & np.isfinite(t)) and concrete(self.every, lambda t: t > 0)
        require(sound, f"tenor and every must be years above 0, were {self.tenor} and {self.every}")
        alive = concrete(self.tenor - self.every + slack(self.tenor), lambda rest: rest >= 0)
        require(alive, f"every must be at most the tenor of {self.tenor} years, was {self.every}: roll before it ends")
        sound = concrete(self.moneyness, lambda m: (m > 0) & np.isfinite(m))
        require(sound, f"moneyness must be a share of the spot above 0, was {self.moneyness}")

    def rolls(self, path: MarketPath) -> Bool[Array, " points"]:
        count = jnp.floor((path.times + slack(path.times)) / self.every)
        return jnp.concatenate([jnp.zeros(1, bool), count[1:] > count[:-1]])

    def held(self, path: MarketPath) -> "_Held":
        rolls = self.rolls(path)
        opened = lax.cummax(jnp.where(rolls, jnp.arange(len(rolls)), 0))
        strike, end = self.moneyness * path.quote(self.underlier), path.times + self.tenor
        return _Held(self, strike[opened], end[opened])

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return self.held(path).price(path)

    def closing(self, path: MarketPath) -> Float[Array, " points"]:
        new = self.held(path)
        before = jnp.maximum(jnp.arange(len(path.times)) - 1, 0)
        old = _Held(self, new.strike[before], new.end[before])
        return jnp.where(self.rolls(path), old.price(path), new.price(path))

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(self.rolls(path), self.closing(path) - self.price(path), 0.0)


class _Held(AbstractTradable):
    """The option held from each point on, its strike and its end fixed."""

    pointwise: ClassVar[bool] = True
    option: RollingOption
    strike: Float[Array, " points"]
    end: Float[Array, " points"]

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        option, left = self.option, self.end - path.times
        left = jnp.where(left <= slack(self.end), 0.0, left)
        if option.vol is None and quotes_surface(path, option.underlier):
            value = surface_price(path, option.underlier, self.strike, left, option.call)
        else:
            vol = path.quote(option.vol or f"{option.underlier}.vol")
            value = black.price(forward(path, option.underlier, left), self.strike, vol, left, option.call)
        above = path.quote(option.underlier) - self.strike
        return jnp.where(left > 0, discount(path, left) * value, jnp.maximum(above if option.call else -above, 0.0))

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.zeros_like(path.times)
