"""Interest rate swaps: fixed against floating coupons on one curve."""

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.paths import MarketPath
from deephedge.core.schedule import Schedule
from deephedge.core.types import number
from deephedge.instruments.base import AbstractTradable, slack
from deephedge.instruments.curve import AbstractCurve
from deephedge.instruments.equity import check_expiry
from deephedge.instruments.legs import UNKNOWN, bonds, check_fixing, floating_rates, paid, worth


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
    curve: AbstractCurve  # pyright: ignore
    payer: bool = eqx.field(static=True, default=True)
    notional: Float[Array, ""] = number(default=1.0)
    spread: Float[Array, ""] = number(default=0.0)
    fixing: Float[Array, ""] = number(default=UNKNOWN)

    @property
    def expiry(self) -> Float[Array, "..."]:
        """When the last payment is due, in years."""
        return jnp.maximum(self.fixed.pays[..., -1], self.floating.pays[..., -1])

    def __check_init__(self):
        check_expiry(self.expiry)
        check_fixing(self.floating, self.fixing)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        received = paid(path, self.floating, self._legs(path)[0])
        return self.units * (received - paid(path, self.fixed, self.rate * self.fixed.accruals))

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        _, floating, annuity = self._legs(path)
        return self.units * (floating - self.rate * annuity)

    def par(self, path: MarketPath) -> Float[Array, " points"]:
        """The fixed rate per year at which the swap would be worth nothing at each point; 0 once it has ended."""
        _, floating, annuity = self._legs(path)
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

        found = discounts(jnp.concatenate(self._dates))
        ends = np.cumsum([each.shape[0] for each in self._dates])[:-1]
        near, far, floating, fixed = jnp.split(found, ends, axis=-1)
        coupons = near / far - 1.0 + self.spread * self.floating.accruals

        def left(leg: Schedule, values: Array) -> Array:
            ahead = times[..., None] <= leg.starts + slack(leg.starts)
            return jnp.sum(jnp.where(ahead, values, 0.0), axis=-1)

        return left(self.floating, coupons * floating), left(self.fixed, self.fixed.accruals * fixed)

    @property
    def _dates(self) -> tuple[Float[Array, " _"], ...]:
        return self.floating.starts, self.floating.ends, self.floating.pays, self.fixed.pays

    def _legs(
        self, path: MarketPath
    ) -> tuple[Float[Array, "points tenor"], Float[Array, " points"], Float[Array, " points"]]:
        """Floating coupons, what they are worth, and the value of one a year on the fixed leg; on a notional of one."""
        near, far, floating, fixed = bonds(path, self.curve, *self._dates)
        coupons = floating_rates(path, self.floating, near, far, self.fixing) + self.spread
        coupons = coupons * self.floating.accruals
        annuity = worth(path, self.fixed, self.fixed.accruals, fixed)
        return coupons, worth(path, self.floating, coupons, floating), annuity


Struck = TypeVar("Struck", bound=Swap)


def at_par(swap: Struck, path: MarketPath) -> Struck:
    """The same swap at the fixed rate at which it is worth nothing at the first point of ``path``."""
    return eqx.tree_at(lambda each: each.rate, swap, swap.par(path)[0])
