"""Filtered historical simulation of any set of series: prices, volatilities, yields and spreads together."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.errors import DataError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_prices, optional_number
from deephedge.markets.garch import Gjr
from deephedge.markets.history import TRADING_DAY, TRADING_YEAR, pick, require_step
from deephedge.markets.residuals import MOST, AbstractResiduals, as_residuals

KINDS = ("price", "level", "log")
TINY = 1e-30  # under a root, so that derivatives stay finite


class FilteredHistoricalPanel(AbstractMarket):
    r"""Filtered historical simulation of several series, in steps of one trading day (1/252 year).

    ``names`` and ``kinds`` say what each series is. A ``"price"`` :math:`S` has a GJR variance of its own, a
    ``"level"`` (a yield or a spread, which may be negative) reverts, and so does the logarithm of a ``"log"`` (a
    volatility):

    .. math:: \log(S'/S) = \mu\,dt+\sqrt h\,z-K(\sqrt h), \quad h'=\mathrm{GJR}(h,\sqrt h\,z), \qquad
              x' = m + b\,(x-m) + e.

    Each day draws one row :math:`(z, \dots, e, \dots)` of ``residuals``, for all series at once: with rows of history,
    what happened on one day happens together. (Another law of them, such as `CopulaResiduals`, goes in the same place.)
    ``K`` is the cumulant of what is drawn, so without ``drift`` every discounted price is a martingale given all of the
    past. ``garch`` has one `Gjr` (variance a day) for each price, ``mean`` :math:`m` and ``memory`` :math:`b` (a day)
    one number for each other series, all in the order of ``names``. A path starts in one of the rows of ``states``
    (a column a series: the variance of the first day for a price, the level or log level for the others), drawn where
    there are several. ``rate``, ``dividend`` and ``drift`` continuous per year; ``spot`` in cash; all of these but
    ``rate`` for all prices or one each.

    Quotes every series by its name, ``"<name>.vol"`` for a price (its own GARCH volatility of the day to come, per
    root year, unless a series has that name: an implied one) and, where given, ``"rate"`` and ``"<name>.dividend"``.
    `fit_panel` fits it. Exact: time is discrete. Raises ``DataError`` for tables that do not fit together,
    ``GridError`` for steps other than a trading day.

    Source: Barone-Adesi, Giannopoulos and Vosper (1999); Glosten, Jagannathan and Runkle (1993).

    >>> import deephedge as dh, jax, numpy as np
    >>> rows = np.random.default_rng(0).standard_t(6, (500, 2)) * [1, 6e-4]
    >>> market = dh.markets.FilteredHistoricalPanel(
    ...     ("SPX", "US10Y"), ("price", "level"), (dh.markets.Gjr(2e-6, 0.02, 0.1, 0.9),), mean=[0.03], memory=[0.99],
    ...     residuals=rows, states=[[1e-4, 0.04]]
    ... )
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=21 / 252, steps=21), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.vol', 'US10Y']
    """

    names: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    kinds: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    garch: tuple[Gjr, ...] = eqx.field(converter=tuple)
    mean: Float[Array, " feature"] = eqx.field(converter=as_float)
    memory: Float[Array, " feature"] = eqx.field(converter=as_float)
    residuals: AbstractResiduals = eqx.field(converter=as_residuals)
    states: Float[Array, "_ _"] = eqx.field(converter=as_float)
    spot: Float[Array, "..."] = number(default=1.0)
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, "..."] | None = optional_number()
    drift: Float[Array, "..."] | None = optional_number()

    def __check_init__(self):
        count, prices = len(self.names), len(self.prices)
        require(count > 0 and len(set(self.names)) == count, f"names must differ, were {self.names}")
        known = len(self.kinds) == count and set(self.kinds) <= set(KINDS)
        require(known, f"kinds must say one of {KINDS} for each of {self.names}, were {self.kinds}")
        for field, size in (("garch", prices), ("mean", count - prices), ("memory", count - prices)):
            found = len(getattr(self, field))
            require(
                found == size, f"{field} must have {size} entries, one for each such series, had {found}", DataError
            )
        found = self.residuals.series
        require(found == count, f"residuals must have {count} columns, one a series, had {found}", DataError)
        finite = len(self.states) > 0 and self.states.shape[1] == count and concrete(self.states, np.isfinite)
        require(finite, f"states must be finite rows of {count} numbers, had shape {self.states.shape}", DataError)
        variance = self.states[:, self._columns("price")]
        require(concrete(variance, lambda h: h > 0), "states must hold a positive variance a day for each price")
        reverts = concrete(self.memory, lambda b: np.abs(b) < 1)
        require(reverts, f"memory must be below 1 a day, was {self.memory}")
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")

    @property
    def prices(self) -> tuple[str, ...]:
        return tuple(name for name, kind in zip(self.names, self.kinds, strict=False) if kind == "price")

    def _columns(self, *kinds: str) -> np.ndarray:
        return np.array([n for n, kind in enumerate(self.kinds) if kind in kinds], int)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        require_step(grid, TRADING_DAY)
        return grid.steps, self.residuals.width + (len(self.states) > 1)  # the last factor picks the starting state

    @property
    def martingale(self) -> bool:
        return self.drift is None and bool(self.prices)  # of bonds that follow from yields nothing is said

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        """The first normal of a day, where the first series is a price: the larger, the larger its return."""
        factors = self.residuals.width + (len(self.states) > 1)
        return {self.names[0]: jnp.eye(factors, dtype=self.states.dtype)[0]} if self.kinds[0] == "price" else {}

    def tradables(self) -> dict[str, bool]:
        return dict.fromkeys(self.prices, True)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        require_step(grid, TRADING_DAY)
        width, priced, others = self.residuals.width, self._columns("price"), self._columns("level", "log")
        drawn = self.residuals(shocks[:, :width])
        start = self.states[pick(shocks[0, width], len(self.states)) if len(self.states) > 1 else 0]

        def day(state: tuple[Array, Array], row: Array) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
            variance = self._next_variance(state[0], jnp.sqrt(state[0] + TINY) * row[priced])
            after = (variance, self.mean + self.memory * (state[1] - self.mean) + row[others])
            return after, after

        first = (jnp.minimum(start[priced], MOST**2), start[others])
        _, later = lax.scan(day, first, drawn)
        h, x = (jnp.concatenate([a[None], b]) for a, b in zip(first, later, strict=True))
        sigma = jnp.sqrt(h + TINY)
        quotes = {f"{name}.vol": np.sqrt(TRADING_YEAR) * sigma[:, n] for n, name in enumerate(self.prices)}
        for n, column in enumerate(others):
            quotes[self.names[column]] = jnp.exp(x[:, n]) if self.kinds[column] == "log" else x[:, n]
        moves = sigma[:-1] * drawn[:, priced] - self.residuals.cumulant(priced, sigma[:-1])
        return carried_prices(self, grid, self.prices, moves, quotes)

    def _next_variance(self, variance: Float[Array, " asset"], surprise: Float[Array, " asset"]) -> Array:
        if not self.garch:
            return variance
        laws = jax.tree.map(lambda *leaves: jnp.stack(leaves), *self.garch)
        return jnp.minimum(jax.vmap(lambda law, h, x: law(h, x))(laws, variance, surprise), MOST**2)
