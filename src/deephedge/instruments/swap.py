"""Interest rate swaps: fixed against floating coupons on one curve."""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.paths import MarketPath
from deephedge.core.schedule import Schedule
from deephedge.core.types import number
from deephedge.instruments.base import AbstractTradable, slack
from deephedge.instruments.curve import AbstractCurve
from deephedge.instruments.equity import check_expiry
from deephedge.instruments.legs import UNKNOWN, check_fixing, floating_rates, paid, worth


class Swap(AbstractTradable):
    r"""Pays ``rate`` per year at the dates of ``fixed`` for floating at those of ``floating``; a receiver the reverse.

    Floating rates are fixed and remembered as those of a `FloatingRateNote`, and get ``spread`` per year on top.
    Without lags, at any time before the start a payer is worth, per unit of ``notional``,

    .. math:: P(t,T_0)-P(t,T_n)-K\sum_i\delta_iP(t,T_i).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"rate": jnp.array([0.05, 0.02])}, jnp.ones(2))
    >>> years = dh.Schedule.uniform(0.0, 2.0, periods=2)
    >>> swap = at_par(Swap(years, years, 0.0, dh.instruments.FlatCurve()), path)
    >>> round(float(swap.rate), 4), [round(x, 4) for x in swap.price(path).tolist()]
    (0.0513, [0.0, -0.0305])
    """

    fixed: Schedule
    floating: Schedule
    rate: Float[Array, ""] = number()
    curve: AbstractCurve
    payer: bool = eqx.field(static=True, default=True)
    notional: Float[Array, ""] = number(default=1.0)
    spread: Float[Array, ""] = number(default=0.0)
    fixing: Float[Array, ""] = number(default=UNKNOWN)

    @property
    def expiry(self) -> Float[Array, ""]:
        """When the last payment is due, in years."""
        return jnp.maximum(self.fixed.pays[..., -1], self.floating.pays[..., -1])

    def __check_init__(self):
        check_expiry(self.expiry)
        check_fixing(self.floating, self.fixing)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        received = paid(path, self.floating, self._coupons(path))
        return self.units * (received - paid(path, self.fixed, self.rate * self.fixed.accruals))

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        received = worth(path, self.curve, self.floating, self._coupons(path))
        return self.units * (received - self.rate * self.annuity(path))

    def annuity(self, path: MarketPath) -> Float[Array, " points"]:
        """Value at each point of one a year over what is left of the fixed leg, on a notional of one."""
        return worth(path, self.curve, self.fixed, self.fixed.accruals)

    def par(self, path: MarketPath) -> Float[Array, " points"]:
        """The fixed rate per year at which the swap would be worth nothing at each point; 0 once it has ended."""
        annuity = self.annuity(path)
        floating = worth(path, self.curve, self.floating, self._coupons(path))
        return jnp.where(annuity > 0, floating / jnp.where(annuity > 0, annuity, 1.0), 0.0)

    @property
    def units(self) -> Float[Array, ""]:
        """Notional, signed as that of a payer."""
        return self.notional if self.payer else -self.notional

    def entered(
        self, times: Float[Array, "*points"], discounts: Callable[[Array], Array]
    ) -> tuple[Float[Array, "*points"], Float[Array, "*points"]]:
        """Floating leg and annuity, on a notional of one, of the periods that start at ``times`` or later.

        That is what one gets who enters then. ``discounts`` gives bonds to dates, those on the last axis.
        """

        def legs(schedule: Schedule, amounts: Callable[[], Array]) -> Array:
            ahead = times[..., None] <= schedule.starts + slack(schedule.starts)
            return jnp.sum(jnp.where(ahead, amounts() * discounts(schedule.pays), 0.0), axis=-1)

        def floating() -> Array:
            growth = discounts(self.floating.starts) / discounts(self.floating.ends)
            return growth - 1.0 + self.spread * self.floating.accruals

        return legs(self.floating, floating), legs(self.fixed, lambda: self.fixed.accruals)

    def _coupons(self, path: MarketPath) -> Float[Array, "points tenor"]:
        rates = floating_rates(path, self.curve, self.floating, self.fixing)
        return (rates + self.spread) * self.floating.accruals


Struck = TypeVar("Struck", bound=Swap)


def at_par(swap: Struck, path: MarketPath) -> Struck:
    """The same swap at the fixed rate at which it is worth nothing at the first point of ``path``."""
    return eqx.tree_at(lambda each: each.rate, swap, swap.par(path)[0])
