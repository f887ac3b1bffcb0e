"""Clients who come by chance: counts of deals at each point of a market's paths."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import gammaincc, ndtr
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.mixture import Rows, shared_drivers

MOST = 64  # deals of one side at one point


class ClientArrivals(AbstractMarket):
    r"""A market whose paths also quote how many deals clients made at each point, each side a Poisson number.

    Over a step of length :math:`\Delta` clients sell us :math:`N_+` and buy from us :math:`N_-` contracts, independent
    Poisson numbers with means ``bought`` :math:`\times\Delta` and ``sold`` :math:`\times\Delta` (both a year); the
    quote ``name`` at its end is :math:`N_+-N_-`, and 0 at the first point: `instruments.ClientFlow` reads it. They are
    independent of prices. Each side takes one more normal a step, through its distribution function.

    >>> import deephedge as dh, jax
    >>> market = ClientArrivals(dh.markets.BlackScholes("A", vol=0.2), "clients", bought=252.0, sold=252.0)
    >>> paths = dh.sample(market, dh.TimeGrid.uniform(maturity=0.1, steps=5), 4, key=jax.random.key(0))
    >>> paths.quotes["clients"].shape
    (4, 6)
    """

    market: AbstractMarket
    name: str = eqx.field(static=True)
    bought: Float[Array, ""] = number()
    sold: Float[Array, ""] = number()

    def __check_init__(self):
        for side in ("bought", "sold"):
            rate = getattr(self, side)
            require(
                concrete(rate, lambda x: (x >= 0) & np.isfinite(x)), f"{side} is deals a year, 0 or more, was {rate}"
            )

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        most = jnp.maximum(self.bought, self.sold) * jnp.max(jnp.diff(grid.times))
        few = concrete(most, lambda mean: mean <= MOST / 3)
        require(few, f"clients make {most} deals in a step, and at most {MOST // 3} are counted: use finer steps")
        rows, factors = self.market.shocks(grid)
        return max(rows, grid.steps), factors + 2

    @property
    def martingale(self) -> bool:
        return self.market.martingale

    def drivers(self) -> Rows:
        return shared_drivers([self.market.drivers()], extra=2)

    def tradables(self) -> dict[str, bool]:
        return self.market.tradables()

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        rows, factors = self.market.shocks(grid)
        path, years = self.market.path(grid, shocks[:rows, :factors]), jnp.diff(grid.times)
        normals = shocks[: grid.steps, factors:]
        deals = [_poisson(ndtr(normals[:, n]), rate * years) for n, rate in enumerate((self.bought, self.sold))]
        return path.with_quotes({self.name: jnp.concatenate([jnp.zeros(1, years.dtype), deals[0] - deals[1]])})


def _poisson(uniform: Float[Array, " step"], mean: Float[Array, " step"]) -> Float[Array, " step"]:
    """The least number whose probability of not being exceeded is above ``uniform``."""
    numbers = jnp.arange(MOST, dtype=mean.dtype)
    # P(N <= n) = Q(n + 1, mean), the regularised incomplete gamma function
    below = gammaincc(numbers[:, None] + 1.0, jnp.maximum(mean, 1e-30))
    return jnp.sum(uniform > below, axis=0).astype(mean.dtype)
