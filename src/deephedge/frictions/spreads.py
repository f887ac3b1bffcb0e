"""Bid-ask spreads that depend on the state of the market: as quoted, by volatility, moneyness, the hour; and ticks."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, UnknownQuote, nearest, require
from deephedge.core.types import as_float, concrete, number
from deephedge.frictions.base import AbstractCost, checked_rate, per_instrument, size

EXPIRED = 1e-6  # years: nothing is quoted for a shorter time to expiry


class QuotedSpread(AbstractCost):
    r"""Half of what stands between bid and ask at the moment of a trade: :math:`\sum_i\tfrac12(a_i-b_i)^+|n_i|`.

    ``names`` says for each instrument under which name the path quotes it: ``"<name>.ask"`` and ``"<name>.bid"`` are
    read. An instrument without one (``None``) pays ``default``, a share of the cash traded, one number or one for each
    instrument. Prices are taken to be middles: one who buys pays the ask, one who sells gets the bid. Nothing is
    assumed of the size that stands at either. Raises ``UnknownQuote``.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> seen = {"c.bid": jnp.array(4.0), "c.ask": jnp.array(4.5)}
    >>> cost = dh.frictions.QuotedSpread((None, "c"), default=0.001)
    >>> round(float(cost(jnp.array([1.0, -2.0]), jnp.array([100.0, 4.25]), seen)), 4)
    0.6
    """

    names: tuple[str | None, ...] = eqx.field(static=True, converter=tuple)
    default: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=0.0)

    def __check_init__(self):
        checked_rate("default", self.default, "a share of the cash traded")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        count = len(self.names)
        told = f"names needs one name (or None) for each of {trade.shape[-1]} instruments, has {count}"
        require(count == trade.shape[-1], told, ProblemError)
        half = per_instrument("default", self.default, trade) * jnp.abs(price)
        for n, name in enumerate(self.names):
            if name is not None:
                gap = _seen(quotes, f"{name}.ask") - _seen(quotes, f"{name}.bid")
                half = half.at[n].set(0.5 * jnp.maximum(gap, 0.0))
        return jnp.sum(half * size(trade))


class VolatilitySpread(AbstractCost):
    r"""A proportional cost that widens with volatility: :math:`\sum_i\varepsilon_i(\sigma/\bar\sigma)^p|n_i||P_i|`.

    ``rate`` is the share of the cash traded that half the spread costs when the quote ``vol`` stands at ``normal``.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> wide = dh.frictions.VolatilitySpread(0.01, "A.vol", normal=0.2)
    >>> round(float(wide(jnp.array([1.0]), jnp.array([100.0]), {"A.vol": jnp.array(0.4)})), 5)
    2.0
    """

    rate: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    vol: str = eqx.field(static=True)
    normal: Float[Array, ""] = number()
    power: Float[Array, ""] = number(default=1.0)

    def __check_init__(self):
        checked_rate("rate", self.rate, "a share of the cash traded")
        require(concrete(self.normal, lambda x: x > 0), f"normal must be a positive volatility, was {self.normal}")
        checked_rate("power", self.power, "of the ratio of volatilities")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        ratio = jnp.maximum(_seen(quotes, self.vol) / self.normal, 1e-12)
        return ratio**self.power * jnp.sum(per_instrument("rate", self.rate, trade) * size(trade) * jnp.abs(price))


class MoneynessSpread(AbstractCost):
    r"""Half the spread of options, wider away from the money: :math:`\sum_i(a_i+b_i\,m_i^2)|n_i||P_i|`.

    :math:`m=\ln(K/S)/(\sigma\sqrt\tau)` is the moneyness in deviations, from the quotes ``underlier`` and ``vol`` and
    the ``strikes`` (cash) and ``expiries`` (years) of the instruments, in their order: NaN for an instrument that is no
    option, which pays ``base`` alone. ``base`` and ``slope`` are shares of the cash traded, ``widest`` their most.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> spread = dh.frictions.MoneynessSpread(0.01, 0.02, "A", "A.vol", strikes=(110.0,), expiries=(1.0,))
    >>> seen = {"A": jnp.array(100.0), "A.vol": jnp.array(0.2), "time": jnp.array(0.0)}
    >>> round(float(spread(jnp.array([1.0]), jnp.array([5.0]), seen)), 5)
    0.07271
    """

    base: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    slope: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    underlier: str = eqx.field(static=True)
    vol: str = eqx.field(static=True)
    strikes: Float[Array, " instrument"] = eqx.field(converter=as_float)
    expiries: Float[Array, " instrument"] = eqx.field(converter=as_float)
    widest: Float[Array, ""] = number(default=1.0)

    def __check_init__(self):
        for name in ("base", "slope", "widest"):
            checked_rate(name, getattr(self, name), "a share of the cash traded")
        alike = self.strikes.shape == self.expiries.shape
        require(alike, "strikes and expiries need one number for each instrument (NaN for no option)", ProblemError)

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        spot, vol, time = (_seen(quotes, name) for name in (self.underlier, self.vol, "time"))
        strikes, expiries = (per_instrument(n, getattr(self, n), trade) for n in ("strikes", "expiries"))
        option = jnp.isfinite(strikes) & jnp.isfinite(expiries)
        left = jnp.maximum(jnp.where(option, expiries, 1.0) - time, EXPIRED)
        money = jnp.log(jnp.where(option, strikes, spot) / spot) / (vol * jnp.sqrt(left))
        wider = per_instrument("slope", self.slope, trade) * money**2
        rate = jnp.minimum(per_instrument("base", self.base, trade) + wider, self.widest)
        return jnp.sum(rate * size(trade) * jnp.abs(price))


class HourlySpread(AbstractCost):
    """Another cost, times a factor that depends on the hour: wide at the open, narrow at noon.

    ``hours`` (0 to 24, increasing) and ``factors`` are points joined by straight lines and held flat outside. The hour
    is ``opens`` plus the hours of the day gone since: time on the path is read as years of ``days`` days whose trading
    day lasts ``length`` hours; or it is the quote ``hour``, where that is named.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> wide = dh.frictions.HourlySpread(dh.frictions.ProportionalCost(0.01), (9.5, 12.0), (3.0, 1.0), hour="hour")
    >>> round(float(wide(jnp.array([1.0]), jnp.array([100.0]), {"hour": jnp.array(9.5)})), 5)
    3.0
    """

    cost: AbstractCost
    hours: Float[Array, " hour"] = eqx.field(converter=as_float)
    factors: Float[Array, " hour"] = eqx.field(converter=as_float)
    hour: str | None = eqx.field(static=True, default=None)
    opens: Float[Array, ""] = number(default=9.5)
    length: Float[Array, ""] = number(default=6.5)
    days: Float[Array, ""] = number(default=252.0)

    def __check_init__(self):
        alike = self.hours.ndim == 1 and self.hours.shape == self.factors.shape and self.hours.size > 0
        require(alike, "hours and factors must be two rows of one length, one factor an hour", ProblemError)
        rising = concrete(self.hours, lambda x: (np.diff(x, prepend=-1.0) > 0) & (x >= 0) & (x <= 24))
        require(rising, f"hours must increase within 0 to 24, were {self.hours}")
        checked_rate("factors", self.factors, "times the cost")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        if self.hour is None:
            gone = _seen(quotes, "time") * self.days
            # A day that has just begun must not be read as one that ends: dates in float32 fall short of it.
            hour = self.opens + self.length * (gone - jnp.floor(gone + 1e-3)).clip(0.0)
        else:
            hour = _seen(quotes, self.hour)
        return jnp.interp(hour, self.hours, self.factors) * self.cost(trade, price, quotes)


class TickSize(AbstractCost):
    r"""Prices come in ticks: a buyer pays the next tick above, a seller gets the next one below.

    ``tick`` is the size of a tick (cash), one number or one for each instrument; prices are taken to be middles. The
    distance to the tick is charged as it is and is not differentiated: it has a slope nearly everywhere, and no use.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> round(float(dh.frictions.TickSize(0.25)(jnp.array([2.0, -2.0]), jnp.array([100.1, 100.1]), {})), 4)
    0.5
    """

    tick: Float[Array, "*instrument"] = eqx.field(converter=as_float)

    def __check_init__(self):
        require(concrete(self.tick, lambda x: (x > 0) & np.isfinite(x)), f"a tick must be positive, was {self.tick}")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        tick = per_instrument("tick", self.tick, trade)
        ticks = price / tick
        up, down = jnp.ceil(ticks - 1e-4), jnp.floor(ticks + 1e-4)  # a price on a tick, but for rounding, is on it
        away = jnp.where(trade > 0, up - ticks, ticks - down) * tick
        return jnp.sum(jnp.maximum(lax.stop_gradient(away), 0.0) * size(trade))


def _seen(quotes: dict[str, Float[Array, ""]], name: str) -> Float[Array, ""]:
    if name not in quotes:
        raise UnknownQuote(f"a spread needs the quote {name!r}, which the path lacks: {nearest(name, quotes)}")
    return quotes[name]
