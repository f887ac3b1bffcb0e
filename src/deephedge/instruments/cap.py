"""Caps and floors: options on the floating rate of each period."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.schedule import Schedule
from deephedge.core.types import concrete, number
from deephedge.instruments.base import AbstractTradable
from deephedge.instruments.curve import AbstractCurve, come, gaussian, years_to
from deephedge.instruments.equity import check_expiry
from deephedge.instruments.legs import UNKNOWN, bonds, check_fixing, floating_rates, paid, worth
from deephedge.pricing import bachelier, black, hullwhite

FORMULAS = ("model", "black", "bachelier")


class Cap(AbstractTradable):
    r"""Pays :math:`\delta(L-K)^+` on ``notional`` for each period of ``schedule``; ``call=False`` is a floor.

    :math:`L` is the simple rate of the period, fixed and remembered as that of a `FloatingRateNote`, ``strike``
    :math:`K` per year. One period makes a caplet. The price is, by ``formula``, ``"model"``: the sum of bond options
    under the Gaussian short rate of ``curve`` (Jamshidian 1989), right where a period is paid when it ends; or
    ``"black"`` (1976) on :math:`L` plus ``shift``, or ``"bachelier"`` (1900), on one quote ``vol`` for all periods.

    Raises ``ParameterError`` for terms that make no cap, ``ProblemError`` where the curve has no such model.

    >>> import deephedge as dh, jax, jax.numpy as jnp
    >>> quotes = {"USD.short": jnp.full(1, 0.03)}
    >>> path = dh.MarketPath(jnp.zeros(1), quotes, jnp.ones(1))
    >>> curve = dh.instruments.ModelCurve(dh.markets.HullWhite(((1, 9), (0.03, 0.03)), 0.1, 0.01))
    >>> cap = Cap(dh.Schedule.uniform(0.5, 3.0, periods=5), 0.03, curve)
    >>> round(float(jax.jit(lambda path: cap.price(path))(path)[0]), 4)
    0.0104
    """

    schedule: Schedule
    strike: Float[Array, ""] = number()
    curve: AbstractCurve  # pyright: ignore
    call: bool = eqx.field(static=True, default=True)
    formula: str = eqx.field(static=True, default="model")
    vol: str | None = eqx.field(static=True, default=None)
    shift: Float[Array, ""] = number(default=0.0)
    notional: Float[Array, ""] = number(default=1.0)
    fixing: Float[Array, ""] = number(default=UNKNOWN)

    def __check_init__(self):
        check_expiry(self.expiry)
        check_fixing(self.schedule, self.fixing)
        check_formula(self.formula, self.vol, self.curve)
        require(concrete(self.strike, np.isfinite), f"strike must be a finite rate per year, was {self.strike}")

    @property
    def expiry(self) -> Float[Array, "..."]:
        """When the last payment is due, in years."""
        return self.schedule.pays[..., -1]

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        rates, _ = self._rates(path)
        return self.notional * paid(path, self.schedule, self.schedule.accruals * self._payoff(rates))

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        rates, due = self._rates(path)
        fixed = come(path, self.schedule.fixings)
        value = jnp.where(fixed, self._payoff(rates), self._option(path, jnp.where(fixed, self.strike, rates)))
        return self.notional * worth(path, self.schedule, self.schedule.accruals * value, due)

    def _rates(self, path: MarketPath) -> tuple[Float[Array, "points tenor"], Float[Array, "points tenor"]]:
        """The rate of each period, and bonds to when it is paid."""
        near, far, due = bonds(path, self.curve, self.schedule.starts, self.schedule.ends, self.schedule.pays)
        return floating_rates(path, self.schedule, near, far, self.fixing), due

    def _payoff(self, rates: Float[Array, "points tenor"]) -> Float[Array, "points tenor"]:
        return jnp.maximum(rates - self.strike if self.call else self.strike - rates, 0.0)

    def _option(self, path: MarketPath, rates: Float[Array, "points tenor"]) -> Float[Array, "points tenor"]:
        """Each period's option per year that it counts for, in cash when it is paid."""
        left = years_to(path, self.schedule.fixings)
        if self.formula == "black":
            vol = path.quote(self.vol or "")[:, None]
            return black.price(rates + self.shift, self.strike + self.shift, vol, left, self.call)
        if self.formula == "bachelier":
            return bachelier.price(rates, self.strike, path.quote(self.vol or "")[:, None], left, self.call)
        # The growth over the period is lognormal under the measure of its end: a bond option turned over.
        years, count = self.schedule, self.schedule.accruals
        total = bond_spread(gaussian(self.curve), left, years.fixings, years.starts, years.ends)
        return black.price(1.0 + count * rates, 1.0 + count * self.strike, total, call=self.call) / count


def bond_spread(
    model: Any,
    left: Float[Array, "..."],
    expiry: Float[Array, "..."],
    near: Float[Array, "..."],
    far: Float[Array, "..."],
) -> Float[Array, "..."]:
    """Total log deviation, ``left`` years before ``expiry``, of a bond to ``far`` in units of one to ``near`` then."""
    a = model.mean_reversion
    length = hullwhite.loading(far - expiry, a) - hullwhite.loading(near - expiry, a)
    return length * model.vol * hullwhite.step_law(left, a)[0]


def check_formula(formula: str, vol: str | None, curve: AbstractCurve) -> None:
    """Refuse an unknown formula, one without what it reads, and a quote that it would not read."""
    require(formula in FORMULAS, f"formula must be one of {FORMULAS}, was {formula!r}")
    require((vol is None) == (formula == "model"), f"vol must name a quote for black and bachelier alone, was {vol!r}")
    if formula == "model":
        gaussian(curve)
