"""Dupire's local volatility of an SSVI surface: the one diffusion that has all its prices."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_path, optional_number
from deephedge.pricing import ssvi

FAR = 8.0  # deviations from the money, beyond which the local volatility stays what it is there
BEND = 0.25  # bound on the quadratic part of a step, so that its exponential moment exists
TINY = 1e-12  # the least variance


class LocalVolatility(AbstractMarket):
    r"""The spot :math:`S_t=F_te^{k_t}` that moves with Dupire's local volatility of an SSVI surface:

    .. math:: dk = -\tfrac12\sigma^2(k,t)\,dt+\sigma(k,t)\,dW, \qquad
        \sigma^2(k,t) = \frac{\partial_tw(k,\theta_t)}{g(k,\theta_t)}.

    ``levels`` are total variances at the money at ``expiries`` (years from the start of the path; both increase and
    are above 0), ``rho`` in (-1, 1), ``eta`` and ``gamma`` those of `pricing.ssvi.power_law`, within the limits that
    exclude arbitrage: :math:`0<\gamma\le1/2`, :math:`0\le\eta\le2/\sqrt{1+|\rho|}`. Rates are continuous per year.
    Quotes ``"<name>"`` (cash), ``"<name>.vol"`` (the local volatility at the spot, per root year: what an option that
    expires at once is worth) and, where given, ``"rate"`` and ``"<name>.dividend"``.

    A step has the growth :math:`aZ+b(Z^2-1)-\log E\,e^{aZ+b(Z^2-1)}`, a martingale given the past on any grid, with

    .. math:: a=\sqrt\Delta\left(\frac{\sigma_-+2\sigma_0+\sigma_+}4-\frac38\sqrt\Delta\,\sigma_0(\sigma_+-\sigma_-)
        \right), \quad b=\frac{\sqrt\Delta}4(\sigma_+-\sigma_-), \quad
        \sigma_{0,\pm}=\sigma\big(k+\{0,\pm\}\sigma_0\sqrt\Delta,\ t+\tfrac\Delta2\big):

    the stochastic Taylor expansion of weak order 2 with differences for derivatives. Next to ``t`` = 0 the surface
    scales with :math:`k/\sqrt t`, so the first step is the coarsest; the page on surfaces has the bias. ``substeps``
    cuts each step of the grid into equal parts, one normal each: the first is the move over the whole step.

    Raises ``ParameterError`` for a parameter outside its domain. Source: Dupire (1994); the scheme is our own.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.LocalVolatility("SPX", 100, (0.5, 1.0), (0.02, 0.045), rho=-0.7, eta=1.0, gamma=0.4)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=0.5, steps=8), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    expiries: Float[Array, " expiry"] = number()
    levels: Float[Array, " expiry"] = number()
    rho: Float[Array, ""] = number()
    eta: Float[Array, ""] = number()
    gamma: Float[Array, ""] = number(default=0.5)
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()
    substeps: int = eqx.field(static=True, default=1)

    def __check_init__(self):
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")
        check_surface(self.expiries, self.levels, self.rho, self.eta, self.gamma)
        require(self.substeps >= 1, f"substeps must be a whole number from 1, was {self.substeps}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, self.substeps

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.eye(self.substeps)[0]}

    def shape(self, theta: Array) -> Array:
        """The surface's function of the variance at the money."""
        return ssvi.power_law(theta, self.eta, self.gamma)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        start, dt = fine(grid, self.substeps)
        normals = (shocks @ as_float(spread_out(self.substeps)).astype(shocks.dtype)).ravel()
        sides = jnp.asarray([-1.0, 1.0], shocks.dtype)

        def advance(k: Array, now: tuple[Array, Array, tuple[Array, ...]]) -> tuple[Array, Array]:
            z, h, slice_ = now
            root = jnp.sqrt(h)
            middle = self.vol_on(k, slice_)
            low, high = self.vol_on(k + sides * middle * root, slice_)
            move = curved_move(low, middle, high, root, z)
            return k + move, move

        _, moves = lax.scan(advance, jnp.zeros((), shocks.dtype), (normals, dt, self.slices(start + 0.5 * dt)))
        moves = moves.reshape(grid.steps, self.substeps).sum(axis=1)
        k = accumulated(moves)
        vol = self.vol_on(k, self.slices(grid.times - grid.times[0]))
        return carried_path(self, grid, moves, {f"{self.name}.vol": vol})

    def slices(self, t: Float[Array, " time"]) -> tuple[Float[Array, " time"], ...]:
        """All that the local volatility needs of time: theta, its derivative, phi, theta phi'."""
        theta = jnp.maximum(ssvi.at_the_money(self.expiries, self.levels, t), TINY)
        return theta, ssvi.forward_variance(self.expiries, self.levels, t), *ssvi.elastic(self.shape, theta)

    def vol_on(self, k: Array, slices: tuple[Array, ...]) -> Array:
        """Local volatility at log-moneyness ``k``, per root year, held 8 deviations from the money and beyond."""
        theta, pace, phi, turn = slices
        bound = FAR * jnp.sqrt(theta)
        return jnp.sqrt(jnp.maximum(ssvi.dupire(jnp.clip(k, -bound, bound), theta, pace, self.rho, phi, turn), TINY))


