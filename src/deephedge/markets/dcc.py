"""Several prices with variances of their own and correlations that move: GARCH with dynamic conditional correlation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from deephedge.core import linear
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, must, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_prices, optional_number
from deephedge.markets.garch import Gjr
from deephedge.markets.history import TRADING_DAY, TRADING_YEAR, require_step
from deephedge.markets.residuals import MOST, HistoricalResiduals

TINY = 1e-30  # under a root, so that derivatives stay finite


def _optional_matrix(value):
    return None if value is None else as_float(value)


def _optional_rows(value) -> HistoricalResiduals | None:
    return value if value is None or isinstance(value, HistoricalResiduals) else HistoricalResiduals(value)


class Dcc(AbstractMarket):
    r"""Dynamic conditional correlation (Engle 2002) of GJR-GARCH prices, in steps of one trading day (1/252 year):

    .. math:: \log(S_i'/S_i) = \mu_i\,dt+\sqrt{h_i}\,z_i-K_i, \qquad h_i'=\mathrm{GJR}_i(h_i,\sqrt{h_i}\,z_i), \\
        z = L\,\eta, \quad LL^\top=R=D^{-1}QD^{-1},\ D=\mathrm{diag}(Q)^{1/2}, \qquad
        Q' = (1-a-b)\,\bar R + a\,zz^\top + b\,Q.

    ``garch`` has one `Gjr` (variance a day) for each of ``names``; ``news`` :math:`a` and ``memory`` :math:`b` are 0 or
    more with a sum below 1, ``target`` :math:`\bar R` is a correlation matrix. The first day has the ``variance`` of
    each price and the matrix ``start`` :math:`Q` (``target`` where left out). :math:`Q` is at least
    :math:`(1-a-b)\bar R`, so every :math:`R` is a correlation matrix, positive definite. :math:`L` is its Cholesky
    factor. :math:`\eta` is standard normal, and :math:`K_i=h_i/2`; or else a row of ``residuals``, days of history
    rotated to be uncorrelated, and :math:`K_i=\log E\,e^{\sqrt{h_i}(L\eta)_i}` is their exact mean, day by day.
    Either way, without ``drift``, every discounted price is a martingale given the past. ``rate``, ``dividend`` and
    ``drift`` continuous per year; ``spot`` in cash; all but ``rate`` for all prices or one each.

    Quotes every price, its ``"<name>.vol"`` (of the day to come, per root year), for each pair, in the order of
    ``names``, ``"<first>.<second>.correlation"`` (of the day to come) and, where given, ``"rate"`` and
    ``"<name>.dividend"``. Exact: time is discrete; a variance is held below 0.25 a day. The drivers are those of the
    target: a day's correlations are around it. `fit_dcc` fits it. Raises ``ParameterError`` for a parameter outside its
    domain, ``GridError`` for steps other than a trading day.

    Source: Engle (2002); Glosten, Jagannathan and Runkle (1993). Aielli (2013) on what the target then is: close to,
    not equal to, the mean correlation.

    >>> import deephedge as dh, jax
    >>> law = dh.markets.Gjr(2e-6, 0.02, 0.1, 0.9)
    >>> market = dh.markets.Dcc(("SPX", "DAX"), (law, law), 0.03, 0.95, [[1, 0.6], [0.6, 1]], variance=1e-4)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=5 / 252, steps=5), 8, key=jax.random.key(0)).quotes)
    ['DAX', 'DAX.vol', 'SPX', 'SPX.DAX.correlation', 'SPX.vol']
    """

    names: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    garch: tuple[Gjr, ...] = eqx.field(converter=tuple)
    news: Float[Array, ""] = number()
    memory: Float[Array, ""] = number()
    target: Float[Array, "asset asset"] = number()
    variance: Float[Array, "..."] = number()
    start: Float[Array, "asset asset"] | None = eqx.field(converter=_optional_matrix, default=None)
    residuals: HistoricalResiduals | None = eqx.field(converter=_optional_rows, default=None)
    spot: Float[Array, "..."] = number(default=1.0)
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, "..."] | None = optional_number()
    drift: Float[Array, "..."] | None = optional_number()

    def __check_init__(self):
        count = len(self.names)
        require(count > 0 and len(set(self.names)) == count, f"names must differ, were {self.names}")
        require(len(self.garch) == count, f"garch must have {count} entries, one a price, had {len(self.garch)}")
        must(self, "be 0 or more", "news", "memory")
        both = self.news + self.memory
        require(concrete(both, lambda x: x < 1), f"news + memory must be below 1, was {both}")
        for field, matrix in (("target", self.target), ("start", self.start)):
            if matrix is not None:
                require(matrix.shape == (count, count), f"{field} must be {count} x {count}, was {matrix.shape}")
                require(concrete(matrix, _is_definite), f"{field} must be symmetric and positive definite")
        unit = concrete(jnp.diag(self.target), lambda x: np.abs(x - 1) < 1e-5)
        require(unit, f"target must be 1 on the diagonal, was {jnp.diag(self.target)}")
        require(concrete(self.variance, lambda h: h > 0), f"variance must be positive a day, was {self.variance}")
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")
        fits = self.residuals is None or self.residuals.series == count
        require(fits, f"residuals must have {count} columns, one a price")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        require_step(grid, TRADING_DAY)
        return grid.steps, len(self.names) if self.residuals is None else self.residuals.width

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        if self.residuals is not None:
            return {self.names[0]: jnp.ones_like(self.target[0, :1])}
        return dict(zip(self.names, jnp.linalg.cholesky(self.target), strict=True))

    def tradables(self) -> dict[str, bool]:
        return dict.fromkeys(self.names, True)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        require_step(grid, TRADING_DAY)
        count = len(self.names)
        laws = jax.tree.map(lambda *leaves: jnp.stack(leaves), *self.garch)
        drawn = shocks if self.residuals is None else self.residuals(shocks)

        def day(state: tuple[Array, Array], normal: Array) -> tuple[tuple[Array, Array], tuple[Array, ...]]:
            h, q = state
            sigma, factor = jnp.sqrt(h + TINY), linear.cholesky(_correlation(q))
            z = factor @ normal
            rise = 0.5 * h if self.residuals is None else self._cumulant(sigma[:, None] * factor)
            after = jnp.minimum(jax.vmap(lambda law, h, x: law(h, x))(laws, h, sigma * z), MOST**2)
            fixed = (1.0 - self.news - self.memory) * self.target
            later = (after, fixed + self.news * jnp.outer(z, z) + self.memory * q)
            return later, (*later, sigma * z - rise)

        first = jnp.minimum(jnp.broadcast_to(self.variance, (count,)), MOST**2)
        start = self.target if self.start is None else self.start
        _, (h, q, moves) = lax.scan(day, (first, start), drawn)
        sigma = jnp.sqrt(jnp.concatenate([first[None], h]) * TRADING_YEAR + TINY)
        matrix = jax.vmap(_correlation)(jnp.concatenate([start[None], q]))
        quotes = {f"{name}.vol": sigma[:, n] for n, name in enumerate(self.names)}
        for i, j in zip(*np.triu_indices(count, 1), strict=True):
            quotes[f"{self.names[i]}.{self.names[j]}.correlation"] = matrix[:, i, j]
        return carried_prices(self, grid, self.names, moves, quotes)

    def _cumulant(self, loads: Float[Array, "asset factor"]) -> Float[Array, " asset"]:
        """log of the mean over the days of history of exp(loads @ a rotated day)."""
        rows = jnp.zeros_like(loads) if self.residuals is None else self.residuals.centred
        return jnp.log1p(jnp.mean(jnp.expm1(rows @ loads.T), axis=0))


def _correlation(q: Float[Array, "asset asset"]) -> Float[Array, "asset asset"]:
    scale = lax.rsqrt(jnp.diag(q))
    return q * scale * scale[:, None]


def _is_definite(matrix: np.ndarray) -> bool:
    return bool(np.allclose(matrix, matrix.T, atol=1e-6) and np.linalg.eigvalsh(matrix).min() > 0)
