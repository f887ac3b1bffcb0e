"""A lognormal spot that also jumps: normal jumps of the logarithm (Merton), or exponential ones (Kou)."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_path, optional_number
from deephedge.markets.compound import erlang, poisson, require_room

TINY = 1e-30  # under square roots, so that derivatives stay finite where nothing is random


class Merton(AbstractMarket):
    r"""Merton's jump diffusion (1976): :math:`n` of ``intensity`` jumps a year, whose logarithms are normal,

    .. math:: dS/S_- = (\mu - \lambda k)\,dt + \sigma\,dW + (e^J - 1)\,dN, \qquad J\sim N(m,\delta^2), \qquad
              k = e^{m+\delta^2/2} - 1.

    ``vol`` (:math:`\sigma`) per root year is that of the diffusion, ``intensity`` (:math:`\lambda`) jumps per year,
    ``jump_mean`` (:math:`m`) and ``jump_vol`` (:math:`\delta`) of one log jump. Quotes ``"<name>"`` (cash),
    ``"<name>.vol"`` (:math:`\sigma`), ``"<name>.total_vol"`` (:math:`\sqrt{\sigma^2+\lambda(m^2+\delta^2)}` per root
    year, the deviation of log returns with jumps) and, where given, ``"rate"`` and ``"<name>.dividend"``. Without
    ``drift`` (:math:`\mu`, per year) the spot drifts at rate minus dividend and is a martingale when discounted.

    Exact on any grid from two normals a step: one makes the number of jumps, by the inverse Poisson distribution up to
    32; given it the log return is normal with variance :math:`\sigma^2dt+n\delta^2`, the other normal.

    Raises ``ParameterError`` for a parameter outside its domain, or a step in which more than 8 jumps are expected.
    Source: Merton (1976), section 2. The price of a call is `deephedge.pricing.jumps.merton_price`.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.Merton("SPX", 100, vol=0.15, intensity=1.0, jump_mean=-0.1, jump_vol=0.15)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=30 / 365, steps=30), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.total_vol', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    intensity: Float[Array, ""] = number()
    jump_mean: Float[Array, ""] = number()
    jump_vol: Float[Array, ""] = number()
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()

    def __check_init__(self):
        _check_diffusion(self.spot, self.vol)
        check_lognormal(self.intensity, self.jump_vol)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        require_room(self.intensity * jnp.maximum(1.0, 1.0 + mean_jump(self.jump_mean, self.jump_vol)), grid)
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.eye(2, dtype=self.vol.dtype)[0]}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        count = poisson(self.intensity * grid.dt, shocks[:, 1])
        deviation = jnp.sqrt(jnp.maximum(self.vol**2 * grid.dt + count * self.jump_vol**2, TINY))
        lost = 0.5 * self.vol**2 + self.intensity * mean_jump(self.jump_mean, self.jump_vol)
        moves = count * self.jump_mean + deviation * shocks[:, 0] - lost * grid.dt
        second = self.jump_mean**2 + self.jump_vol**2
        return carried_path(self, grid, moves, _vols(self.name, grid, self.vol, self.intensity * second))