def curved_move(low: Array, middle: Array, high: Array, root: Array, z: Array) -> Array:
    """Log growth, of mean 1, over a step from the volatilities one deviation below, at and above its start."""
    b = jnp.clip(0.25 * root * (high - low), -BEND, BEND)
    a = root * (0.25 * (low + 2.0 * middle + high) - 0.375 * root * middle * (high - low))
    cumulant = -b - 0.5 * jnp.log1p(-2.0 * b) + 0.5 * a**2 / (1.0 - 2.0 * b)
    return a * z + b * (z**2 - 1.0) - cumulant


def fine(grid: TimeGrid, substeps: int) -> tuple[Float[Array, " substep"], Float[Array, " substep"]]:
    """Start, in years since the first point, and length of each of the equal parts of each step."""
    dt = jnp.repeat(grid.dt / substeps, substeps)
    within = jnp.tile(jnp.arange(substeps), grid.steps)
    return jnp.repeat(grid.times[:-1] - grid.times[0], substeps) + within * dt, dt


def spread_out(count: int) -> Float[np.ndarray, "factor substep"]:
    """The orthogonal matrix of cosines that makes ``count`` normals of a step's parts: its first row is their sum."""
    rows, columns = np.arange(count)[:, None], np.arange(count)
    waves = np.cos(np.pi * rows * (columns + 0.5) / count) * np.sqrt(2.0 / count)
    return waves / np.where(rows == 0, np.sqrt(2.0), 1.0)


def check_surface(expiries: Array, levels: Array, rho: Array, eta: Array, gamma: Array) -> None:
    """Refuse SSVI parameters that do not make a surface free of arbitrage."""
    row = expiries.ndim == 1 and expiries.shape == levels.shape and expiries.size > 0
    require(row, f"expiries and levels must be two rows of one length, were of shapes {expiries.shape}, {levels.shape}")
    for name, value in (("expiries", expiries), ("levels", levels)):
        grows = concrete(value, lambda x: np.diff(x, prepend=0.0) > 0)
        require(grows, f"{name} must be above 0 and increase, were {value}")
    require(concrete(rho, lambda r: np.abs(r) < 1), f"rho must lie between -1 and 1, was {rho}")
    require(concrete(gamma, lambda g: (g > 0) & (g <= 0.5)), f"gamma must lie in (0, 1/2], was {gamma}")
    inside = concrete(eta, lambda e: e >= 0) and concrete(ssvi.eta_limit(rho) - eta, lambda room: room >= -1e-6)
    require(inside, f"eta must lie between 0 and 2 / sqrt(1 + |rho|), was {eta}: beyond it prices may be arbitraged")
