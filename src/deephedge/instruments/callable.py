"""Bonds with a right in them: the issuer's to repay early, or the holder's to be repaid early."""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.instruments.base import AbstractTradable, reached, slack
from deephedge.instruments.bermudan import AbstractBermudan, AgainstWaiting, check_dates
from deephedge.instruments.bond import FixedBond
from deephedge.instruments.curve import AbstractCurve
from deephedge.instruments.exercise import AbstractExercise


class BermudanBondOption(AbstractBermudan):
    """The right to buy the bond that it ``delivers`` on one of ``dates`` (years); ``buys=False``: to sell it.

    One pays ``prices`` (cash for the whole notional, clean: one for all dates or one each) and the interest accrued,
    and gets what is paid from then on; a coupon due on the date is not in it. Price, ``rule`` and ``underlier`` are as
    those of a `BermudanSwaption`.

    >>> import deephedge as dh, jax, jax.numpy as jnp
    >>> curve = dh.instruments.ModelCurve(dh.markets.HullWhite(((1, 9), (0.03, 0.03)), 0.1, 0.01))
    >>> bond = dh.instruments.FixedBond(dh.Schedule.uniform(0.0, 6.0, periods=6), 0.03, curve)
    >>> path = dh.MarketPath(jnp.zeros(1), {"USD.short": jnp.full(1, 0.03)}, jnp.ones(1))
    >>> right = BermudanBondOption(bond, (1.0, 2.0, 3.0), 1.0)
    >>> round(float(jax.jit(lambda path: right.price(path))(path)[0]), 4)
    0.0184
    """

    delivers: FixedBond
    dates: Float[Array, " tenor"] = eqx.field(converter=as_float)
    prices: Float[Array, "*tenor"] = eqx.field(converter=as_float)
    buys: bool = eqx.field(static=True, default=True)
    rule: AbstractExercise = eqx.field(default_factory=AgainstWaiting)
    underlier: str = eqx.field(static=True, default="USD.short")

    def __check_init__(self):
        check_dates(self.dates)
        last, end = self.dates[..., -1], self.delivers.expiry
        require(concrete(end - last - slack(end), lambda gap: gap > 0), f"dates must end before the bond, at {end}")
        sound = concrete(self.prices, lambda cash: (cash > 0) & np.isfinite(cash))
        require(sound, f"prices must be cash above 0, were {self.prices}")
        fits = self.prices.ndim == 0 or self.prices.shape[-1] == self.dates.shape[-1]
        require(fits, f"prices must be one or one for each of {self.dates.shape[-1]} dates, were {self.prices}")

    @property
    def curve(self) -> AbstractCurve:
        return self.delivers.curve

    @property
    def strike(self) -> Float[Array, ""]:
        """The coupon per year."""
        return self.delivers.coupon

    @property
    def call(self) -> bool:
        """Whether it gains when rates rise: where it sells."""
        return not self.buys

    def used(self, times: Float[Array, "*points"], discounts: Callable[[Array], Array]) -> Float[Array, "*points"]:
        gain = self.delivers.due(times, times, discounts(self.delivers.schedule.pays)) - self.cost(times)
        return gain if self.buys else -gain

    def cost(self, times: Float[Array, "*points"]) -> Float[Array, "*points"]:
        """Cash for the bond at ``times`` (years), by the price of the last date that has come."""
        row = jnp.searchsorted(self.dates - slack(self.dates), times, side="right") - 1
        prices = jnp.broadcast_to(self.prices, self.dates.shape)
        return prices[jnp.maximum(row, 0)] + self.delivers.accrued_by(times)


class CallableBond(AbstractTradable):
    r"""The bond that ``right`` delivers, less that right: its issuer may use it to repay early.

    With a right that sells (``buys=False``) it is the holder's, and the bond is puttable. Where it is used the bond
    pays the right's `cost`, and whatever coupon is due then, and ends. By the right's ``rule``, best at that by
    default, the price is

    .. math:: V_t = \text{bond}_t \mp \text{right}_t .

    The states are the right's ``"alive"`` and the bond's ``"accrued"``.

    >>> import deephedge as dh, jax, jax.numpy as jnp
    >>> curve = dh.instruments.ModelCurve(dh.markets.HullWhite(((1, 9), (0.03, 0.03)), 0.1, 0.01))
    >>> bond = dh.instruments.FixedBond(dh.Schedule.uniform(0.0, 6.0, periods=6), 0.03, curve)
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"USD.short": jnp.array([0.03, 0.0])}, jnp.ones(2))
    >>> loan = CallableBond(BermudanBondOption(bond, (1.0, 2.0, 3.0), 1.0))
    >>> price, cash = jax.jit(lambda path: (loan.price(path), loan.cashflows(path)))(path)
    >>> [round(x, 4) for x in (*price.tolist(), *cash.tolist())]
    [0.9792, 0.0, 0.0, 1.03]
    """

    right: BermudanBondOption

    @property
    def bond(self) -> FixedBond:
        """What it is while nobody has used the right."""
        return self.right.delivers

    @property
    def expiry(self) -> Float[Array, "..."]:
        """When the last payment is due, in years."""
        return self.bond.expiry

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        now, before = self._used(path)
        return jnp.where(before, 0.0, self.bond.cashflows(path)) + jnp.where(now, self.right.cost(path.times), 0.0)

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        """Until it is repaid."""
        now, before = self._used(path)
        return ~(now | before | reached(path.times, self.expiry))

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        right = self.right.value(path)
        return jnp.where(self.tradable(path), self.bond.price(path) + (-right if self.right.buys else right), 0.0)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        alive = self.tradable(path)
        return {"alive": alive.astype(path.times.dtype), "accrued": jnp.where(alive, self.bond.accrued(path), 0.0)}

    def _used(self, path: MarketPath) -> tuple[Bool[Array, " points"], Bool[Array, " points"]]:
        """Whether the right is used at each point, and whether it was before."""
        now = self.right.exercised(path)
        return now, accumulated(now.astype(path.times.dtype))[:-1] > 0
