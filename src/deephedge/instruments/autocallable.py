"""Notes that end early where their underlier is high enough on a date."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, carry, growth
from deephedge.instruments.fixings import Fixings, check_dates, fixings, schedule
from deephedge.pricing import autocallable

WATCHES = ("expiry", "dates", "points")


class Autocallable(AbstractTradable):
    r"""A note that pays coupons while its underlier is high, is redeemed where it is higher, and loses where it is low.

    On each of ``dates`` (years) and at ``expiry``, while alive: it pays ``coupon`` (cash) if :math:`S\ge`
    ``coupon_level``, and with ``memory`` every coupon missed before; if :math:`S\ge` ``call_level`` it also pays
    ``principal`` (cash) and is over. At expiry it pays the principal in any case, but times :math:`S/K` if :math:`S<K`
    (``strike``), it is not called then, and the underlier was below ``barrier``: at expiry (``watch="expiry"``), on one
    of the dates (``"dates"``) or at any point of the path up to it (``"points"``). All levels in cash, like the
    underlier. A path is taken to begin with the note alive, no coupon missed and no barrier touched.

    Under a flat quoted volatility (the quotes of a `EuropeanCall`) the price is `pricing.autocallable.legs`, with
    ``nodes``. With ``"points"`` there is none, as points to come are not known, and ``price`` raises ``ProblemError``:
    hold it as a liability.

    The states are ``"alive"`` (0 from the point at which it ends), ``"missed coupons"`` (how many are owed) and
    ``"knocked in"`` (1 once the barrier has been touched).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]), {"A": jnp.array([1.0, 0.75, 1.0])}, jnp.ones(3))
    >>> terms = {"call_level": 1.0, "coupon_level": 0.8, "barrier": 0.7, "strike": 1.0, "coupon": 0.0625}
    >>> Autocallable("A", dates=(1.0,), expiry=2.0, **terms).cashflows(path).tolist()
    [0.0, 0.0, 1.125]
    """

    underlier: str = eqx.field(static=True)
    dates: Float[Array, " date"] = number()
    expiry: Float[Array, ""] = number()
    call_level: Float[Array, ""] = number()
    coupon_level: Float[Array, ""] = number()
    barrier: Float[Array, ""] = number()
    strike: Float[Array, ""] = number()
    coupon: Float[Array, ""] = number()
    principal: Float[Array, ""] = number(default=1.0)
    memory: bool = eqx.field(static=True, default=True)
    watch: str = eqx.field(static=True, default="expiry")
    vol: str | None = eqx.field(static=True, default=None)
    nodes: int = eqx.field(static=True, default=24)

    def __check_init__(self):
        check_dates(self.dates, self.expiry)
        require(self.watch in WATCHES, f"watch must be one of {WATCHES}, was {self.watch!r}")
        for field in ("call_level", "coupon_level", "barrier", "strike", "principal"):
            value = getattr(self, field)
            sound = concrete(value, lambda x: (x > 0) & np.isfinite(x))
            require(sound, f"{field} must be positive cash, was {value}")
        require(concrete(self.coupon, lambda c: c >= 0), f"coupon must be 0 or more, was {self.coupon}")
        for low, high in (("coupon_level", "call_level"), ("barrier", "strike")):
            ordered = concrete(getattr(self, low) - getattr(self, high), lambda gap: gap <= 0)
            require(ordered, f"{low} must not lie above {high}, was {getattr(self, low)} and {getattr(self, high)}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        fixed = self._fixings(path)
        paid, called = self._events(fixed)
        owed, closed = _before(paid, called)
        end = jnp.arange(paid.shape[1]) == paid.shape[1] - 1
        lost = self._knocked(path, fixed)[:, None] & (fixed.spot < self.strike)
        redeemed = self.principal * jnp.where(end & ~called & lost, fixed.spot / self.strike, 1.0)
        coupons = self.coupon * jnp.where(paid, 1.0 + (owed[:, :-1] if self.memory else 0.0), 0.0)
        at = jax.vmap(lambda date: at_expiry(path, date), out_axes=1)(self._dates())
        cash = jnp.where(at & ~closed[:, :-1], coupons + jnp.where(called | end, redeemed, 0.0), 0.0)
        return jnp.sum(cash, axis=1)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        message = "an Autocallable whose barrier is watched at all points has no price: hold it as a liability"
        require(self.watch != "points", message, ProblemError)
        fixed, state, rate = self._fixings(path), self.state(path), carry(path, "rate")
        vol, dividend = path.quote(self.vol or f"{self.underlier}.vol"), rate - growth(path, self.underlier)
        levels = (self.call_level, self.coupon_level, self.barrier, self.strike, self.coupon / self.principal)

        def parts(now: tuple[Array, ...]) -> autocallable.Legs:
            return autocallable.legs(*now, *levels, self.memory, self.watch == "dates", self.nodes)

        # One point after the other: a matrix for each date, of all points at once, would fill the memory.
        worth = lax.map(parts, (path.quote(self.underlier), fixed.left, vol, rate, dividend))
        owed = self.coupon * state["missed coupons"] * worth.missed
        loss = jnp.where(state["knocked in"] > 0, worth.touched, worth.fresh)
        return jnp.where(state["alive"] > 0, self.principal * (worth.plain + loss) + owed, 0.0)

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        """Until it is called or expires."""
        return self.state(path)["alive"] > 0

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        fixed = self._fixings(path)
        owed, closed = _before(*self._events(fixed))
        alive = ~closed[:, -1] & ~fixed.known[:, -1]
        missed = owed[:, -1] - jnp.sum(~fixed.known, axis=1)  # dates to come have missed nothing
        flags = {"alive": alive, "missed coupons": alive * missed, "knocked in": self._knocked(path, fixed)}
        return {name: flag.astype(path.times.dtype) for name, flag in flags.items()}

    def _dates(self) -> Float[Array, " fixing"]:
        return schedule(self.dates, self.expiry)

    def _fixings(self, path: MarketPath) -> Fixings:
        return fixings(path, self.underlier, self._dates())

    def _events(self, fixed: Fixings) -> tuple[Bool[Array, "points date"], Bool[Array, "points date"]]:
        """Whether each date has come and been good for a coupon, for a call."""
        return fixed.known & (fixed.spot >= self.coupon_level), fixed.known & (fixed.spot >= self.call_level)

    def _knocked(self, path: MarketPath, fixed: Fixings) -> Bool[Array, " points"]:
        """Whether the barrier has been touched by each point, where that is looked at."""
        if self.watch == "points":
            below = (path.quote(self.underlier) < self.barrier) & (~fixed.known[:, -1] | at_expiry(path, self.expiry))
            return lax.cummax(below.astype(path.times.dtype)) > 0
        below = fixed.known & (fixed.spot < self.barrier)
        return jnp.any(below if self.watch == "dates" else below[:, -1:], axis=1)


def _before(
    paid: Bool[Array, "points date"], called: Bool[Array, "points date"]
) -> tuple[Float[Array, "points fixing"], Bool[Array, "points fixing"]]:
    """Before each date, and after the last: coupons missed since one was paid, and whether the note is over."""
    first, count = jnp.zeros_like(paid[:, :1]), paid.shape[1]
    last = lax.cummax(jnp.where(paid, jnp.arange(1.0, count + 1), 0.0), axis=1)
    owed = jnp.arange(count + 1.0) - jnp.concatenate([first.astype(last.dtype), last], axis=1)
    closed = lax.cummax(called.astype(last.dtype), axis=1) > 0
    return owed, jnp.concatenate([first, closed], axis=1)
