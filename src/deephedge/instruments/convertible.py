"""Bonds that their holder may exchange for shares."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, carry, growth, reached, slack, time_left
from deephedge.instruments.bond import FixedBond
from deephedge.instruments.curve import FlatCurve, arriving
from deephedge.instruments.legs import last_one, paid
from deephedge.pricing import convertible


class ConvertibleBond(AbstractTradable):
    r"""``bond``, until its holder takes ``ratio`` of the ``underlier`` for it, which he may do at any point.

    From ``call_from`` (years) on its issuer may repay it at ``call_price``, and at ``put_dates`` its holder may have it
    repaid at ``put_prices``: cash for the whole notional, clean, with accrued interest on top. Called, it can still be
    converted. A coupon is paid before any of that, save the last, which is part of the redemption: at expiry it pays
    the larger of the two. Conversion gets no accrued interest. Both sides do what is best for them by the price, that
    of Tsiveriotis and Fernandes (1998) on a lattice of ``steps`` (`pricing.convertible`), under the quotes of the
    bond's flat rate, the volatility ``vol`` (``"<underlier>.vol"`` unless named) and ``"<underlier>.dividend"``, and
    with the yearly ``spread`` on what is paid in cash. Nothing defaults along a path, so its holder earns the spread
    there. The states are ``"alive"`` and ``"accrued"``.

    >>> import deephedge as dh, jax, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 0.5]), "A.vol": jnp.full(2, 0.3), "rate": jnp.full(2, 0.03)}
    >>> path = dh.MarketPath(jnp.array([0.0, 2.0]), quotes, jnp.ones(2))
    >>> bond = FixedBond(dh.Schedule.uniform(0.0, 2.0, periods=2), 0.02, FlatCurve(), notional=100.0)
    >>> loan = ConvertibleBond(bond, "A", ratio=90.0, spread=0.01)
    >>> price, cash = jax.jit(lambda path: (loan.price(path), loan.cashflows(path)))(path)
    >>> [round(x, 1) for x in (*price.tolist(), *cash.tolist())]
    [109.5, 0.0, 0.0, 104.0]
    """

    bond: FixedBond
    underlier: str = eqx.field(static=True)
    ratio: Float[Array, ""] = number()
    spread: Float[Array, ""] = number(default=0.0)
    call_price: Float[Array, ""] = number(default=np.inf)
    call_from: Float[Array, ""] = number(default=0.0)
    put_dates: Float[Array, " tenor"] = eqx.field(converter=as_float, default=())
    put_prices: Float[Array, " tenor"] = eqx.field(converter=as_float, default=())
    vol: str | None = eqx.field(static=True, default=None)
    steps: int = eqx.field(static=True, default=100)

    def __check_init__(self):
        self._rate()
        require(concrete(self.bond.ex_coupon, lambda years: years == 0), "a convertible needs a bond with ex_coupon 0")
        require(concrete(self.ratio, lambda x: (x >= 0) & np.isfinite(x)), f"ratio must be 0 or more, was {self.ratio}")
        require(concrete(self.spread, np.isfinite), f"spread must be a finite rate per year, was {self.spread}")
        for name in ("call_price", "put_prices"):
            cash = getattr(self, name)
            require(concrete(cash, lambda x: x > 0), f"{name} must be cash above 0, was {cash}")
        fits = self.put_dates.shape == self.put_prices.shape
        require(fits, f"put_dates and put_prices must be as many, were {self.put_dates} and {self.put_prices}")
        require(self.steps > 1, f"steps must be 2 or more, was {self.steps}")

    @property
    def expiry(self) -> Float[Array, "..."]:
        """When it is redeemed, in years."""
        return self.bond.expiry

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        over, worth = self._ended(path)
        before = accumulated(over.astype(path.times.dtype))[:-1] > 0
        cash = paid(path, self.bond.schedule, self._coupons) + jnp.where(over, worth, 0.0)
        redeemed = jnp.maximum(self.ratio * path.quote(self.underlier), self._redemption)
        return jnp.where(before, 0.0, cash + jnp.where(at_expiry(path, self.expiry), redeemed, 0.0))

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        """Until it is converted, called, put or redeemed."""
        over, _ = self._ended(path)
        return (accumulated(over.astype(path.times.dtype))[1:] == 0) & ~reached(path.times, self.expiry)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        equity, debt = self.parts(path)
        return jnp.where(self.tradable(path), equity + debt, 0.0)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        alive = self.tradable(path)
        return {"alive": alive.astype(path.times.dtype), "accrued": jnp.where(alive, self.bond.accrued(path), 0.0)}

    def parts(self, path: MarketPath) -> tuple[Float[Array, " points"], Float[Array, " points"]]:
        """Equity and debt at each point, in cash, of the convertible still held."""
        rate, left = carry(path, self._rate()), time_left(path, self.expiry)
        dividend = carry(path, "rate") - growth(path, self.underlier)
        later = path.times[:, None] + left[:, None] * jnp.arange(self.steps) / self.steps
        earlier = later - left[:, None] / self.steps
        dates = self.put_dates - slack(self.put_dates)
        arrives = (later[..., None] >= dates) & (earlier[..., None] < dates)
        put = jnp.max(jnp.where(arrives, self._put_cash, 0.0), axis=-1, initial=0.0)
        called = self.call_price + self.bond.accrued_by(jnp.maximum(later, self.call_from))
        held = jax.vmap(convertible.held, in_axes=(0, 0, 0, 0, 0, None, None, None, 0, None, 0, 0, 0))
        spot, vol = path.quote(self.underlier), path.quote(self.vol or f"{self.underlier}.vol")
        ahead = self.bond.schedule.pays - path.times[:, None]
        ahead = jnp.where(ahead > slack(self.bond.schedule.pays), ahead, 0.0)
        return held(spot, vol, left, rate, dividend, self.spread, self.ratio, self._redemption, ahead, self._coupons,
                    called, put, self.call_from - path.times)  # fmt: skip

    def _ended(self, path: MarketPath) -> tuple[Bool[Array, " points"], Float[Array, " points"]]:
        """Where one side would end it before expiry, were it still alive, and what it pays there."""
        put = jnp.max(jnp.where(arriving(path, self.put_dates), self._put_cash, 0.0), axis=-1, initial=0.0)
        shares = self.ratio * path.quote(self.underlier)
        over, equity, debt = convertible.ended(*self.parts(path), shares, self._called(path.times), put)
        return over & ~reached(path.times, self.expiry), equity + debt

    def _called(self, times: Float[Array, "*points"]) -> Float[Array, "*points"]:
        may = times >= self.call_from - slack(self.call_from)
        return jnp.where(may, self.call_price + self.bond.accrued_by(times), jnp.inf)

    def _rate(self) -> str:
        """The quote of the one rate that a lattice in the spot can discount at."""
        curve = self.bond.curve
        require(isinstance(curve, FlatCurve), "a convertible needs a bond on a FlatCurve: its rate is flat")
        return curve.rate if isinstance(curve, FlatCurve) else ""

    @property
    def _put_cash(self) -> Float[Array, " tenor"]:
        return self.put_prices + self.bond.accrued_by(self.put_dates)

    @property
    def _coupons(self) -> Float[Array, " tenor"]:
        return self.bond.coupons * (1.0 - last_one(self.bond.schedule))

    @property
    def _redemption(self) -> Float[Array, ""]:
        return self.bond.notional + self.bond.coupons[-1]
