"""Bonds: one payment, fixed coupons, floating coupons."""

from typing import ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.schedule import Schedule
from deephedge.core.types import concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, slack
from deephedge.instruments.curve import AbstractCurve, arriving
from deephedge.instruments.equity import check_expiry
from deephedge.instruments.legs import UNKNOWN, bonds, check_fixing, floating_rates, last_one, paid, worth


class ZeroBond(AbstractTradable):
    """``notional`` in cash at ``expiry`` (years), worth what ``curve`` says.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"rate": jnp.full(2, 0.05)}, jnp.ones(2))
    >>> bond = ZeroBond(1.0, dh.instruments.FlatCurve())
    >>> [round(x, 4) for x in bond.price(path).tolist()], bond.cashflows(path).tolist()
    ([0.9512, 0.0], [0.0, 1.0])
    """

    pointwise: ClassVar[bool] = True
    expiry: Float[Array, ""] = number()
    curve: AbstractCurve  # pyright: ignore
    notional: Float[Array, ""] = number(default=1.0)

    def __check_init__(self):
        check_expiry(self.expiry)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(at_expiry(path, self.expiry), self.notional, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        value = self.notional * self.curve.discounts(path, self.expiry[None])[:, 0]
        return jnp.where(self.tradable(path), value, 0.0)


class FixedBond(AbstractTradable):
    r"""``coupon`` per year on ``notional`` at the dates of ``schedule``, and the notional with the last.

    The price is that of a holder, interest included, now. What the market quotes is `clean`: for settlement
    ``settlement`` years later, without the interest `accrued` by then, which is the state ``"accrued"`` too. From
    ``ex_coupon`` years before it is paid a coupon goes to who held the bond then: it is in no later price, accrued
    interest is negative, and its value is cash there. Interest accrues evenly in time over a period.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {}, jnp.ones(3))
    >>> bond = FixedBond(dh.Schedule.uniform(0.0, 1.0, periods=1), 0.04, dh.instruments.FlatCurve())
    >>> [[round(x, 3) for x in each(path).tolist()] for each in (bond.price, bond.clean, bond.cashflows)]
    [[1.04, 1.04, 0.0], [1.04, 1.02, 0.0], [0.0, 0.0, 1.04]]
    """

    pointwise: ClassVar[bool] = True
    schedule: Schedule
    coupon: Float[Array, ""] = number()
    curve: AbstractCurve  # pyright: ignore
    notional: Float[Array, ""] = number(default=1.0)
    settlement: Float[Array, ""] = number(default=0.0)
    ex_coupon: Float[Array, ""] = number(default=0.0)

    @property
    def expiry(self) -> Float[Array, "..."]:
        """When the last payment is due, in years."""
        return self.schedule.pays[..., -1]

    def __check_init__(self):
        check_expiry(self.expiry)
        for name in ("settlement", "ex_coupon"):
            years = getattr(self, name)
            require(
                concrete(years, lambda x: (x >= 0) & np.isfinite(x)), f"{name} must be 0 or more years, was {years}"
            )

    @property
    def coupons(self) -> Float[Array, " tenor"]:
        """Cash of each coupon."""
        return self.notional * self.coupon * self.schedule.accruals

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        detached = self.coupons * self.curve.discounts(path, self.schedule.pays)
        coupons = jnp.where(arriving(path, self.schedule.pays - self.ex_coupon), detached, 0.0)
        return jnp.sum(coupons, axis=-1) + jnp.where(at_expiry(path, self.expiry), self.notional, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return self.due(path.times, path.times, self.curve.discounts(path, self.schedule.pays))

    def clean(self, path: MarketPath) -> Float[Array, " points"]:
        """Quoted price at each point; 0 where it would be settled after the end."""
        single = MarketPath(
            path.times[:, None], {k: v[:, None] for k, v in path.quotes.items()}, path.numeraire[:, None]
        )
        then = path.times + self.settlement
        lent = jax.vmap(lambda now: self.curve.discounts(now, now.times + self.settlement)[0, 0])(single)
        held = self.due(path.times, then, self.curve.discounts(path, self.schedule.pays))
        settled = held / lent - self.accrued_by(then)
        return jnp.where(then < self.expiry - slack(self.expiry), settled, 0.0)

    def forward(self, path: MarketPath, date: Float[Array, ""]) -> Float[Array, " points"]:
        """Clean price agreed at each point for delivery at ``date`` (years), or at the point once that has come.

        Cost of carry: what a holder from then on is paid, lent against to then, less the interest accrued by then.
        """
        bonds = self.curve.discounts(path, jnp.append(self.schedule.pays, date))
        then = jnp.maximum(path.times, date)
        return self.due(path.times, then, bonds[:, :-1]) / bonds[:, -1] - self.accrued_by(then)

    def accrued(self, path: MarketPath) -> Float[Array, " points"]:
        """Interest in the quoted price's settlement at each point."""
        return self.accrued_by(path.times + self.settlement)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"accrued": self.accrued(path)}

    def accrued_by(self, settled: Float[Array, "*points"]) -> Float[Array, "*points"]:
        """Interest accrued at any times (years)."""
        start, end, detached = self.schedule.starts, self.schedule.ends, self.schedule.pays - self.ex_coupon
        settled = settled[..., None]
        running = (settled >= start - slack(start)) & (settled < end - slack(end))
        share = jnp.clip((settled - start) / (end - start), 0.0, 1.0) - (settled >= detached - slack(detached))
        return jnp.sum(jnp.where(running, self.coupons * share, 0.0), axis=-1)

    def due(
        self, now: Float[Array, "*points"], then: Float[Array, "*points"], bonds: Float[Array, "*points tenor"]
    ) -> Float[Array, "*points"]:
        """Value ``now`` (years), by ``bonds`` to the payments, of what is paid to a holder from ``then`` on."""
        detached, pays = self.schedule.pays - self.ex_coupon, self.schedule.pays
        coupons = jnp.where(then[..., None] < detached - slack(detached), self.coupons, 0.0)
        repaid = jnp.where(now[..., None] < pays - slack(pays), self.notional * last_one(self.schedule), 0.0)
        return jnp.sum((coupons + repaid) * bonds, axis=-1)


class FloatingRateNote(AbstractTradable):
    r"""Coupons of the simple rate of each period plus ``spread`` per year, and ``notional`` with the last.

    A rate is :math:`(P(s)/P(e)-1)/\delta` of the curve at the first point at or after its fixing date; the note
    remembers it. ``fixing`` is the rate (per year) of periods fixed before the path begins, if there are any.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"rate": jnp.full(2, 0.05)}, jnp.ones(2))
    >>> note = FloatingRateNote(dh.Schedule.uniform(0.0, 1.0, periods=1), dh.instruments.FlatCurve())
    >>> [[round(x, 4) for x in each(path).tolist()] for each in (note.price, note.cashflows)]
    [[1.0, 0.0], [0.0, 1.0513]]
    """

    schedule: Schedule
    curve: AbstractCurve  # pyright: ignore
    spread: Float[Array, ""] = number(default=0.0)
    notional: Float[Array, ""] = number(default=1.0)
    fixing: Float[Array, ""] = number(default=UNKNOWN)

    @property
    def expiry(self) -> Float[Array, "..."]:
        """When the last payment is due, in years."""
        return self.schedule.pays[..., -1]

    def __check_init__(self):
        check_expiry(self.expiry)
        check_fixing(self.schedule, self.fixing)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return paid(path, self.schedule, self._amounts(path)[0])

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return worth(path, self.schedule, *self._amounts(path))

    def _amounts(self, path: MarketPath) -> tuple[Float[Array, "points tenor"], Float[Array, "points tenor"]]:
        """What each period pays, and the bonds to then."""
        years = self.schedule
        near, far, due = bonds(path, self.curve, years.starts, years.ends, years.pays)
        rates = floating_rates(path, years, near, far, self.fixing) + self.spread
        return self.notional * (rates * years.accruals + last_one(years)), due
