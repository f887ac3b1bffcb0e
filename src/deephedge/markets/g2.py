"""A short rate of two Gaussian factors, fitted to today's curve: yields of different lengths move apart."""

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
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.rates import TENORS, as_curve, as_tenors, check_curve, yields_path
from deephedge.pricing import curve as interpolated
from deephedge.pricing import g2, hullwhite

SMALL = 1e-12  # least standard deviation of what is left of the integral, so that its root has a derivative


class HullWhiteTwoFactor(AbstractMarket):
    r"""Hull and White's two factors (1994) in the form G2++: :math:`r_t=x_t+y_t+\varphi(t)`, fitted to today's curve.

    .. math:: dx = -a\,x\,dt + \sigma\,dW^x, \qquad dy = -b\,y\,dt + \eta\,dW^y, \qquad
        d\langle W^x,W^y\rangle=\rho\,dt, \qquad x_0=y_0=0.

    ``curve`` is (years, continuously compounded zero yields per year), interpolated as in `HullWhite`;
    ``mean_reversion`` is the pair :math:`a, b` per year (0 is allowed), ``vol`` the pair :math:`\sigma,\eta` per year
    and root year, ``correlation`` :math:`\rho`, all of the pricing measure. Both factors and the integral of the short
    rate over a step are jointly normal and drawn so: three normals a step, no error on any grid. The numeraire is the
    money account of that very integral, so that discounted zero bonds are martingales; the expected discount is
    today's factor.

    Quotes ``"<name>.short"`` (per year), the factors ``"<name>.x"`` and ``"<name>.y"`` (per year) and, for each of
    ``tenors`` (years), ``"<name>.zero.<tenor>y"``: the continuously compounded yield per year of the zero bond with
    that time left. No spot is quoted. Drivers: ``"<name>.x"``, ``"<name>.y"``, and ``"<name>"``, which is that of the
    short rate. (They are those of a short step; over a long one a reverting factor is not proportional to its driver.)

    Raises ``ParameterError`` for a parameter outside its domain.

    Source: Hull and White (1994); Brigo and Mercurio (2006), section 4.2; the joint step is our own.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.HullWhiteTwoFactor(
    ...     ((1, 5, 10), (0.04, 0.035, 0.036)), mean_reversion=(0.6, 0.05), vol=(0.012, 0.01), correlation=-0.7)
    >>> path = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0))
    >>> round(float(path.quotes["USD.zero.5y"][0, 0]), 4)
    0.035
    """

    curve: Float[Array, "unit quote"] = eqx.field(converter=as_curve)
    mean_reversion: Float[Array, " factor"] = number()
    vol: Float[Array, " factor"] = number()
    correlation: Float[Array, ""] = number()
    name: str = eqx.field(static=True, default="USD")
    tenors: tuple[float, ...] = eqx.field(static=True, converter=as_tenors, default=TENORS)

    def __check_init__(self):
        check_curve(self.curve)
        for field in ("mean_reversion", "vol"):
            value = getattr(self, field)
            require(value.shape == (2,), f"{field} must be two numbers, one for each factor, was {value}")
            fits = concrete(value, lambda x: np.isfinite(x) & (x >= 0))
            require(fits, f"{field} must be 0 or more and finite, was {value}")
        rho = self.correlation
        require(concrete(rho, lambda r: np.abs(r) <= 1), f"correlation must lie between -1 and 1, was {rho}")
        require(all(tenor > 0 for tenor in self.tenors), f"tenors must be positive years, were {self.tenors}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 3

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        own = jnp.sqrt(jnp.maximum(1.0 - self.correlation**2, 0.0))
        one, nothing = jnp.ones_like(own), jnp.zeros_like(own)
        x, y = jnp.stack([one, nothing, nothing]), jnp.stack([self.correlation, own, nothing])
        both = self.vol[0] * x + self.vol[1] * y
        size = jnp.linalg.norm(both)
        rate = jnp.where(size > 0, both / jnp.where(size > 0, size, 1.0), x)
        return {self.name: rate, f"{self.name}.x": x, f"{self.name}.y": y}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        now = grid.times - grid.times[0]
        state, area = self._factors(grid.dt, shocks)
        drift = 0.5 * g2.area_variance(now, *self._law) - interpolated.log_discount(*self.curve, now)
        years = jnp.asarray(self.tenors, state.dtype)
        yields = -self.log_bond(state[:, None], now[:, None], years) / years
        factors = {f"{self.name}.x": state[:, 0], f"{self.name}.y": state[:, 1]}
        return yields_path(self, grid, self.short(state, now), yields, area + drift, factors)

    def short(self, state: Float[Array, "... factor"], now: ArrayLike) -> Float[Array, "..."]:
        """The short rate per year at ``state`` (x and y, on the last axis), ``now`` years after the start."""
        lift_x, lift_y = g2.tilts(now, *self._law)
        return state[..., 0] + state[..., 1] + interpolated.forward(*self.curve, now) + lift_x + lift_y

    def log_bond(self, state: Float[Array, "... factor"], now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Log price of a zero bond of one with ``left`` years to go, at ``state`` (x and y), ``now`` years on."""
        later, sooner = (interpolated.log_discount(*self.curve, t) for t in (jnp.asarray(now) + left, now))
        return later - sooner + g2.log_change(state[..., 0], state[..., 1], now, left, *self._law)

    def bond(self, state: Float[Array, "... factor"], now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Cash for a zero bond of one with ``left`` years to go, at ``state`` (x and y), ``now`` years on."""
        return jnp.exp(self.log_bond(state, now, left))

    @property
    def _law(self) -> tuple[Array, ...]:
        """a, b, sigma, eta, rho, as the formulas take them."""
        return (*self.mean_reversion, *self.vol, self.correlation)

    def _factors(self, dt: Float[Array, " step"], shocks: Float[Array, "step factor"]) -> tuple[Array, Array]:
        """x and y, and the integral of their sum from the start, at every point."""
        (x_z, y_z, y_z2), areas = self._spreads(dt)
        moves = jnp.stack([x_z * shocks[:, 0], y_z * shocks[:, 0] + y_z2 * shocks[:, 1]], -1)
        area = jnp.sum(areas * shocks, -1)
        decay = jnp.exp(-dt[:, None] * self.mean_reversion)
        carried = hullwhite.loading(dt[:, None], self.mean_reversion)

        def step(state: Array, now: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
            decay, carried, move, area = now
            after = decay * state + move
            return after, (after, jnp.sum(carried * state) + area)

        start = jnp.zeros_like(moves[:1])
        _, (after, areas) = lax.scan(step, start[0], (decay, carried, moves, area))
        return jnp.concatenate([start, after]), accumulated(areas)

    def _spreads(self, dt: Float[Array, " step"]) -> tuple[tuple[Array, Array, Array], Float[Array, "step factor"]]:
        """The triangular root of the covariance of the moves of x, y and of the integral over each step.

        Covariances are divided by standard deviations at volatility 1, so that a volatility may be 0. Where x and y
        move together there is nothing for the second normal to explain, and its share is held still.
        """
        a, b, sigma, eta, rho = self._law
        factors, mixed, _ = g2.moments(dt, a, b)
        one, other = jnp.sqrt(factors[:, 0, 0]), jnp.sqrt(factors[:, 1, 1])
        r = jnp.clip(rho * factors[:, 0, 1] / (one * other), -1.0, 1.0)
        least = 4.0 * jnp.sqrt(jnp.finfo(dt.dtype).eps)
        apart = jnp.sqrt(jnp.maximum(1.0 - r * r, least**2))
        with_x = (sigma * mixed[:, 0, 0] + rho * eta * mixed[:, 0, 1]) / one
        with_y = (eta * mixed[:, 1, 1] + rho * sigma * mixed[:, 1, 0]) / other
        second = (with_y - r * with_x) / apart
        rest = g2.area_variance(dt, *self._law) - with_x**2 - second**2
        areas = jnp.stack([with_x, second, jnp.sqrt(jnp.maximum(rest, SMALL**2))], -1)
        return (sigma * one, eta * other * r, eta * other * apart), areas
