"""The GARCH market of Glosten, Jagannathan and Runkle, with normal or Student innovations."""

import functools

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float
from scipy import stats

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import optional_number
from deephedge.markets.garch import Gjr
from deephedge.markets.heston_nandi import DISCRETE, TINY, garch_path
from deephedge.markets.history import equal_step

MOST = 1.0  # a step's variance is capped here, so that no path overflows
EDGE, PER_UNIT = 9.0, 64  # of the table of Student quantiles: normals from -EDGE to EDGE, nodes in a unit


class GjrGarch(AbstractMarket):
    r"""GJR-GARCH(1,1) (Glosten, Jagannathan and Runkle 1993), one of its periods a step:

    .. math:: \log S'/S = \mu\,dt-\tfrac12h+\sqrt h\,z, \qquad
        h' = \omega+(\alpha+\gamma1_{z<0})\,hz^2+\beta h.

    ``garch`` holds :math:`\omega,\alpha,\gamma,\beta` *per step*, ``variance`` is :math:`h` of the first step (left
    out, the long-run one, :math:`\omega/(1-\alpha-\gamma/2-\beta)`); so the parameters belong to one length of step,
    and the grid must have equal steps of it. ``z`` is a standard normal, or with ``freedom`` (degrees above 2) a
    Student variable of variance 1: its exponential has no mean, no such spot is a martingale, and ``drift`` must
    be given. Rates and ``drift`` continuous per year; without ``drift`` the spot drifts at rate minus dividend.

    Quotes ``"<name>"`` (cash), ``"<name>.variance"`` (:math:`h/dt` of the step to come, per year), ``"<name>.vol"``
    (its root) and, where given, ``"rate"`` and ``"<name>.dividend"``. Exact: time is discrete; a variance is held below
    1 a step. Raises ``ParameterError`` for a parameter outside its domain and ``GridError`` for unequal steps.

    Source: Glosten, Jagannathan and Runkle (1993).

    >>> import deephedge as dh, jax
    >>> market = dh.markets.GjrGarch("SPX", dh.markets.Gjr(1.8e-4, 2.7e-4, 0.34, 0.71), spot=100)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=12), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.variance', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    garch: Gjr
    variance: Float[Array, ""] | None = optional_number()
    spot: Float[Array, ""] = number(default=1.0)
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()
    freedom: float | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        both = self.garch.alpha + self.garch.gamma
        require(concrete(both, lambda x: x >= 0), f"garch.alpha + garch.gamma must be 0 or more, was {both}")
        require(
            self.variance is not None or concrete(self.memory, lambda x: x < 1),
            f"garch.alpha + garch.gamma / 2 + garch.beta must be below 1, was {self.memory}, or give variance",
        )
        start = self.variance if self.variance is not None else self.long_run
        require(concrete(start, lambda v: v > 0), f"variance must be positive per step, was {start}")
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")
        if self.freedom is not None:
            require(self.freedom > 2, f"freedom must exceed 2 degrees, was {self.freedom}")
            require(self.drift is not None, "Student innovations need drift: no measure makes them a martingale")

    @property
    def memory(self) -> Float[Array, ""]:
        """The share of a step's variance that the next one inherits, on average."""
        return self.garch.alpha + 0.5 * self.garch.gamma + self.garch.beta

    @property
    def long_run(self) -> Float[Array, ""]:
        """The variance of a step in the long run."""
        return self.garch.omega / (1.0 - self.memory)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        equal_step(grid, DISCRETE)
        return grid.steps, 1

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.ones_like(self.spot)[None]}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        dt, z = equal_step(grid, DISCRETE), shocks[:, 0]
        if self.freedom is not None:
            z = _student(self.freedom, z)

        def advance(h: Array, z: Array) -> tuple[Array, Array]:
            after = jnp.minimum(self.garch(h, jnp.sqrt(h + TINY) * z), MOST)
            return after, after

        start = jnp.minimum(self.long_run if self.variance is None else self.variance, MOST).astype(z.dtype)
        _, later = lax.scan(advance, start, z)
        return garch_path(self, grid, dt, jnp.concatenate([start[None], later]), z)


@functools.cache
def _table(freedom: float) -> tuple[np.ndarray, np.ndarray]:
    """Normals, and the inverse hyperbolic sine of Student quantiles there, which is almost a line."""
    nodes = np.linspace(-EDGE, EDGE, int(2 * EDGE * PER_UNIT) + 1)
    upper = stats.t(freedom).isf(stats.norm.sf(np.abs(nodes))) * np.sqrt(1.0 - 2.0 / freedom)
    return nodes, np.arcsinh(np.sign(nodes) * upper)


def _student(freedom: float, shock: Array) -> Array:
    """The Student variable of variance 1 at the same quantile as a normal."""
    nodes, values = (jnp.asarray(x, shock.dtype) for x in _table(freedom))
    return jnp.sinh(jnp.interp(shock, nodes, values))
