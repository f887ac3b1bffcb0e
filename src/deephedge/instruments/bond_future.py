"""Bond futures: the seller delivers whichever bond of a basket is cheapest."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.calendars import Day, as_day
from deephedge.core.errors import GridError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, slack
from deephedge.instruments.bond import FixedBond
from deephedge.instruments.futures import Future

NONE = -1.0  # the cheapest bond once one has been delivered
MARK = "mark"


class BondFuture(AbstractTradable):
    r"""A future on the cheapest bond ``deliverable`` at ``expiry`` (years), ``multiplier`` times its mark a contract.

    With the clean forward price :math:`F_i` of each bond for delivery then (`FixedBond.forward`, for one unit of its
    notional) and its conversion factor :math:`c_i` of ``factors``, the mark is

    .. math:: \min_i F_i / c_i ,

    the cost of carry of the cheapest: neither the seller's choice of a bond and a day until then is in it, nor what
    daily margins earn. Bonds have a curve each. Margins, and what a liability must be, are those of a `Future`. The
    state ``"cheapest"`` is the number of the bond, from 0, and -1 after delivery.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5]), {"rate": jnp.full(2, 0.05)}, jnp.ones(2))
    >>> bonds = [FixedBond(dh.Schedule.uniform(0.5, end, 3), 0.05, dh.instruments.FlatCurve()) for end in (2.0, 3.5)]
    >>> future = BondFuture(bonds, (0.98, 0.97), expiry=0.5)
    >>> [round(x, 4) for x in future.price(path).tolist()], future.state(path)["cheapest"].tolist()
    ([1.0195, 0.0], [0.0, 0.0])
    """

    pointwise: ClassVar[bool] = True
    deliverable: tuple[FixedBond, ...] = eqx.field(converter=tuple)
    factors: Float[Array, " instrument"] = eqx.field(converter=as_float)
    expiry: Float[Array, ""] = number()
    multiplier: Float[Array, ""] = number(default=1.0)

    def __check_init__(self):
        count = len(self.deliverable)
        fits = count > 0 and self.factors.shape[-1:] == (count,) and concrete(self.factors, lambda c: c > 0)
        require(fits, f"factors must be numbers above 0, one for each of {count} bonds, were {self.factors}")
        for bond in self.deliverable:
            late = concrete(bond.expiry - self.expiry - slack(self.expiry), lambda gap: gap > 0)
            require(late, f"a bond must end after it can be delivered at {self.expiry} years, ends at {bond.expiry}")
        self._margined()

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return self._margined().price(self._marked(path))

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return self._margined().cashflows(self._marked(path))

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        cheapest = jnp.argmin(self.converted(path), axis=-1).astype(path.times.dtype)
        return {"cheapest": jnp.where(self.tradable(path) | at_expiry(path, self.expiry), cheapest, NONE)}

    def converted(self, path: MarketPath) -> Float[Array, "points instrument"]:
        """Forward price of each bond over its factor: the mark at which delivering it would cost nothing."""
        forwards = [bond.forward(path, self.expiry) / bond.notional for bond in self.deliverable]
        return jnp.stack(forwards, axis=-1) / self.factors

    def _margined(self) -> Future:
        return Future(MARK, self.expiry, self.multiplier)

    def _marked(self, path: MarketPath) -> MarketPath:
        return path.with_quotes({MARK: jnp.min(self.converted(path), axis=-1)})


def conversion_factor(coupon: float, delivery: Day, maturity: Day, notional: float = 0.06, months: int = 3) -> float:
    r"""Conversion factor of the Chicago exchange, to four digits, for a bond with half-yearly ``coupon`` per year.

    That is its clean price, per unit, at a yield of ``notional`` on the first day of the ``delivery`` month, the
    time to ``maturity`` rounded down to whole multiples of ``months``: 3 for bonds and ten-year notes, 1 for
    five-year notes and shorter ones. With :math:`n` whole half years and the share :math:`f` of another,

    .. math:: c = (1+\tfrac y2)^{-f}\bigl(\tfrac k2[f>0]+A+(1+\tfrac y2)^{-n}\bigr)-\tfrac k2(1-f)[f>0], \qquad
        A = \tfrac ky\bigl(1-(1+\tfrac y2)^{-n}\bigr).

    Raises ``GridError`` where less than ``months`` are left.

    Source: CME Group, *Calculating U.S. Treasury futures conversion factors*.

    >>> conversion_factor(0.10, "2025-03-01", "2045-05-15"), conversion_factor(0.08, "2025-03-01", "2043-07-15")
    (1.4623, 1.2199)
    """
    first, last = (as_day(day).astype("datetime64[M]").astype(int) for day in (delivery, maturity))
    left = int(last - first) // months * months
    require(left > 0, f"a bond needs {months} months or more from {delivery}, was {maturity}", GridError)
    whole, rest = divmod(left, 6)
    share, grown = rest / 6, 1.0 + 0.5 * notional
    next_one = 0.5 * coupon if rest else 0.0
    repaid = grown**-whole
    price = grown**-share * (next_one + coupon / notional * (1.0 - repaid) + repaid)
    return round(float(price - next_one * (1.0 - share)), 4)
