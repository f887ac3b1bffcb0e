"""The GARCH market of Heston and Nandi, whose options have a closed form."""

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, must, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_path, optional_number
from deephedge.markets.history import equal_step

DISCRETE = "a GARCH model moves once a step and needs steps of one length"
TINY = 1e-30  # under square roots, so that derivatives stay finite where nothing is random


class HestonNandi(AbstractMarket):
    r"""The GARCH(1,1) model of Heston and Nandi (2000), one of its periods a step:

    .. math:: \log S'/S = \mu\,dt-\tfrac12h+\sqrt h\,z, \qquad h' = \omega+\beta h+\alpha\,(z-\gamma\sqrt h)^2.

    ``variance`` :math:`h` of the first step, ``omega`` and ``alpha`` are variances *per step* (not per year), ``beta``
    no unit, ``gamma`` per root of a variance; so the parameters belong to one length of step, and the grid must have
    equal steps of it. Rates continuous per year. Under the pricing measure ``gamma`` is the historical one plus the
    premium of the variance plus one half. Quotes ``"<name>"`` (cash), ``"<name>.variance"`` (:math:`h/dt` of the step
    to come, which is known, per year), ``"<name>.vol"`` (its root) and, where given, ``"rate"`` and
    ``"<name>.dividend"``. Without ``drift`` the spot drifts at rate minus dividend. Exact: time is discrete.

    Raises ``ParameterError`` for a parameter outside its domain and ``GridError`` for unequal steps. Source: Heston and
    Nandi (2000). The price of a call is `deephedge.pricing.heston_nandi.price`.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.HestonNandi("SPX", 100, 1.6e-4, omega=5e-6, alpha=1e-6, beta=0.6, gamma=400)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=21 / 252, steps=21), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.variance', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    variance: Float[Array, ""] = number()
    omega: Float[Array, ""] = number()
    alpha: Float[Array, ""] = number()
    beta: Float[Array, ""] = number()
    gamma: Float[Array, ""] = number()
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()

    def __check_init__(self):
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")
        require(concrete(self.variance, lambda v: v > 0), f"variance must be positive per step, was {self.variance}")
        must(self, "be 0 or more", "omega", "alpha", "beta")
        memory = self.beta + self.alpha * self.gamma**2
        require(concrete(memory, lambda x: x < 1), f"beta + alpha x gamma^2 must be below 1, was {memory}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        equal_step(grid, DISCRETE)
        return grid.steps, 1

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.ones_like(self.spot)[None]}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        dt = equal_step(grid, DISCRETE)

        def advance(h: Array, z: Array) -> tuple[Array, Array]:
            after = self.omega + self.beta * h + self.alpha * (z - self.gamma * jnp.sqrt(h + TINY)) ** 2
            return after, after

        start = self.variance.astype(shocks.dtype)
        _, later = lax.scan(advance, start, shocks[:, 0])
        return garch_path(self, grid, dt, jnp.concatenate([start[None], later]), shocks[:, 0])


def garch_path(market, grid: TimeGrid, dt: Array, h: Float[Array, " points"], z: Float[Array, " step"]) -> MarketPath:
    """The path of a spot whose step has the variance ``h`` known at its start, and the standardised move ``z``."""
    moves = jnp.sqrt(h[:-1] + TINY) * z - 0.5 * h[:-1]
    quotes = {f"{market.name}.variance": h / dt, f"{market.name}.vol": jnp.sqrt(h / dt + TINY)}
    return carried_path(market, grid, moves, quotes)
