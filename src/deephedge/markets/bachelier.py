"""Prices that may be 0 or negative: arithmetic Brownian motion, and arithmetic reversion with a futures curve."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import optional_number
from deephedge.markets.futures import Noise, accounted, check, fading, futures, labelled
from deephedge.markets.seasonality import Seasonality
from deephedge.pricing import schwartz


class Bachelier(AbstractMarket):
    r"""A futures price that moves normally and may be negative, :math:`dF = \mu\,dt + \sigma\,dW`, exact on any grid.

    ``spot`` (:math:`F_0`, any sign) in cash, ``vol`` in cash per root year, ``rate`` continuous per year, ``drift`` in
    cash per year; without drift the price is a martingale. It is a futures price: it costs nothing to hold.

    Quotes ``"<name>"`` (cash, of any sign), ``"<name>.normal_vol"`` (:math:`\sigma`, cash per root year), and with
    ``rate`` ``"rate"`` and ``"<name>.dividend"`` equal to it, as futures have. There is no ``"<name>.vol"``: a price
    that may be negative has no Black volatility, and a feature that needs one does not apply. A call is worth
    `deephedge.pricing.bachelier.price`, discounted.

    Raises ``ParameterError`` for a parameter outside its domain. Source: Bachelier (1900).

    >>> import deephedge as dh, jax
    >>> market = dh.markets.Bachelier("CL", -5.0, vol=60.0, rate=0.01)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=0.1, steps=4), 8, key=jax.random.key(0)).quotes)
    ['CL', 'CL.dividend', 'CL.normal_vol', 'rate']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    rate: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()

    def __check_init__(self):
        require(concrete(self.spot, np.isfinite), f"spot must be finite cash, was {self.spot}")
        require(concrete(self.vol, lambda v: v >= 0), f"vol must be 0 or more cash per root year, was {self.vol}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 1

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.ones(1, self.vol.dtype)}

    def tradables(self) -> dict[str, bool]:
        return {self.name: False}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        moves = self.vol * jnp.sqrt(grid.dt) * shocks[:, 0]
        moves = moves if self.drift is None else moves + self.drift * grid.dt
        price = self.spot + accumulated(moves)
        quotes = {self.name: price, f"{self.name}.normal_vol": self.vol * jnp.ones_like(grid.times)}
        return accounted(self.rate, grid.times, quotes, [self.name])


class NormalOrnsteinUhlenbeck(AbstractMarket):
    r"""A spot of any sign that reverts to a level, under the pricing measure, exact on any grid:

    .. math:: S_t = s(t) + X_t,\quad dX = \kappa(L-X)\,dt + \sigma\,dW,\qquad
        F(t,T) = F(0,T) + e^{-\kappa(T-t)}\int_0^te^{-\kappa(t-u)}\sigma\,dW_u.

    ``spot`` and ``level`` (:math:`L`) in cash, of any sign; ``mean_reversion`` (:math:`\kappa`) per year, ``vol`` in
    cash per root year. ``seasonality`` is :math:`s`, here in cash and added. ``curve``, rows of (years, price of any
    sign), is today's futures curve: what the model's lacks is added, linear between the rows and flat outside.
    ``rate``, ``expiries`` and ``tenors`` are those of `Schwartz`.

    Quotes ``"<name>"`` (spot, cash), ``"<name>.normal_vol"`` (cash per root year), futures ``"<name>.future.<label>"``
    and ``"<future>.normal_vol"``, the Bachelier volatility of the option that expires with the future; nothing has a
    Black volatility. Futures of fixed dates are martingales given the past on any grid, and keep the price they settle
    at; the spot is no martingale. A call on a future is `deephedge.pricing.bachelier.price` at that volatility.

    Raises ``ParameterError`` for a parameter outside its domain.

    Source: Lucia and Schwartz (2002), section 3 (their model 1, on the spot itself).

    >>> import deephedge as dh, jax
    >>> market = dh.markets.NormalOrnsteinUhlenbeck("CL", -5, mean_reversion=4, level=30, vol=60, expiries=(0.5,))
    >>> path = dh.sample(market, dh.TimeGrid.uniform(maturity=0.1, steps=4), 8, key=jax.random.key(0))
    >>> round(float(path.quotes["CL.future.0.5"][0, 0]), 3)
    25.263
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    level: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    rate: Float[Array, ""] | None = optional_number()
    expiries: dict[str, Float[Array, ""]] = eqx.field(converter=labelled(""), default=())
    tenors: dict[str, Float[Array, ""]] = eqx.field(converter=labelled("y"), default=())
    seasonality: Seasonality | None = None
    curve: Float[Array, "quote 2"] | None = optional_number()

    def __check_init__(self):
        check(self, positive=(), not_negative=("mean_reversion", "vol"), signed=True)
        for field in ("spot", "level"):
            value = getattr(self, field)
            require(concrete(value, np.isfinite), f"{field} must be finite cash, was {value}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 1

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.ones(1, self.vol.dtype)}

    def tradables(self) -> dict[str, bool]:
        return futures(self)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        name, times, kappa = self.name, grid.times, self.mean_reversion
        noise = Noise(kappa, self.vol, jnp.zeros(1, self.vol.dtype))
        state = fading(grid, noise.moves(grid.dt, shocks), noise.rates)[:, 0]
        spot = self._today(times, times[0]) + state
        quotes = {name: spot, f"{name}.normal_vol": self.vol * jnp.ones_like(times)}
        left = {label: jnp.broadcast_to(tenor, times.shape) for label, tenor in self.tenors.items()}
        for label, tenor in self.tenors.items():
            price = self._today(times + tenor, times[0]) + state * jnp.exp(-kappa * tenor)
            quotes[f"{name}.future.{label}"] = price
        for label, expiry in self.expiries.items():
            live = jnp.clip(expiry - times[:-1], 0.0, grid.dt)
            gains = noise.moves(live, shocks)[:, 0] * jnp.exp(-kappa * jnp.maximum(expiry - times[1:], 0.0))
            moved = accumulated(gains)
            quotes[f"{name}.future.{label}"] = self._today(expiry, times[0]) + moved
            left[label] = jnp.maximum(expiry - times, 0.0)
        for label, tau in left.items():
            quotes[f"{name}.future.{label}.normal_vol"] = schwartz.black_vol(tau, 0.0, kappa, self.vol)
        return accounted(self.rate, times, quotes, [f"{name}.future.{label}" for label in left])

    def _today(self, expiry: Float[Array, "..."], now: Float[Array, ""]) -> Float[Array, "..."]:
        """The first point's futures curve, in cash."""
        season = self.seasonality or Seasonality()

        def modelled(expiry: Array) -> Array:
            fade = jnp.exp(-self.mean_reversion * jnp.maximum(expiry - now, 0.0))
            return season(expiry) + self.level + fade * (self.spot - season(now) - self.level)

        if self.curve is None:
            return modelled(expiry)
        years, prices = self.curve[:, 0], self.curve[:, 1]
        return modelled(expiry) + jnp.interp(expiry, years, prices - modelled(years))
