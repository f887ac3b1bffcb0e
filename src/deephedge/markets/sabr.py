"""SABR: a lognormal volatility on a spot that is lognormal, or has a power of itself as its volatility."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, must, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_path, leveraged, optional_number
from deephedge.pricing.normal import density

FAR = 30.0  # bound on |log(alpha_t / alpha_0)|, so that float32 holds the squares of alpha
HIGH = 1e4  # no volatility above this is quoted: next to 0 it grows without bound
GONE = 1e-9  # of the first spot: what falls below is absorbed
STILL = 1e-6  # a move of the spot by less than this share of it, in a step, is read as this one
TINY = 1e-12
NEWTON = 6  # steps to a mean that is right to 1e-13, measured over distances from 1e-4 to 12 and all betas
# Gauss-Legendre on (0, 1), 4 points: (N(d + s) - N(d)) / s to 1e-13 for s up to 1/3
_NODES = [(0.5 * float(x) + 0.5, float(w)) for x, w in zip(*np.polynomial.legendre.leggauss(4), strict=True)]


def _beta(value: Any) -> Array | None:
    """Nothing for 1: the lognormal model has a scheme of its own."""
    whole = value is None or (isinstance(value, int | float) and value == 1)
    return None if whole else as_float(value)


class Sabr(AbstractMarket):
    r"""SABR for the spot without its carry, :math:`X_t=S_te^{-\mu t}`, with :math:`d\langle W,B\rangle=\rho\,dt`:

    .. math:: dX = \alpha X^\beta\,dW, \qquad d\alpha = \nu\alpha\,dB.

    ``alpha`` in cash to the power :math:`1-\beta` per root year; ``vol_of_vol`` :math:`\nu` per root year, 0 or more;
    ``beta`` in [0, 1), left out or 1 for the lognormal model; 0 is absorbing. Rates are continuous per year. Quotes
    ``"<name>"`` (cash), ``"<name>.alpha"``, ``"<name>.vol"`` (:math:`\alpha X^{\beta-1}`, what a Black desk would read,
    per root year, at most 1e4, and 0 once absorbed), ``"<name>.variance"`` (its square, per year),
    ``"<name>.realised_variance"`` (its integral by trapezoids) and, where given, ``"rate"`` and ``"<name>.dividend"``.

    :math:`\alpha` is exact on any grid, and in both schemes the discounted spot is a martingale given the past on any
    grid, to rounding. With :math:`\beta=1` a step has the growth

    .. math:: aZ+b(Z^2-1)-\log E e^{aZ+b(Z^2-1)} + \sqrt{(1-\rho^2)A}\,Z' - \tfrac12(1-\rho^2)A,\qquad
        b=\tfrac12\rho\nu\alpha\Delta,\quad a=\rho\alpha\sqrt\Delta(1-b),

    where :math:`Z` drives :math:`\alpha` too and :math:`A` is the trapezoid of :math:`\alpha^2`: the stochastic Taylor
    expansion of the integrals with a closed compensator; measured weak order 2. (:math:`b` is held within 1/4. For
    :math:`\rho>0` the model itself is no martingale, Jourdain 2004; its scheme is.) With :math:`\beta<1` the spot moves
    twice a step, with :math:`Z` and then with :math:`Z'`, each time as the displaced lognormal that has the right slope
    of :math:`\alpha X^\beta`, absorbed at 0 and shifted so that its mean is still right; measured weak order 1. The
    page on markets has its bias.

    Raises ``ParameterError`` for a parameter outside its domain.

    Source: Hagan, Kumar, Lesniewski and Woodward (2002), equation (2.15); the schemes are our own.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.Sabr("SPX", 100, alpha=0.2, vol_of_vol=0.6, correlation=-0.5)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=0.5, steps=8), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.alpha', 'SPX.realised_variance', 'SPX.variance', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    alpha: Float[Array, ""] = number()
    vol_of_vol: Float[Array, ""] = number()
    correlation: Float[Array, ""] = number()
    beta: Float[Array, ""] | None = eqx.field(converter=_beta, default=None)
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()

    def __check_init__(self):
        must(self, "be positive", "spot", "alpha")
        nu, beta = self.vol_of_vol, self.beta
        require(concrete(nu, lambda x: x >= 0), f"vol_of_vol must be 0 or more per root year, was {nu}")
        must(self, "lie between -1 and 1", "correlation")
        inside = beta is None or concrete(beta, lambda b: (b >= 0) & (b < 1))
        require(inside, f"beta must lie in [0, 1), or be left out for the lognormal model, was {beta}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return leveraged(self.name, self.correlation)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        moves = self.vol_of_vol * jnp.sqrt(grid.dt) * shocks[:, 0] - 0.5 * self.vol_of_vol**2 * grid.dt
        logs = accumulated(moves)
        alpha = self.alpha * jnp.exp(jnp.clip(logs, -FAR, FAR))
        if self.beta is None:
            return self._with_variance(
                carried_path(self, grid, self._lognormal(alpha, grid.dt, shocks), {}), alpha, alpha
            )
        after = self._absorbed(self.beta, alpha, grid.dt, shocks)
        alive = after > 0
        vol = alpha * jnp.exp((self.beta - 1.0) * jnp.log(jnp.where(alive, after, 1.0)))
        path = carried_path(self, grid, jnp.zeros_like(grid.dt), {})
        path = path.with_quotes({self.name: path.quotes[self.name] * after / self.spot})
        return self._with_variance(path, alpha, jnp.where(alive, jnp.minimum(vol, HIGH), 0.0))

    def _with_variance(self, path: MarketPath, alpha: Array, vol: Array) -> MarketPath:
        areas = 0.5 * jnp.diff(path.times) * (vol[1:] ** 2 + vol[:-1] ** 2)
        total = accumulated(areas)
        names = (f"{self.name}.{what}" for what in ("alpha", "vol", "variance", "realised_variance"))
        return path.with_quotes(dict(zip(names, (alpha, vol, vol**2, total), strict=True)))

    def _lognormal(self, alpha: Array, dt: Array, shocks: Array) -> Array:
        rho, start = self.correlation, alpha[:-1]
        b = jnp.clip(0.5 * rho * self.vol_of_vol * start * dt, -0.25, 0.25)
        a, z = rho * start * jnp.sqrt(dt) * (1.0 - b), shocks[:, 0]
        cumulant = -b - 0.5 * jnp.log1p(-2.0 * b) + 0.5 * a**2 / (1.0 - 2.0 * b)
        own = 0.5 * (1.0 - rho**2) * (start**2 + alpha[1:] ** 2) * dt
        return a * z + b * (z**2 - 1.0) - cumulant + jnp.sqrt(jnp.maximum(own, TINY)) * shocks[:, 1] - 0.5 * own

    def _absorbed(self, beta: Array, alpha: Array, dt: Array, shocks: Array) -> Array:
        rho, root = self.correlation, jnp.sqrt(dt)
        common, own = jnp.maximum(jnp.abs(rho), TINY), jnp.sqrt(jnp.maximum(1.0 - rho**2, TINY))
        side = jnp.where(rho < 0, -1.0, 1.0)
        spreads = (common * alpha[:-1] * root, own * jnp.sqrt(0.5 * (alpha[1:] ** 2 + alpha[:-1] ** 2)) * root)
        tilts = (side * self.vol_of_vol * root, jnp.zeros_like(root))  # how much alpha moves along with the normal
        normals = (side * shocks[:, 0], shocks[:, 1])

        def advance(x: Array, now: tuple[tuple[Array, Array, Array], ...]) -> tuple[Array, Array]:
            for spread, tilt, z in now:
                alive = x > GONE * self.spot
                safe = jnp.where(alive, x, self.spot)
                size = jnp.exp((1.0 - beta) * jnp.log(safe))
                distance = size / jnp.maximum(spread, STILL * size)
                grown = safe * absorbed_growth(distance, beta / distance + tilt, z)
                x = jnp.where(alive & (grown > GONE * self.spot), jnp.minimum(grown, self.spot / TINY), 0.0)
            return x, x

        start = self.spot.astype(shocks.dtype)
        after = lax.scan(advance, start, tuple(zip(spreads, tilts, normals, strict=True)))[1]
        return jnp.concatenate([start[None], after])


def absorbed_growth(distance: Float[Array, ""], skew: Float[Array, ""], z: Float[Array, ""]) -> Float[Array, ""]:
    r"""Growth, of mean 1 and absorbed at 0, of a spot that is ``distance`` deviations of its move above 0.

    With :math:`y` that distance it is :math:`\max(q+(e^{sZ-s^2/2}-1)/s,\,0)/y`, a displaced lognormal whose ``skew``
    :math:`s` is the relative change of the volatility per normal; it is held within -1/4 and 1/3, and lowered to
    :math:`sy/3` next to 0, where :math:`y<3`. The shift :math:`q\le y` makes the mean :math:`y`, by Newton's method.

    >>> [round(float(absorbed_growth(*(jnp.asarray(x) for x in (y, 0.5 / y, -1.0)))), 4) for y in (100.0, 2.0, 0.5)]
    [0.99, 0.5034, 0.0]
    """
    y = jnp.maximum(distance, 1e-4)  # nearer to 0 than that it is the same lottery, scaled
    s = jnp.clip(skew * jnp.minimum(y / 3.0, 1.0), -0.25, 1.0 / 3.0)
    s = jnp.where(jnp.abs(s) < 1e-4, 1e-4, s)  # as good as normal
    near = jnp.minimum(y, 12.0)  # further away the shift is 0
    low = jnp.where(s < 0, -3.5, -8.0)  # the shift lies above; below 1 / s nothing would be left
    q = near
    for _ in range(NEWTON):
        # At the solution the last step alone carries the derivatives of the equation.
        q = lax.stop_gradient(q)
        mean, slope = _mean_above(q, s)
        q = jnp.clip(q - jnp.log(mean / near) * mean / slope, low, near)
    q = jnp.where(y < 12.0, q, y)
    return jnp.maximum(1.0 + (q - y + jnp.expm1(s * z - 0.5 * s * s) / s) / y, 0.0)


def _mean_above(q: Array, s: Array) -> tuple[Array, Array]:
    """E max(q + (exp(sZ - s^2/2) - 1) / s, 0) and its derivative in q, to relative precision at small s too."""
    inside = s * q < 1.0 - 1e-6  # beyond, the maximum is never 0
    d = -jnp.log1p(-jnp.where(inside, s * q, 0.0)) / s - 0.5 * s
    chance = ndtr(d)
    gain = sum(0.5 * weight * density(d + s * share) for share, weight in _NODES)
    return jnp.where(inside, q * chance + gain, q), jnp.where(inside, chance, 1.0)
