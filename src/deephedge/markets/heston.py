"""Heston's stochastic variance, simulated so that neither the variance nor the martingale property is lost."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import nearest, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, must, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_path, leveraged, optional_number

SCHEMES = ("qe", "euler")
SWITCH = 1.5  # of variance over squared mean: below it a squared normal, above it an atom and an exponential
TINY = 1e-30  # under square roots, so that derivatives stay finite where the variance is 0


class Heston(AbstractMarket):
    r"""Heston's model (1993), with :math:`d\langle W,B\rangle=\rho\,dt`:

    .. math:: dS = S(\mu\,dt + \sqrt V\,dW), \qquad dV = \kappa(\theta - V)\,dt + \xi\sqrt V\,dB.

    ``variance``, ``long_variance`` per year, ``mean_reversion`` per year, ``vol_of_vol`` per year, rates continuous.
    Quotes ``"<name>"`` (cash), ``"<name>.variance"`` (:math:`V`, per year), ``"<name>.vol"`` (:math:`\sqrt V`, what a
    Black desk would read), ``"<name>.realised_variance"`` (:math:`\int_0^t V\,ds` by trapezoids) and, where given,
    ``"rate"`` and ``"<name>.dividend"``. Without ``drift`` the spot drifts at rate minus dividend.

    ``scheme``: ``"qe"`` is the quadratic-exponential scheme of Andersen (2008) with central weights and his martingale
    correction: mean and variance of :math:`V` are exact in every step and the discounted spot is a martingale on any
    grid, also where :math:`2\kappa\theta<\xi^2` and the variance touches 0. ``"euler"`` is the full truncation of
    Lord, Koekkoek and van Dijk (2010), kept to compare; it is biased on coarse grids.

    Raises ``ParameterError`` for a parameter outside its domain, or a positive correlation on a grid too coarse for it.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.Heston("SPX", 100, 0.04, 1.0, 0.04, vol_of_vol=2, correlation=-0.7)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=30 / 365, steps=30), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.realised_variance', 'SPX.variance', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    variance: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    long_variance: Float[Array, ""] = number()
    vol_of_vol: Float[Array, ""] = number()
    correlation: Float[Array, ""] = number()
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()
    scheme: str = eqx.field(static=True, default="qe")

    def __check_init__(self):
        must(self, "be positive", "spot", "mean_reversion", "long_variance", "vol_of_vol")
        require(concrete(self.variance, lambda v: v >= 0), f"variance must be 0 or more a year, was {self.variance}")
        must(self, "lie between -1 and 1", "correlation")
        require(self.scheme in SCHEMES, f"scheme {self.scheme!r} is unknown: {nearest(self.scheme, SCHEMES)}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        coarse = self.correlation * self.vol_of_vol * jnp.max(grid.dt)
        require(
            self.scheme == "euler" or concrete(coarse, lambda x: x < 1.0),
            f"correlation x vol_of_vol x the longest step must stay below 1, was {coarse}: the moment that makes the "
            "spot a martingale does not exist beyond; take shorter steps",
        )
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return leveraged(self.name, self.correlation)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        advance = self._quadratic_exponential if self.scheme == "qe" else self._full_truncation
        start = self.variance.astype(shocks.dtype)
        _, (after, moves) = lax.scan(lambda v, now: advance(v, *now), start, (grid.dt, shocks))
        variance = jnp.maximum(jnp.concatenate([start[None], after]), 0.0)
        areas = 0.5 * grid.dt * (variance[1:] + variance[:-1])
        quotes = {
            f"{self.name}.variance": variance,
            f"{self.name}.vol": jnp.sqrt(jnp.maximum(variance, TINY)),
            f"{self.name}.realised_variance": accumulated(areas),
        }
        return carried_path(self, grid, moves, quotes)

    def _quadratic_exponential(self, v: Array, dt: Array, shocks: Array) -> tuple[Array, tuple[Array, Array]]:
        """One step: (variance after, (variance after, log of the discounted spot's growth)).

        Written in the surprise X = V' - E V' so that nothing cancels in float32 when the vol of vol is small:
        log growth = K2 X - log E exp(A X) - (K3 v + K4 E V') / 2 + sqrt(K3 v + K4 V') Z, with A = K2 + K4 / 2,
        which is Andersen's equation with his K0* and K1 put in.
        """
        kappa, theta, xi, rho = self.mean_reversion, self.long_variance, self.vol_of_vol, self.correlation
        mean, spread = moments(v, dt, kappa, theta, xi)
        k2 = 0.5 * dt * (kappa * rho / xi - 0.5) + rho / xi
        k3 = 0.5 * dt * (1.0 - rho**2)  # and K4 is the same with central weights
        power = k2 + 0.5 * k3
        unforeseen, cumulant = surprise(mean, spread / mean**2, power, shocks[0])
        after = jnp.maximum(mean + unforeseen, 0.0)
        noise = jnp.sqrt(jnp.maximum(k3 * (v + after), TINY)) * shocks[1]
        return after, (after, k2 * unforeseen - cumulant - 0.5 * k3 * (v + mean) + noise)

    def _full_truncation(self, v: Array, dt: Array, shocks: Array) -> tuple[Array, tuple[Array, Array]]:
        rho, used = self.correlation, jnp.maximum(v, 0.0)
        root = jnp.sqrt(jnp.maximum(used * dt, TINY))
        after = v + self.mean_reversion * (self.long_variance - used) * dt + self.vol_of_vol * root * shocks[0]
        noise = root * (rho * shocks[0] + jnp.sqrt(1.0 - rho**2) * shocks[1])
        return after, (after, noise - 0.5 * used * dt)


def moments(v: Array, dt: Array, kappa: Array, theta: Array, xi: Array) -> tuple[Array, Array]:
    """Mean and variance of a square-root process ``dt`` later, given that it is ``v`` now."""
    decay, faded = jnp.exp(-kappa * dt), -jnp.expm1(-kappa * dt)
    return theta + (v - theta) * decay, xi**2 * faded / kappa * (v * decay + 0.5 * theta * faded)


def surprise(mean: Array, ratio: Array, power: Array, shock: Array) -> tuple[Array, Array]:
    """X = V' - E V' from one normal, and log E exp(power X); ``ratio`` is Var V' / (E V')^2 (Andersen's psi)."""
    small, large = jnp.minimum(ratio, SWITCH), jnp.maximum(ratio, SWITCH)
    squared, exponential = _squared_normal(mean, small, power, shock), _atom_and_exponential(mean, large, power, shock)
    return jax.tree.map(lambda a, b: jnp.where(ratio <= SWITCH, a, b), squared, exponential)


def _squared_normal(mean: Array, ratio: Array, power: Array, shock: Array) -> tuple[Array, Array]:
    """V' = a (b + Z)^2 with a (1 + b^2) = mean."""
    twice = 2.0 / jnp.maximum(ratio, TINY)
    b2 = twice - 1.0 + jnp.sqrt(twice) * jnp.sqrt(twice - 1.0)
    a = mean / (1.0 + b2)
    size = 2.0 * power * a
    cumulant = 0.5 * size**2 * b2 / (1.0 - size) - 0.5 * (jnp.log1p(-size) + size)
    return a * (2.0 * jnp.sqrt(b2) * shock + shock**2 - 1.0), cumulant


def _atom_and_exponential(mean: Array, ratio: Array, power: Array, shock: Array) -> tuple[Array, Array]:
    """V' = 0 with probability p = (ratio - 1) / (ratio + 1), otherwise exponential with rate (1 - p) / mean."""
    alive = 2.0 / (ratio + 1.0)
    after = jnp.maximum(jnp.log(alive / ndtr(-shock)), 0.0) * mean / alive
    size = power * mean
    room = jnp.maximum(1.0 - size / alive, 0.05)  # binds only where the other branch is used
    return after - mean, jnp.log1p(size / room) - size
