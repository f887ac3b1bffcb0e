"""Gaussian short rates: Vasicek's, and Hull and White's fitted to today's curve; exact on any grid."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.pricing import curve as interpolated
from deephedge.pricing import hullwhite

TENORS = (1, 2, 5, 10)
CURVE = "curve must be a pair: years, and as many zero yields per year"


def as_curve(value: Any) -> Array:
    """Years and yields as an array of two rows, whatever they came as."""
    if isinstance(value, tuple | list):
        sizes = {len(row) if isinstance(row, tuple | list) else np.shape(row) for row in value}
        require(len(sizes) == 1, f"{CURVE}, was {value}")
    return as_float(value)


def as_tenors(value: Any) -> tuple[float, ...]:
    """Years as floats, whatever numbers they came as."""
    return tuple(float(tenor) for tenor in value)


class Vasicek(AbstractMarket):
    r"""Vasicek's short rate (1977), :math:`dr = a(b-r)\,dt + \sigma\,dW`, simulated with its integral, both exactly.

    ``short``, ``level`` :math:`b` per year, ``mean_reversion`` :math:`a` per year (0 is Merton's model), ``vol``
    :math:`\sigma` per year and root year, all of the pricing measure. The short rate and its integral over a step are
    jointly normal: two normals a step, and no error on any grid, not even with one step. The numeraire is the money
    account :math:`e^{\int r\,dt}` of that very integral, so that discounted zero bonds are martingales.

    Quotes ``"<name>.short"`` (per year) and, for each of ``tenors`` (years), ``"<name>.zero.<tenor>y"``: the
    continuously compounded yield per year of the zero bond with that time left. No spot is quoted.

    Raises ``ParameterError`` for a parameter outside its domain.

    Source: Vasicek (1977); Glasserman (2003), section 3.3, for the joint law.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.Vasicek(0.03, mean_reversion=0.2, level=0.04, vol=0.01, tenors=(1, 10))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0)).quotes)
    ['USD.short', 'USD.zero.10y', 'USD.zero.1y']
    """

    short: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    level: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    name: str = eqx.field(static=True, default="USD")
    tenors: tuple[float, ...] = eqx.field(static=True, converter=as_tenors, default=TENORS)

    def __check_init__(self):
        for field in ("short", "level"):
            value = getattr(self, field)
            require(concrete(value, np.isfinite), f"{field} must be a finite rate per year, was {value}")
        check_rates(self.mean_reversion, self.vol, self.tenors)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.eye(2, dtype=self.vol.dtype)[0]}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        away, area = gaussian_path(self.mean_reversion, self.vol, grid, shocks)
        now = grid.times - grid.times[0]
        drift = self.level * now + (self.short - self.level) * hullwhite.loading(now, self.mean_reversion)
        return rates_path(self, grid, away + self.centre(now), area + drift)

    def centre(self, now: ArrayLike) -> Float[Array, "..."]:
        """Mean of the short rate ``now`` years after the start."""
        return self.level + (self.short - self.level) * jnp.exp(-self.mean_reversion * jnp.asarray(now))

    def log_bond(self, short: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Log price of a zero bond of one with ``left`` years to go, at ``short``, ``now`` years after the start."""
        del now  # the law does not change with time
        return hullwhite.vasicek_log_discount(short, left, self.mean_reversion, self.level, self.vol)

    def bond(self, short: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Cash for a zero bond of one with ``left`` years to go, at ``short``, ``now`` years after the start."""
        return jnp.exp(self.log_bond(short, now, left))


class HullWhite(AbstractMarket):
    r"""Hull and White's short rate (1990), :math:`dr = (\vartheta(t) - a r)\,dt + \sigma\,dW`, fitted to today's curve.

    ``curve`` is (years, continuously compounded zero yields per year), today at the start of the grid. It is
    interpolated by `deephedge.pricing.curve`: its discount factors are met exactly and its instantaneous forward
    :math:`f_0` is continuous, as the short rate must be; beyond the last quote :math:`f_0` is flat. With Vasicek's
    centred factor :math:`x`, :math:`x_0=0`,

    .. math:: r_t = x_t + f_0(t) + \tfrac12\sigma^2 B(t)^2, \qquad
        \int_0^t r\,du = \int_0^t x\,du - \log P_0(t) + \tfrac12\mathrm{Var}\int_0^t x\,du.

    ``mean_reversion`` :math:`a` per year (0 is the model of Ho and Lee), ``vol`` per year and root year. Scheme,
    numeraire, quotes and errors are those of `Vasicek`: exact on any grid. The expected discount is today's factor.

    Source: Hull and White (1990); Brigo and Mercurio (2006), section 3.3.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.HullWhite(((1, 5, 10), (0.04, 0.035, 0.036)), mean_reversion=0.1, vol=0.01)
    >>> path = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0))
    >>> round(float(path.quotes["USD.zero.5y"][0, 0]), 4)
    0.035
    """

    curve: Float[Array, "unit quote"] = eqx.field(converter=as_curve)
    mean_reversion: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    name: str = eqx.field(static=True, default="USD")
    tenors: tuple[float, ...] = eqx.field(static=True, converter=as_tenors, default=TENORS)

    def __check_init__(self):
        check_curve(self.curve)
        check_rates(self.mean_reversion, self.vol, self.tenors)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.eye(2, dtype=self.vol.dtype)[0]}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        a, vol, now = self.mean_reversion, self.vol, grid.times - grid.times[0]
        away, area = gaussian_path(a, vol, grid, shocks)
        drift = 0.5 * hullwhite.area_variance(now, a, vol) - interpolated.log_discount(*self.curve, now)
        return rates_path(self, grid, away + self.centre(now), area + drift)

    def centre(self, now: ArrayLike) -> Float[Array, "..."]:
        """Mean of the short rate ``now`` years after the start."""
        convexity = 0.5 * (self.vol * hullwhite.loading(now, self.mean_reversion)) ** 2
        return interpolated.forward(*self.curve, now) + convexity

    def log_bond(self, short: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Log price of a zero bond of one with ``left`` years to go, at ``short``, ``now`` years after the start."""
        later, sooner = (interpolated.log_discount(*self.curve, t) for t in (jnp.asarray(now) + left, now))
        forward = interpolated.forward(*self.curve, now)
        return later - sooner + hullwhite.log_change(short, now, left, forward, self.mean_reversion, self.vol)

    def bond(self, short: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Cash for a zero bond of one with ``left`` years to go, at ``short``, ``now`` years after the start."""
        return jnp.exp(self.log_bond(short, now, left))


def gaussian_path(
    a: Float[Array, ""], vol: Float[Array, ""], grid: TimeGrid, shocks: Float[Array, "step factor"]
) -> tuple[Float[Array, " points"], Float[Array, " points"]]:
    """The centred factor and its integral from the start, at every point."""
    spread, slope, rest = hullwhite.step_law(grid.dt, a)
    decay, carried = jnp.exp(-a * grid.dt), hullwhite.loading(grid.dt, a)
    moves = vol * spread * shocks[:, 0]
    areas = slope * moves + vol * rest * shocks[:, 1]

    def step(x: Array, now: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
        decay, carried, move, area = now
        after = decay * x + move
        return after, (after, carried * x + area)

    start = jnp.zeros_like(moves[:1])
    _, (after, areas) = lax.scan(step, start[0], (decay, carried, moves, areas))
    return jnp.concatenate([start, after]), accumulated(areas)


def rates_path(
    market: Any, grid: TimeGrid, short: Float[Array, " points"], integral: Float[Array, " points"]
) -> MarketPath:
    """The path of a one-factor model: short rate, yields at constant tenors, and the money account."""
    now = grid.times - grid.times[0]
    years = jnp.asarray(market.tenors, short.dtype)
    yields = -market.log_bond(short[:, None], now[:, None], years) / years
    return yields_path(market, grid, short, yields, integral, {})


def yields_path(
    market: Any,
    grid: TimeGrid,
    short: Float[Array, " points"],
    yields: Float[Array, "points quote"],
    integral: Float[Array, " points"],
    more: dict[str, Float[Array, " points"]],
) -> MarketPath:
    """Short rate and yields under their names, with ``more`` quotes, and the money account of ``integral``."""
    zeros = {f"{market.name}.zero.{tenor:g}y": yields[:, n] for n, tenor in enumerate(market.tenors)}
    return MarketPath(grid.times, {f"{market.name}.short": short} | zeros | more, jnp.exp(integral))


def check_curve(curve: Array) -> None:
    """Refuse a curve that is not two rows: years that increase from above 0, and finite yields."""
    require(curve.ndim == 2 and curve.shape[0] == 2, f"{CURVE}, was of shape {curve.shape}")
    rising = concrete(curve, lambda c: np.isfinite(c).all() and (np.diff(c[0], prepend=0.0) > 0).all())
    require(rising, f"curve must be finite, its years increasing and above 0, was {curve}")


def check_rates(mean_reversion: Array, vol: Array, tenors: tuple[float, ...]) -> None:
    """Refuse a speed, a volatility or tenors that no short-rate model has."""
    for field, value in (("mean_reversion", mean_reversion), ("vol", vol)):
        fits = concrete(value, lambda x: np.isfinite(x) & (x >= 0))
        require(fits, f"{field} must be 0 or more and finite, was {value}")
    require(all(tenor > 0 for tenor in tenors), f"tenors must be positive years, were {tenors}")
