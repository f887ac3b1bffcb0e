"""Rough Bergomi: a variance that moves like fractional Brownian motion with a small Hurst exponent."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, must, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_path, leveraged, optional_number
from deephedge.markets.history import equal_step

# Bound on |log(V / xi)|, so that float32 holds V; with eta = 2 over a year it lies more than 25 deviations out.
FAR = 60.0
MEMORY = "rough volatility needs a grid of equal steps (its memory is a convolution)"
TINY = 1e-12  # under the square root, so that its derivative is finite at a correlation of 1


class RoughBergomi(AbstractMarket):
    r"""The rough Bergomi model of Bayer, Friz and Gatheral (2016) with a forward variance curve :math:`\xi_t`:

    .. math:: dS = S(\mu\,dt + \sqrt V\,dB), \qquad V_t = \xi_t\exp(\eta Y_t - \tfrac12\eta^2 \mathrm{Var}\,Y_t), \qquad
        Y_t = \sqrt{2H}\int_0^t (t-s)^{H-1/2}\,dW_s, \qquad d\langle W,B\rangle=\rho\,dt.

    ``hurst`` :math:`H` in (0, 1/2), no unit; ``vol_of_vol`` :math:`\eta` per year to the power :math:`H`;
    ``forward_variance`` :math:`\xi` per year, one number, or two rows (years, variances) between which it is a straight
    line, and flat beyond them; rates continuous per year. Time 0 is the grid's first point: what the
    variance did before is all in :math:`\xi`. Quotes ``"<name>"`` (cash), ``"<name>.variance"`` (:math:`V`, per year),
    ``"<name>.vol"`` (:math:`\sqrt V`, per root year), ``"<name>.realised_variance"`` (:math:`\int_0^t V\,ds` by
    trapezoids) and, where given, ``"rate"`` and ``"<name>.dividend"``. Without ``drift`` the spot drifts at rate minus
    dividend.

    The hybrid scheme with one exact cell: on a grid of equal steps :math:`\Delta` the integral over the last step is
    drawn jointly with :math:`\Delta W`, exactly; over older steps the kernel is its mean over the step. So the
    covariances of :math:`Y` with :math:`W` are exact at all points, and :math:`\mathrm{Var}\,Y_t` falls short of
    :math:`t^{2H}` by order :math:`\Delta^{2H}`, which is little: 0.06 % at :math:`H=0.07`, 100 steps a year. The
    compensator holds the variance of the *scheme*, so that :math:`E V_t=\xi_t` exactly on any number of steps. The spot
    moves with :math:`V` of the start of the step (log-Euler), so that given the past it is exactly a martingale.
    The memory is one product with a triangular matrix, the same for all paths; on a CPU it takes a third of the
    time of a Fourier transform at 100 steps, the same at 600 and 2.6 times as much at 2048, and no rounding of the
    future reaches the past.

    Raises ``ParameterError`` for a parameter outside its domain and ``GridError`` for unequal steps.

    Source: Bayer, Friz and Gatheral (2016), section 4; Bennedsen, Lunde and Pakkanen (2017), section 2.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.RoughBergomi("SPX", 100, 0.07, vol_of_vol=1.9, correlation=-0.7, forward_variance=0.055)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=30 / 365, steps=30), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.realised_variance', 'SPX.variance', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    hurst: Float[Array, ""] = number()
    vol_of_vol: Float[Array, ""] = number()
    correlation: Float[Array, ""] = number()
    forward_variance: Float[Array, "*quote"] = number()
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()

    def __check_init__(self):
        h, eta, xi = self.hurst, self.vol_of_vol, self.forward_variance
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")
        require(concrete(h, lambda x: (x > 0) & (x < 0.5)), f"hurst must lie strictly between 0 and 1/2, was {h}")
        require(concrete(eta, lambda x: x >= 0), f"vol_of_vol must be 0 or more per year^hurst, was {eta}")
        must(self, "lie between -1 and 1", "correlation")
        require(
            xi.ndim == 0 or (xi.ndim == 2 and xi.shape[0] == 2 and concrete(xi[0], lambda t: np.diff(t) > 0)),
            f"forward_variance must be a number, or two rows (increasing years, variances), was {xi}",
        )
        sound = concrete(xi if xi.ndim == 0 else xi[1], lambda x: x > 0)
        require(sound, f"forward_variance must be positive per year, was {xi}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        equal_step(grid, MEMORY)
        return grid.steps, 3

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        rows = leveraged(self.name, self.correlation)  # the second normal is the singular part of the variance alone
        return {name: jnp.insert(row, 1, 0.0) for name, row in rows.items()}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        dt, rho = equal_step(grid, MEMORY), self.correlation
        y, spread = volterra(self.hurst, dt, shocks[:, 0], shocks[:, 1])
        exponent = jnp.clip(self.vol_of_vol * y - 0.5 * self.vol_of_vol**2 * spread, -FAR, FAR)
        exponent = jnp.concatenate([jnp.zeros_like(exponent[:1]), exponent])
        xi, now = self.forward_variance, grid.times - grid.times[0]
        level = jnp.sqrt(xi if xi.ndim == 0 else jnp.interp(now, *xi))
        vol = level * jnp.exp(0.5 * exponent)  # no root of a small number to differentiate
        noise = rho * shocks[:, 0] + jnp.sqrt(jnp.maximum(1.0 - rho**2, TINY)) * shocks[:, 2]
        moves = vol[:-1] * jnp.sqrt(dt) * noise - 0.5 * vol[:-1] ** 2 * dt
        areas = 0.5 * dt * (vol[1:] ** 2 + vol[:-1] ** 2)
        quotes = {
            f"{self.name}.variance": vol**2,
            f"{self.name}.vol": vol,
            f"{self.name}.realised_variance": accumulated(areas),
        }
        return carried_path(self, grid, moves, quotes)


def volterra(
    hurst: Float[Array, ""], dt: Float[Array, ""], brownian: Float[Array, " step"], near: Float[Array, " step"]
) -> tuple[Float[Array, " step"], Float[Array, " step"]]:
    r"""(Y at the end of each step, its variance) from two independent normals a step.

    With :math:`\Delta W_j=\sqrt\Delta Z_j` and :math:`c_k=(k^{H+1/2}-(k-1)^{H+1/2})/(H+1/2)`,

    .. math:: Y_{i+1} = \Delta^H\left[\tfrac{\sqrt{2H}}{H+1/2}Z_i + \tfrac{1/2-H}{1/2+H}Z'_i
        + \sqrt{2H}\sum_{k=2}^{i+1} c_k Z_{i+1-k}\right].

    The first two terms are the integral over the last step: its variance is :math:`\Delta^{2H}` and its covariance
    with :math:`\Delta W` is :math:`\sqrt{2H}\Delta^{H+1/2}/(H+1/2)`.

    >>> y, variance = volterra(*(jnp.asarray(x) for x in (0.1, 0.01, [1.0, 0.0], [0.0, 0.0])))
    >>> [round(x, 4) for x in (*y.tolist(), *variance.tolist())]
    [0.4703, 0.2425, 0.3981, 0.4569]
    """
    power, steps = hurst + 0.5, brownian.shape[0]
    age = jnp.arange(2, steps + 1, dtype=brownian.dtype)
    # k^p - (k - 1)^p without the cancellation of near numbers
    memory = -(age**power) * jnp.expm1(power * jnp.log1p(-1.0 / age)) / power
    memory = jnp.concatenate([jnp.zeros_like(brownian[:1]), memory])  # by whole steps back; the last step is apart
    back = np.arange(steps)[:, None] - np.arange(steps)[None, :]
    kernel = jnp.where(back > 0, memory[np.maximum(back, 0)], 0.0)
    last = jnp.sqrt(2.0 * hurst) / power * brownian + (0.5 - hurst) / power * near
    y = dt**hurst * (last + jnp.sqrt(2.0 * hurst) * (kernel @ brownian))
    return y, dt ** (2.0 * hurst) * (1.0 + 2.0 * hurst * jnp.cumsum(memory**2))
