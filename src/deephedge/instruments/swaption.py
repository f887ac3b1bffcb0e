"""Options to enter a swap: once, or on any of several dates."""

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, slack, time_left
from deephedge.instruments.bermudan import AbstractBermudan, AgainstWaiting, check_dates
from deephedge.instruments.cap import bond_spread, check_formula
from deephedge.instruments.curve import AbstractCurve, gaussian
from deephedge.instruments.equity import check_expiry
from deephedge.instruments.exercise import AbstractExercise
from deephedge.instruments.legs import bonds
from deephedge.instruments.swap import Swap
from deephedge.pricing import bachelier, black, hullwhite

SETTLEMENTS = ("physical", "par yield")


class Swaption(AbstractTradable):
    r"""The right to enter the swap that it ``delivers`` at ``expiry`` (years): pays what that is worth, if it is.

    One gets the periods that start at the expiry or later. With forward rate :math:`S` and annuity :math:`A` of these
    the payer's payoff is :math:`A(S-K)^+`; settled by ``"par yield"`` in cash the annuity is
    :math:`\sum_i\delta_i\prod_{j\le i}(1+\delta_jS)^{-1}` instead. The price is, by ``formula``, ``"model"``: that of
    Jamshidian (1989) under the Gaussian short rate of the curve, for a swap without spread that is paid when its
    periods end and a fixed rate of 0 or more; or ``"black"`` (1976) on :math:`S` plus ``shift``, or ``"bachelier"``
    (1900), on the quote ``vol``.

    >>> import deephedge as dh, jax, jax.numpy as jnp
    >>> curve = dh.instruments.ModelCurve(dh.markets.HullWhite(((1, 9), (0.03, 0.03)), 0.1, 0.01))
    >>> years = dh.Schedule.uniform(1.0, 6.0, periods=5)
    >>> path = dh.MarketPath(jnp.zeros(1), {"USD.short": jnp.full(1, 0.03)}, jnp.ones(1))
    >>> right = Swaption(dh.instruments.Swap(years, years, 0.03, curve), 1.0)
    >>> round(float(jax.jit(lambda path: right.price(path))(path)[0]), 4)
    0.0148
    """

    pointwise: ClassVar[bool] = True
    delivers: Swap
    expiry: Float[Array, ""] = number()
    formula: str = eqx.field(static=True, default="model")
    vol: str | None = eqx.field(static=True, default=None)
    shift: Float[Array, ""] = number(default=0.0)
    settlement: str = eqx.field(static=True, default="physical")

    def __check_init__(self):
        check_expiry(self.expiry)
        check_formula(self.formula, self.vol, self.delivers.curve)
        check_delivered(self.delivers, self.expiry)
        known = self.settlement in SETTLEMENTS
        require(known, f"settlement must be one of {SETTLEMENTS}, was {self.settlement!r}")
        if self.formula == "model":
            swap, floating = self.delivers, self.delivers.floating
            require(self.settlement == "physical", "the formula of a model is that of physical settlement")
            plain = concrete(floating.pays - floating.ends, lambda gap: np.abs(gap) < 1e-6)
            plain = plain and concrete(swap.spread, lambda spread: spread == 0)
            require(plain, "the formula of a model needs floating periods paid when they end, without a spread")
            require(concrete(swap.rate, lambda rate: rate >= 0), f"a model needs a rate of 0 or more, was {swap.rate}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        rate, annuity = self._entered(path)
        gain = rate - self.delivers.rate if self.delivers.payer else self.delivers.rate - rate
        payoff = self.delivers.notional * annuity * jnp.maximum(gain, 0.0)
        return jnp.where(at_expiry(path, self.expiry), payoff, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left = time_left(path, self.expiry)
        value = self._jamshidian(path, left) if self.formula == "model" else self._quoted(path, left)
        return jnp.where(left > 0, self.delivers.notional * value, 0.0)

    def _entered(self, path: MarketPath) -> tuple[Float[Array, " points"], Float[Array, " points"]]:
        """Forward swap rate and the annuity that it is paid on, at each point of what one gets at expiry."""
        swap = self.delivers
        then = jnp.broadcast_to(self.expiry, path.times.shape)
        floating, annuity = swap.entered(then, lambda dates: swap.curve.discounts(path, dates))
        rate = floating / jnp.where(annuity > 0, annuity, 1.0)
        if self.settlement == "physical":
            return rate, annuity
        count = jnp.where(self._delivered, swap.fixed.accruals, 0.0)
        owed = jnp.cumprod(1.0 / (1.0 + count * rate[:, None]), axis=-1)
        return rate, swap.curve.discounts(path, self.expiry[None])[:, 0] * jnp.sum(count * owed, axis=-1)

    def _quoted(self, path: MarketPath, left: Float[Array, " points"]) -> Float[Array, " points"]:
        rate, annuity = self._entered(path)
        swap, vol = self.delivers, path.quote(self.vol or "")
        if self.formula == "bachelier":
            return annuity * bachelier.price(rate, swap.rate, vol, left, swap.payer)
        return annuity * black.price(rate + self.shift, swap.rate + self.shift, vol, left, swap.payer)

    def _jamshidian(self, path: MarketPath, left: Float[Array, " points"]) -> Float[Array, " points"]:
        """A payer is a put, struck at the bond to the start, on the fixed leg with the notional at its end."""
        swap, model = self.delivers, gaussian(self.delivers.curve)
        ahead = swap.floating.starts >= self.expiry - slack(self.expiry)
        begin = jnp.min(jnp.where(ahead, swap.floating.starts, jnp.inf))
        dates = jnp.concatenate([swap.fixed.pays, swap.floating.ends[-1:]])
        coupons = jnp.where(self._delivered, swap.rate * swap.fixed.accruals, 0.0)
        # A coupon that is not there would ask for the logarithm of 0.
        cash = jnp.maximum(jnp.concatenate([coupons, jnp.ones_like(coupons[:1])]), 1e-12)
        near, far = bonds(path, swap.curve, begin[None], dates)
        dates = jnp.maximum(dates, begin)
        loads = hullwhite.loading(dates - self.expiry, model.mean_reversion)
        loads = jnp.maximum(loads - hullwhite.loading(begin - self.expiry, model.mean_reversion), 1e-6)
        total = bond_spread(model, left[:, None], self.expiry, begin, dates)
        strike, call = jnp.ones_like(left), jnp.full_like(near, not swap.payer, bool)
        value = hullwhite.decomposed_option(far / near, cash, strike, loads, total, call)
        return near[:, 0] * value

    @property
    def _delivered(self) -> Bool[Array, " tenor"]:
        return self.delivers.fixed.starts >= self.expiry - slack(self.expiry)


class BermudanSwaption(AbstractBermudan):
    """The right to enter the swap that it ``delivers`` on one of ``dates`` (years): for what is left of it then.

    One gets the periods that start at the date or later, and pays or is paid nothing for entering. The price is that
    of the best use, by backward induction under the Gaussian short rate of the curve (`pricing.induction`); ``rule``
    says when it is used along a path: `AgainstWaiting` unless another is given (`Never`, or a `Regression` on the quote
    ``underlier`` by `fit_exercise`). Under the curve of another kind it is a liability without a price, and needs a
    rule.

    >>> import deephedge as dh, jax, jax.numpy as jnp
    >>> curve = dh.instruments.ModelCurve(dh.markets.HullWhite(((1, 9), (0.03, 0.03)), 0.1, 0.01))
    >>> years = dh.Schedule.uniform(1.0, 6.0, periods=5)
    >>> path = dh.MarketPath(jnp.zeros(1), {"USD.short": jnp.full(1, 0.03)}, jnp.ones(1))
    >>> right = BermudanSwaption(dh.instruments.Swap(years, years, 0.03, curve), years.starts)
    >>> round(float(jax.jit(lambda path: right.price(path))(path)[0]), 4)
    0.0217
    """

    delivers: Swap
    dates: Float[Array, " tenor"] = eqx.field(converter=as_float)
    rule: AbstractExercise = eqx.field(default_factory=AgainstWaiting)
    underlier: str = eqx.field(static=True, default="USD.short")

    def __check_init__(self):
        check_dates(self.dates)
        check_delivered(self.delivers, self.dates[..., -1])

    @property
    def curve(self) -> AbstractCurve:
        return self.delivers.curve

    @property
    def strike(self) -> Float[Array, ""]:
        """The fixed rate per year."""
        return self.delivers.rate

    @property
    def call(self) -> bool:
        """Whether it gains when rates rise."""
        return self.delivers.payer

    def used(self, times: Float[Array, "*points"], discounts: Callable[[Array], Array]) -> Float[Array, "*points"]:
        floating, annuity = self.delivers.entered(times, discounts)
        return self.delivers.units * (floating - self.delivers.rate * annuity)


def check_delivered(swap: Swap, expiry: Float[Array, ""]) -> None:
    """Refuse a swap of which nothing starts at or after ``expiry``."""
    check_expiry(expiry)
    for leg in (swap.fixed, swap.floating):
        left = concrete(leg.starts[..., -1] - expiry + slack(expiry), lambda gap: gap >= 0)
        require(left, f"the swap must have periods that start at {expiry} years or later, the last at {leg.starts}")