class Kou(AbstractMarket):
    r"""Kou's jump diffusion (2002): log jumps are exponential, upwards with mean :math:`a` or downwards with mean
    :math:`b`,

    .. math:: dS/S_- = (\mu - \lambda k)\,dt + \sigma\,dW + (e^J - 1)\,dN, \qquad
              k = \frac{p}{1-a} + \frac{1-p}{1+b} - 1.

    ``vol`` (:math:`\sigma`) per root year is that of the diffusion, ``intensity`` (:math:`\lambda`) jumps per year,
    ``probability_up`` (:math:`p`), and ``up_mean`` (:math:`a<1`) and ``down_mean`` (:math:`b`) the mean sizes of log
    jumps, both positive numbers: Kou's :math:`1/\eta_1` and :math:`1/\eta_2`. Quotes ``"<name>"`` (cash),
    ``"<name>.vol"`` (:math:`\sigma`), ``"<name>.total_vol"`` (:math:`\sqrt{\sigma^2+2\lambda(pa^2+(1-p)b^2)}` per
    root year) and, where given, ``"rate"`` and ``"<name>.dividend"``. Without ``drift`` (:math:`\mu`, per year) the
    spot drifts at rate minus dividend and is a martingale when discounted.

    Exact on any grid from five normals a step. Up and down jumps are independent Poisson streams of intensities
    :math:`\lambda p` and :math:`\lambda(1-p)` (thinning). In each direction one normal makes the count, by the inverse
    Poisson distribution up to 32, and one the sum of so many exponentials, by the inverse Erlang distribution (a table
    right to 1e-8). The fifth is the diffusion. A larger normal never gives a lower spot.

    Raises ``ParameterError`` for a parameter outside its domain, or a step in which more than 8 jumps are expected.
    Source: Kou (2002), section 2.1. The price of a call is `deephedge.pricing.jumps.kou_price`.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.Kou("SPX", 100, 0.16, intensity=1, probability_up=0.4, up_mean=0.1, down_mean=0.2)
    >>> market.shocks(dh.TimeGrid.uniform(maturity=30 / 365, steps=30))
    (30, 5)
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    intensity: Float[Array, ""] = number()
    probability_up: Float[Array, ""] = number()
    up_mean: Float[Array, ""] = number()
    down_mean: Float[Array, ""] = number()
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()

    def __check_init__(self):
        _check_diffusion(self.spot, self.vol)
        require(concrete(self.intensity, lambda x: x >= 0), f"intensity must be 0 or more a year, was {self.intensity}")
        p, up, down = self.probability_up, self.up_mean, self.down_mean
        require(concrete(p, lambda x: (x >= 0) & (x <= 1)), f"probability_up must lie between 0 and 1, was {p}")
        require(concrete(up, lambda x: (x > 0) & (x < 1)), f"up_mean must lie between 0 and 1 (a log jump; from 1 on "
                f"the spot has no mean), was {up}")  # fmt: skip
        require(concrete(down, lambda x: x > 0), f"down_mean must be a positive log jump, was {down}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        up, down = self.probability_up / (1.0 - self.up_mean), 1.0 - self.probability_up
        require_room(self.intensity * jnp.maximum(up, down), grid)
        return grid.steps, 5

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.eye(5, dtype=self.vol.dtype)[0]}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        z, risers, rise, fallers, fall = shocks.T
        often_up, often_down = self.intensity * self.probability_up, self.intensity * (1.0 - self.probability_up)
        up = self.up_mean * erlang(poisson(often_up * grid.dt, risers), rise)
        down = self.down_mean * erlang(poisson(often_down * grid.dt, -fallers), -fall)
        mean = often_up * self.up_mean / (1.0 - self.up_mean) - often_down * self.down_mean / (1.0 + self.down_mean)
        moves = up - down + self.vol * jnp.sqrt(grid.dt) * z - (0.5 * self.vol**2 + mean) * grid.dt
        second = 2.0 * (often_up * self.up_mean**2 + often_down * self.down_mean**2)
        return carried_path(self, grid, moves, _vols(self.name, grid, self.vol, second))


def mean_jump(jump_mean: Array, jump_vol: Array) -> Array:
    """The mean relative jump of the spot, exp(m + d^2 / 2) - 1."""
    return jnp.expm1(jump_mean + 0.5 * jump_vol**2)


def check_lognormal(intensity: Array, jump_vol: Array) -> None:
    """Raise ``ParameterError`` unless these describe lognormal jumps."""
    require(concrete(intensity, lambda x: x >= 0), f"intensity must be 0 or more jumps a year, was {intensity}")
    require(concrete(jump_vol, lambda x: x >= 0), f"jump_vol must be 0 or more (of one log jump), was {jump_vol}")


def _check_diffusion(spot: Array, vol: Array) -> None:
    require(concrete(spot, lambda x: x > 0), f"spot must be positive cash, was {spot}")
    require(concrete(vol, lambda x: x >= 0), f"vol must be 0 or more per root year, was {vol}")


def _vols(name: str, grid: TimeGrid, vol: Array, jumps: Array) -> dict[str, Float[Array, " points"]]:
    total = jnp.sqrt(jnp.maximum(vol**2 + jumps, TINY))
    return {f"{name}.vol": vol * jnp.ones_like(grid.times), f"{name}.total_vol": total * jnp.ones_like(grid.times)}
