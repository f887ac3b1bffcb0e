"""The lifted Heston market: rough volatility as a sum of factors that revert at many speeds."""

import equinox as eqx
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
from deephedge.markets.carry import carried_path, optional_number
from deephedge.pricing import lifted

SCHEMES = ("inverse_gaussian", "euler")
TINY = 1e-30  # under square roots, so that derivatives stay finite where the variance is 0


class LiftedRoughHeston(AbstractMarket):
    r"""The lifted Heston model of Abi Jaber (2019), rough Heston's kernel as a sum of ``factors`` exponentials:

    .. math:: V_t = V_0+\sum_ic_iU^i_t, \qquad dU^i = \big(-x_iU^i+\lambda(\theta-V)\big)dt+\nu\sqrt V\,dW, \qquad
        U^i_0=0, \qquad dS = S(\mu\,dt + \sqrt V\,dB), \qquad d\langle W,B\rangle=\rho\,dt,

    which is his equation with :math:`g_0(t)=V_0+\lambda\theta\int_0^t\sum_ic_ie^{-x_is}ds` put into the factors.
    ``variance`` :math:`V_0` and ``long_variance`` :math:`\theta` per year (the forward variance is flat where they are
    equal), ``mean_reversion`` :math:`\lambda` per year to the power :math:`H+1/2`, ``vol_of_vol`` :math:`\nu`,
    ``hurst`` :math:`H` in (0, 1/2); :math:`c_i,x_i` from `deephedge.pricing.lifted.kernel` with the ``ratio`` of
    neighbouring speeds. Rates continuous per year. Quotes ``"<name>"`` (cash), ``"<name>.variance"`` (:math:`V`, per
    year), ``"<name>.vol"`` (:math:`\sqrt V`), ``"<name>.realised_variance"`` (:math:`\int_0^tV\,ds`) and, where given,
    ``"rate"`` and ``"<name>.dividend"``. Without ``drift`` the spot drifts at rate minus dividend.

    ``scheme``: ``"inverse_gaussian"`` draws the variance :math:`A` of a step as the inverse Gaussian variable that
    solves :math:`A=a+k\,(\lambda\theta\Delta-\lambda A+\nu Z)`, with :math:`a` what is foreseen, :math:`k` the
    integrated kernel and :math:`Z` a Brownian motion at time :math:`A`. So :math:`A\ge0`, the discounted spot is a
    martingale given the past on any grid, and a flat forward variance stays flat; of weak order 1. ``"euler"`` is Abi
    Jaber's explicit-implicit scheme with :math:`V^+`, kept to compare: the spot is a martingale, but the mean of
    :math:`V^+` is 10 % too high at a hundred steps a year where the variance often is near 0.

    Raises ``ParameterError`` for a parameter outside its domain, or a positive correlation on a grid too coarse for it.

    Source: Abi Jaber (2019); Abi Jaber (2024) and Abi Jaber and Attal (2025) for the inverse Gaussian. The price of a
    call is `deephedge.pricing.lifted.price`.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.LiftedRoughHeston("SPX", 100, 0.02, 0.3, 0.02, vol_of_vol=0.3, correlation=-0.7, hurst=0.1)
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
    hurst: Float[Array, ""] = number()
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()
    factors: int = eqx.field(static=True, default=lifted.FACTORS)
    ratio: Float[Array, ""] = number(default=lifted.RATIO)
    scheme: str = eqx.field(static=True, default="inverse_gaussian")

    def __check_init__(self):
        must(self, "be positive", "spot", "vol_of_vol")
        must(self, "be 0 or more", "variance", "mean_reversion", "long_variance")
        hurst = self.hurst
        must(self, "lie between -1 and 1", "correlation")
        require(
            concrete(hurst, lambda h: (h > 0) & (h < 0.5)), f"hurst must lie strictly between 0 and 1/2, was {hurst}"
        )
        require(self.factors >= 1, f"factors must be 1 or more, was {self.factors}")
        require(concrete(self.ratio, lambda r: r > 1), f"ratio of neighbouring speeds must exceed 1, was {self.ratio}")
        require(self.scheme in SCHEMES, f"scheme {self.scheme!r} is unknown: {nearest(self.scheme, SCHEMES)}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        push = self.correlation * self._push(jnp.max(grid.dt))
        require(
            self.scheme == "euler" or concrete(push, lambda x: x < 1.0),
            f"correlation x vol_of_vol x the kernel's integral over the longest step must stay below 1, was {push}: "
            "the moment that makes the spot a martingale does not exist beyond; take shorter steps",
        )
        return grid.steps, 3

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        rho = self.correlation
        spot = jnp.stack([rho, jnp.zeros_like(rho), jnp.sqrt(jnp.maximum(1.0 - rho**2, 0.0))])
        return {self.name: spot, f"{self.name}.variance": jnp.zeros_like(spot).at[0].set(1.0)}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        advance = self._inverse_gaussian if self.scheme == "inverse_gaussian" else self._euler
        still = jnp.zeros(self.factors, shocks.dtype)
        kernel = lifted.kernel(self.hurst, self.factors, self.ratio)
        _, (after, areas, moves) = lax.scan(lambda u, now: advance(kernel, u, *now), still, (grid.dt, shocks))
        raw = jnp.concatenate([self.variance.astype(shocks.dtype)[None], after])
        variance = jnp.maximum(raw, 0.0)
        quotes = {
            f"{self.name}.variance": variance,
            f"{self.name}.vol": jnp.sqrt(jnp.maximum(raw, TINY)),
            f"{self.name}.realised_variance": accumulated(areas),
        }
        return carried_path(self, grid, moves, quotes)

    def _push(self, dt: Array) -> Array:
        """What one unit of Brownian motion at the start of a step of length ``dt`` adds to the variance of the step."""
        weights, speeds = lifted.kernel(self.hurst, self.factors, self.ratio)
        whole = jnp.sum(weights / speeds * -jnp.expm1(-speeds * dt))
        return whole * self.vol_of_vol / (1.0 + whole * self.mean_reversion)

    def _inverse_gaussian(self, kernel: tuple, u: Array, dt: Array, shocks: Array) -> tuple[Array, tuple]:
        """One step: (factors after, (variance after, its integral, log of the discounted spot's growth)).

        With m = mean / push^2 the signed root w of (A - mean)^2 / (push^2 A) has the density phi(w) (1 - w / sqrt(w^2 +
        4m)): a normal, of whose positive values the share w / sqrt(w^2 + 4m) changes sign. And Z = w sqrt(A).
        """
        weights, speeds = kernel
        reach = -jnp.expm1(-speeds * dt) / speeds
        whole, reversion = jnp.sum(weights * reach), self.mean_reversion
        pulled = reversion * self.long_variance * dt
        push = whole * self.vol_of_vol / (1.0 + whole * reversion)
        # Never negative on equal steps; on others it may be, by little
        foreseen = jnp.maximum(self.variance * dt + jnp.sum(weights * reach * u) + whole * pulled, TINY)
        mean = foreseen / (1.0 + whole * reversion)
        shape = mean / push**2
        size = jnp.abs(shocks[0])
        arm = jnp.sqrt(size**2 + 4.0 * shape + TINY)
        rises = (shocks[0] > 0) & (size < ndtr(shocks[1]) * arm)
        q = 2.0 * shape + size**2 + size * arm
        area = jnp.where(rises, 0.5 * push**2 * q, 2.0 * mean * shape / q)
        noise = jnp.sqrt(area + TINY) * jnp.where(rises, size, -size)
        after = jnp.exp(-speeds * dt) * (u + pulled - reversion * area + self.vol_of_vol * noise)
        return after, (self.variance + jnp.sum(weights * after), area, self._move(area, noise, shocks[2]))

    def _euler(self, kernel: tuple, u: Array, dt: Array, shocks: Array) -> tuple[Array, tuple]:
        weights, speeds = kernel
        now = self.variance + jnp.sum(weights * u)
        area = jnp.maximum(now, 0.0) * dt
        noise = jnp.sqrt(area + TINY) * shocks[0]
        drift = self.mean_reversion * (self.long_variance - now) * dt
        after = (u + drift + self.vol_of_vol * noise) / (1.0 + speeds * dt)
        return after, (self.variance + jnp.sum(weights * after), area, self._move(area, noise, shocks[2]))

    def _move(self, area: Array, noise: Array, shock: Array) -> Array:
        """Log growth over a step; Wald's identity gives exp of it the mean 1 under either law of area and noise."""
        rho = self.correlation
        alone = jnp.sqrt(jnp.maximum((1.0 - rho**2) * area, TINY)) * shock
        return rho * noise + alone - 0.5 * area
