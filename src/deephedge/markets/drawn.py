"""Paths that there are, as a market: one of them, drawn at random."""

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import DataError, GridError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.markets.base import AbstractMarket
from deephedge.markets.history import pick


class Drawn(AbstractMarket):
    """One of a batch of ``paths``, each as likely: books that were really quoted, or paths that come from elsewhere.

    Quotes and numeraire are those of the path from its start on, as far as the grid goes; times are those of the grid.
    One normal picks the path. Raises ``DataError`` for a single path or none, ``GridError`` for a grid of more points.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> grid = dh.TimeGrid.uniform(maturity=1.0, steps=1)
    >>> paths = dh.MarketPath(jnp.zeros((2, 2)), {"A": jnp.array([[1.0, 2.0], [1.0, 3.0]])}, jnp.ones((2, 2)))
    >>> Drawn(paths).path(grid, jnp.array([[3.0]])).quotes["A"].tolist()
    [1.0, 3.0]
    """

    paths: MarketPath = eqx.field()

    def __check_init__(self):
        shape = np.shape(self.paths.times)
        require(len(shape) == 2 and shape[0] > 1, f"a batch of two paths or more is needed, was {shape}", DataError)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        points = self.paths.times.shape[1]
        require(grid.points <= points, f"these paths have {points} points, the grid has {grid.points}", GridError)
        return 1, 1

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        self.shocks(grid)
        chosen = pick(shocks[0, 0], self.paths.times.shape[0])
        quotes = {name: row[chosen, : grid.points] for name, row in self.paths.quotes.items()}
        weight = None if self.paths.weight is None else self.paths.weight[chosen]
        return MarketPath(grid.times, quotes, self.paths.numeraire[chosen, : grid.points], weight)
