"""What a day's surprises are drawn from, several series at once: rows of history, or a law fitted to them."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from deephedge.core.errors import DataError, require
from deephedge.core.types import as_float, concrete
from deephedge.markets.history import pick

MOST = 0.5  # a day's volatility is capped here (800 % a year), so that no path overflows
NODES = 64  # of the table of the residuals' cumulant; linear between them it is exact to 1e-10


def by_first_column(rows) -> Float[Array, "..."]:
    """Sorted, so that a larger normal picks a larger value: what quasi-random and antithetic points live on."""
    rows = as_float(rows)
    return rows[jnp.argsort(rows[:, 0])] if rows.ndim == 2 else rows


def cumulant(
    residuals: Float[Array, " _"], sigma: Float[Array, "*step"], chances: Float[Array, " _"] | None = None
) -> Float[Array, "*step"]:
    """log of the residuals' mean of exp(sigma z), by a table of it over sigma squared, which is almost linear.

    The residuals have a mean of 0 and are equally likely, or have these ``chances``.
    """
    nodes = jnp.linspace(0.0, MOST, NODES + 1)
    mean = jnp.mean if chances is None else lambda x: jnp.sum(chances * x)
    inner = jnp.log1p(jax.vmap(lambda s: mean(jnp.expm1(s * residuals)))(nodes[1:])) / nodes[1:] ** 2
    table = jnp.concatenate([0.5 * mean(residuals**2)[None], inner])
    return sigma**2 * jnp.interp(sigma, nodes, table)


class AbstractResiduals(eqx.Module):
    """The law of one day's residuals of all series; days are independent, every series has mean 0."""

    @property
    @abstractmethod
    def series(self) -> int:
        """How many series a day has."""

    @property
    @abstractmethod
    def width(self) -> int:
        """How many standard normals a day consumes."""

    @abstractmethod
    def __call__(self, shocks: Float[Array, "step factor"]) -> Float[Array, "step feature"]:
        """A row for each step."""

    @abstractmethod
    def cumulant(self, columns: Int[np.ndarray, " asset"], sigma: Float[Array, "step asset"]) -> Array:
        """log E exp(sigma z) of these series, each alone, of this very law: what makes prices of them martingales."""


class HistoricalResiduals(AbstractResiduals):
    """The ``rows`` of history, a day each and all equally likely: one normal picks a day for all series.

    Rows are centred when drawn and sorted by the first series, so that a larger normal is a larger value of it.
    Raises ``DataError`` for rows that are not finite numbers.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> dh.markets.HistoricalResiduals([[1.0, 5.0], [-1.0, 3.0]])(jnp.array([[2.0], [-2.0]])).tolist()
    [[1.0, 1.0], [-1.0, -1.0]]
    """

    rows: Float[Array, "_ feature"] = eqx.field(converter=by_first_column)

    def __check_init__(self):
        fits = self.rows.ndim == 2 and self.rows.shape[0] > 0 and concrete(self.rows, np.isfinite)
        require(fits, f"rows must be finite, a day each, a column a series, had shape {self.rows.shape}", DataError)

    @property
    def series(self) -> int:
        return self.rows.shape[1]

    @property
    def width(self) -> int:
        return 1

    @property
    def centred(self) -> Float[Array, "_ feature"]:
        return self.rows - jnp.mean(self.rows, axis=0)

    def __call__(self, shocks: Float[Array, "step factor"]) -> Float[Array, "step feature"]:
        return self.centred[pick(shocks[:, 0], self.rows.shape[0])]

    def cumulant(self, columns: Int[np.ndarray, " asset"], sigma: Float[Array, "step asset"]) -> Array:
        return jax.vmap(cumulant, in_axes=1, out_axes=1)(self.centred[:, columns], sigma)


def as_residuals(value) -> AbstractResiduals:
    """A law of residuals as it is, or rows of history."""
    return value if isinstance(value, AbstractResiduals) else HistoricalResiduals(value)
