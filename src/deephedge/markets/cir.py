"""The square-root short rate of Cox, Ingersoll and Ross, with Andersen's variance step."""

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
from deephedge.markets.heston import TINY, moments, surprise
from deephedge.markets.rates import TENORS, as_tenors, rates_path
from deephedge.pricing import cir

# Gauss-Legendre on (0, 1) for the covariances within a step: exact to rounding for mean_reversion x step up to 10.
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)
_NODES, _WEIGHTS = 0.5 * (1.0 + _NODES), 0.5 * _WEIGHTS


class CoxIngersollRoss(AbstractMarket):
    r"""Cox, Ingersoll and Ross (1985): :math:`dr=\kappa(\theta-r)\,dt+\sigma\sqrt r\,dW`, a short rate never below 0.

    ``short``, ``level`` :math:`\theta` per year, ``mean_reversion`` :math:`\kappa` per year, ``vol`` :math:`\sigma` per
    year (the short rate moves by :math:`\sigma\sqrt r` per root year), all of the pricing measure.

    The short rate takes the quadratic-exponential step of Andersen (2008): mean and variance given the past are exact,
    also where :math:`2\kappa\theta<\sigma^2` and 0 is reached. The integral over a step is a regression on the
    surprise :math:`X=r'-Er'`, with the exact coefficient :math:`\beta` given the past, plus an independent normal
    with the exact rest :math:`R` of the variance:

    .. math:: \int r\,dt = -\log P_r(\Delta) + \beta X + \log E e^{-\beta X} + \sqrt R\,Z + \tfrac12 R.

    So the money account, which is the numeraire, prices the bond that matures with the step exactly, given the past
    and on any grid. Longer bonds are martingales up to the third moment of :math:`r'`, which the step does not match:
    that error falls with the step.

    Quotes ``"<name>.short"`` (per year) and, for each of ``tenors`` (years), ``"<name>.zero.<tenor>y"``: the
    continuously compounded yield per year of the zero bond with that time left. No spot is quoted.

    Raises ``ParameterError`` for a parameter outside its domain.

    Source: Cox, Ingersoll and Ross (1985); Andersen (2008), section 3.2.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.CoxIngersollRoss(0.03, mean_reversion=0.5, level=0.04, vol=0.1, tenors=(2,))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0)).quotes)
    ['USD.short', 'USD.zero.2y']
    """

    short: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    level: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    name: str = eqx.field(static=True, default="USD")
    tenors: tuple[float, ...] = eqx.field(static=True, converter=as_tenors, default=TENORS)

    def __check_init__(self):
        for field in ("mean_reversion", "level", "vol"):
            value = getattr(self, field)
            require(concrete(value, lambda x: np.isfinite(x) & (x > 0)), f"{field} must be positive, was {value}")
        require(concrete(self.short, lambda r: r >= 0), f"short must be 0 or more a year, was {self.short}")
        require(all(tenor > 0 for tenor in self.tenors), f"tenors must be positive years, were {self.tenors}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.eye(2, dtype=self.vol.dtype)[0]}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        start = self.short.astype(shocks.dtype)
        laws = areas(grid.dt, self.mean_reversion, self.level, self.vol)
        _, (after, area) = lax.scan(lambda r, now: self._step(r, *now), start, (grid.dt, laws, shocks))
        integral = accumulated(area)
        return rates_path(self, grid, jnp.concatenate([start[None], after]), integral)

    def log_bond(self, short: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Log price of a zero bond of one with ``left`` years to go, at ``short``, ``now`` years after the start."""
        del now  # the law does not change with time
        length = cir.loading(left, self.mean_reversion, self.vol)
        return cir.log_level(left, self.mean_reversion, self.level, self.vol) - length * jnp.asarray(short)

    def bond(self, short: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Cash for a zero bond of one with ``left`` years to go, at ``short``, ``now`` years after the start."""
        return jnp.exp(self.log_bond(short, now, left))

    def _step(self, r: Array, dt: Array, law: tuple[Array, Array], shocks: Array) -> tuple[Array, tuple[Array, Array]]:
        """One step: (rate after, (rate after, integral of the rate))."""
        after, tilted, rest = foreseen(r, dt, law, self.mean_reversion, self.level, self.vol, shocks[0])
        area = tilted + jnp.sqrt(rest) * shocks[1] + 0.5 * rest
        return after, (after, area - self.log_bond(r, 0.0, dt))


def foreseen(
    r: Array, dt: Array, law: tuple[Array, Array], kappa: Array, theta: Array, sigma: Array, shock: Array
) -> tuple[Array, Array, Array]:
    r"""One step from one normal: the rate after it; :math:`\beta X+\log Ee^{-\beta X}`, what that says about the
    integral; and the variance :math:`R` of the integral that it says nothing about."""
    mean, spread = moments(r, dt, kappa, theta, sigma)
    joint, whole = law[0] + law[1] * r
    beta = joint / spread
    unforeseen, cumulant = surprise(mean, spread / mean**2, -beta, shock)
    return jnp.maximum(mean + unforeseen, 0.0), beta * unforeseen + cumulant, jnp.maximum(whole - beta * joint, TINY)


def areas(dt: Float[Array, " step"], kappa: Array, theta: Array, sigma: Array) -> tuple[Array, Array]:
    r"""Covariance of rate and integral, and variance of the integral, over each step: constant and slope in r.

    Both are :math:`\sigma^2\int E(r_s)\,w(\Delta-s)\,ds`, with :math:`w=e^{-\kappa u}b(u)` and :math:`b(u)^2`,
    :math:`b(u)=(1-e^{-\kappa u})/\kappa`. All terms are positive, so nothing cancels.
    """
    left = dt[:, None] * jnp.asarray(_NODES, dt.dtype)
    decay, load = jnp.exp(-kappa * left), -jnp.expm1(-kappa * left) / kappa
    weights = sigma**2 * dt[:, None] * jnp.asarray(_WEIGHTS, dt.dtype) * jnp.stack([decay * load, load**2])
    kept = jnp.exp(-kappa * (dt[:, None] - left))
    return theta * jnp.sum(weights * (1.0 - kept), -1).T, jnp.sum(weights * kept, -1).T
