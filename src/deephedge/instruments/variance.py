"""Swaps on realised variance, sampled on dates: variance, volatility, and variance inside a corridor."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number, optional
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, growth
from deephedge.instruments.fixings import Fixings, check_dates, fixings, schedule
from deephedge.pricing import variance


class HestonMark(eqx.Module):
    """Has a swap marked by Heston's model, on the quote ``"<underlier>.variance"``; parameters as in `markets.Heston`.

    >>> mark = HestonMark(mean_reversion=1.5, long_variance=0.04, vol_of_vol=0.5, correlation=-0.7)
    """

    mean_reversion: Float[Array, ""] = number()
    long_variance: Float[Array, ""] = number()
    vol_of_vol: Float[Array, ""] = number()
    correlation: Float[Array, ""] = number()

    def __check_init__(self):
        for field in ("mean_reversion", "long_variance", "vol_of_vol"):
            value = getattr(self, field)
            require(concrete(value, lambda x: x > 0), f"{field} must be positive, was {value}")
        rho = self.correlation
        require(concrete(rho, lambda r: np.abs(r) <= 1), f"correlation must lie between -1 and 1, was {rho}")


class DatedVarianceSwap(AbstractTradable):
    r"""Pays ``notional`` times realised less agreed variance per year at ``expiry`` (years).

    .. math:: \frac1{T-t_0}\sum_i\log^2\frac{S_{t_i}}{S_{t_{i-1}}} - K

    ``dates`` (years) are all fixings before the one at expiry, from the first, :math:`t_0`; ``strike`` is a variance
    (0.04 for 20 %) and ``notional`` cash per unit of it: for a vega notional per unit of volatility divide that by
    :math:`2\sqrt K`. A path is taken to begin by the first date.

    The price knows the sampling: a period to come counts its variance and the square of its mean, one that has begun
    the return so far as well. Marked on the flat quoted volatility (the quotes of a `EuropeanCall`), or, given a
    ``model``, by Heston's, with the same quotes of rate and dividend (Broadie and Jain 2008). The state ``"realised"``
    is the variance per year that the periods now over have added.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"A": jnp.exp(jnp.array([0.0, 0.2, 0.1]))}, jnp.ones(3))
    >>> swap = DatedVarianceSwap("A", dates=(0.0, 0.5), expiry=1.0, strike=0.04)
    >>> [round(x, 4) for x in swap.cashflows(path).tolist()]
    [0.0, 0.0, 0.01]
    """

    underlier: str = eqx.field(static=True)
    dates: Float[Array, " date"] = number()
    expiry: Float[Array, ""] = number()
    strike: Float[Array, ""] = number()
    notional: Float[Array, ""] = number(default=1.0)
    vol: str | None = eqx.field(static=True, default=None)
    model: HestonMark | None = None

    def __check_init__(self):
        _check(self)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        paid = self.notional * (self.state(path)["realised"] - self.strike)
        return jnp.where(at_expiry(path, self.expiry), paid, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        fixed = _fixings(self, path).held()
        value = jnp.sum(_expected_squares(self, path, fixed), axis=1) / _years(self) - self.strike
        return _discounted(self, path, fixed, value)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"realised": jnp.sum(_known_squares(_fixings(self, path)), axis=1) / _years(self)}


class VolatilitySwap(AbstractTradable):
    r"""Pays ``notional`` times realised less agreed volatility: the root of what a `DatedVarianceSwap` realises, less
    ``strike``.

    The root is concave, so that it is worth less than the root of the fair variance. On the flat quoted volatility the
    price is exact, by the Laplace transform of a sum of squared normals (`pricing.variance.normal_root`). Under Heston
    that of the integrated variance is exact, and the noise that sampling adds is taken off to first order,
    :math:`m^{-3/2}\sum_j(w_j^2+2x_j^2w_j)/4` with :math:`w_j` the expected variance left of a period, :math:`x_j` the
    return so far and :math:`m` the expected sum: too little or too much by some :math:`1/n^2` of the volatility.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"A": jnp.exp(jnp.array([0.0, 0.3, 0.7]))}, jnp.ones(3))
    >>> swap = VolatilitySwap("A", dates=(0.0, 0.5), expiry=1.0, strike=0.2, notional=100.0)
    >>> [round(x, 3) for x in swap.cashflows(path).tolist()]
    [0.0, 0.0, 30.0]
    """

    underlier: str = eqx.field(static=True)
    dates: Float[Array, " date"] = number()
    expiry: Float[Array, ""] = number()
    strike: Float[Array, ""] = number()
    notional: Float[Array, ""] = number(default=1.0)
    vol: str | None = eqx.field(static=True, default=None)
    model: HestonMark | None = None

    def __check_init__(self):
        _check(self)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        realised = self.state(path)["realised"]
        safe = jnp.where(realised > 0, realised, 1.0)
        paid = self.notional * (jnp.where(realised > 0, jnp.sqrt(safe), 0.0) - self.strike)
        return jnp.where(at_expiry(path, self.expiry), paid, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        fixed = _fixings(self, path).held()
        root = _flat_root(self, path, fixed) if self.model is None else _heston_root(self.model, self, path, fixed)
        return _discounted(self, path, fixed, root / jnp.sqrt(_years(self)) - self.strike)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"realised": jnp.sum(_known_squares(_fixings(self, path)), axis=1) / _years(self)}


class CorridorVarianceSwap(AbstractTradable):
    r"""A `DatedVarianceSwap` that counts a squared return only if the fixing before it was from ``low`` to ``high``.

    Bounds in cash, None where there is none. Divided by all years, inside or not. On a flat quoted volatility the price
    is exact: a return does not depend on the fixing before it, so each counts with the chance of the corridor.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"A": jnp.exp(jnp.array([0.0, 0.2, 0.1]))}, jnp.ones(3))
    >>> swap = CorridorVarianceSwap("A", dates=(0.0, 0.5), expiry=1.0, strike=0.01, low=0.9, high=1.1)
    >>> [round(x, 4) for x in swap.cashflows(path).tolist()]
    [0.0, 0.0, 0.03]
    """

    underlier: str = eqx.field(static=True)
    dates: Float[Array, " date"] = number()
    expiry: Float[Array, ""] = number()
    strike: Float[Array, ""] = number()
    low: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    high: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    notional: Float[Array, ""] = number(default=1.0)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        _check(self)
        given = [bound for bound in (self.low, self.high) if bound is not None]
        sound = all(concrete(bound, lambda x: (x > 0) & np.isfinite(x)) for bound in given)
        rises = len(given) < 2 or concrete(self.low, lambda a: concrete(self.high, lambda b: a < b))
        require(sound and rises, f"low and high must be positive cash and rise, were {self.low} and {self.high}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        paid = self.notional * (self.state(path)["realised"] - self.strike)
        return jnp.where(at_expiry(path, self.expiry), paid, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        fixed = _fixings(self, path).held()
        ahead = fixed.spot[:, :-1] * jnp.exp(growth(path, self.underlier)[:, None] * fixed.left[:, :-1])
        chance = variance.inside(ahead, _vol(self, path)[:, None], fixed.left[:, :-1], self.low, self.high)
        weight = jnp.where(fixed.known[:, :-1], self._counts(fixed), chance)
        mean, spread = _normal_returns(self, path, fixed)
        return _discounted(self, path, fixed, jnp.sum(weight * (mean**2 + spread), axis=1) / _years(self) - self.strike)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        fixed = _fixings(self, path)
        return {"realised": jnp.sum(self._counts(fixed) * _known_squares(fixed), axis=1) / _years(self)}

    def _counts(self, fixed: Fixings) -> Float[Array, "points period"]:
        before = fixed.spot[:, :-1]
        above = True if self.low is None else before >= self.low
        return jnp.where(above & (True if self.high is None else before <= self.high), jnp.ones_like(before), 0.0)


Swap = DatedVarianceSwap | VolatilitySwap | CorridorVarianceSwap


def _check(swap: Swap) -> None:
    check_dates(swap.dates, swap.expiry)
    for field in ("strike", "notional"):
        value = getattr(swap, field)
        require(concrete(value, np.isfinite), f"{field} must be a finite number, was {value}")


def _fixings(swap: Swap, path: MarketPath) -> Fixings:
    return fixings(path, swap.underlier, schedule(swap.dates, swap.expiry))


def _years(swap: Swap) -> Float[Array, ""]:
    return swap.expiry - swap.dates[0]


def _vol(swap: Swap, path: MarketPath) -> Float[Array, " points"]:
    return path.quote(swap.vol or f"{swap.underlier}.vol")


def _discounted(
    swap: Swap, path: MarketPath, fixed: Fixings, value: Float[Array, " points"]
) -> Float[Array, " points"]:
    worth = swap.notional * discount(path, fixed.left[:, -1]) * value
    return jnp.where(fixed.known[:, -1], 0.0, worth)


def _known_squares(fixed: Fixings) -> Float[Array, "points period"]:
    return jnp.where(fixed.known[:, 1:], jnp.log(fixed.moved) ** 2, 0.0)


def _normal_returns(
    swap: Swap, path: MarketPath, fixed: Fixings
) -> tuple[Float[Array, "points period"], Float[Array, "points period"]]:
    """Mean and variance of each log return on the flat quoted volatility, the return so far included."""
    vol = _vol(swap, path)
    drift = growth(path, swap.underlier) - 0.5 * vol**2
    return jnp.log(fixed.moved) + drift[:, None] * fixed.ahead, vol[:, None] ** 2 * fixed.ahead


def _heston_returns(
    model: HestonMark, swap: Swap, path: MarketPath, fixed: Fixings
) -> tuple[Float[Array, "points period"], Float[Array, "points period"]]:
    """Expectation of each log return still to be made, and that of its square."""
    now, grows = path.quote(f"{swap.underlier}.variance")[:, None], growth(path, swap.underlier)[:, None]
    terms = (model.mean_reversion, model.long_variance, model.vol_of_vol, model.correlation)
    return variance.heston_return(now, fixed.left[:, :-1], fixed.ahead, grows, *terms)


def _expected_squares(swap: DatedVarianceSwap, path: MarketPath, fixed: Fixings) -> Float[Array, "points period"]:
    if swap.model is None:
        mean, spread = _normal_returns(swap, path, fixed)
        return mean**2 + spread
    so_far, (mean, square) = jnp.log(fixed.moved), _heston_returns(swap.model, swap, path, fixed)
    return so_far**2 + 2.0 * so_far * mean + square


def _flat_root(swap: VolatilitySwap, path: MarketPath, fixed: Fixings) -> Float[Array, " points"]:
    return variance.normal_root(*_normal_returns(swap, path, fixed))


def _heston_root(model: HestonMark, swap: VolatilitySwap, path: MarketPath, fixed: Fixings) -> Float[Array, " points"]:
    so_far, left = jnp.log(fixed.moved), jnp.sum(fixed.ahead, axis=1)
    terms = (model.mean_reversion, model.long_variance, model.vol_of_vol)
    now, known = path.quote(f"{swap.underlier}.variance"), jnp.sum(so_far**2, axis=1)
    smooth = variance.heston_root(known, now, fixed.left[:, 0], left, *terms)
    ahead = variance.mean_integral(now[:, None], fixed.left[:, :-1], fixed.ahead, *terms[:2])
    mean = known + jnp.sum(ahead, axis=1)
    noise = jnp.sum(ahead**2 + 2.0 * so_far**2 * ahead, axis=1)
    live = mean > 0
    safe = jnp.where(live, mean, 1.0)
    return smooth - jnp.where(live, 0.25 * noise / (safe * jnp.sqrt(safe)), 0.0)
