"""A bootstrap that knows in which regime it is: blocks of calm days in calm, of wild days in a crisis."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, Int

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import DataError, UnknownQuote, nearest, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.history import TRADING_DAY, as_history, pick, require_positive, require_step


def _labels(value) -> Int[Array, "..."]:
    return jnp.asarray(value, int)


def _levels(start) -> dict[str, Float[Array, ""]]:
    return {name: as_float(value) for name, value in start.items()}


class RegimeBootstrap(AbstractMarket):
    r"""Stationary bootstrap within regimes, whose path is a Markov chain.

    ``labels`` has the number of a regime (from 0, calm to wild) for each point of ``history``: what was known there,
    and what rules the step that starts there. A path begins in the ``regime`` given (the last label unless said; -1
    draws it from the labels), and follows the matrix ``transition`` :math:`P_{ij}`, chances a step, such as those of
    history, `transition_matrix`. Each step takes the log changes of one day of
    history with the regime's label, for all quotes at once: the day after the last one, if it has the right label,
    else, or with probability ``1 / block``, a fresh one, all of the regime's days being equally likely. Paths start at
    ``start`` (a quote's last value where none is given), the numeraire stays 1, a step is a row of history, ``step``
    years.

    ``centre`` names the quotes whose mean growth in each regime is removed; with ``block=1`` they are martingales given
    the past, the regime included. Quotes those of the history and ``"regime"``, its number.

    Raises ``DataError`` for labels that do not fit or quotes that are not positive, ``GridError`` for other steps.
    Source: Politis and Romano (1994) for the blocks; Hamilton (1989) for regimes that follow a Markov chain.

    >>> import deephedge as dh, jax
    >>> quotes = {"SPX": [100.0, 101.0, 99.0, 102.0, 90.0], "VIX": [12.0, 11.0, 30.0, 31.0, 14.0]}
    >>> labels = dh.markets.label_by_quantile(quotes["VIX"], chances=(0.6,))
    >>> market = dh.markets.RegimeBootstrap(quotes, labels, dh.markets.transition_matrix(labels), block=2)
    >>> grid = dh.TimeGrid.uniform(maturity=5 / 252, steps=5)
    >>> labels.tolist(), sorted(dh.sample(market, grid, 8, key=jax.random.key(0)).quotes)
    ([0, 0, 1, 1, 0], ['SPX', 'VIX', 'regime'])
    """

    history: MarketPath = eqx.field(converter=as_history)
    labels: Int[Array, " points"] = eqx.field(converter=_labels)
    transition: Float[Array, "state state"] = eqx.field(converter=as_float)
    block: Float[Array, ""] = number(default=21.0)
    regime: Int[Array, ""] | None = eqx.field(converter=lambda x: None if x is None else _labels(x), default=None)
    centre: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=())
    start: dict[str, Float[Array, ""]] = eqx.field(converter=_levels, default_factory=dict)
    step: Float[Array, ""] = number(default=TRADING_DAY)

    def __check_init__(self):
        points = self.history.times.shape
        require(
            self.labels.shape == points, f"labels must be {points}, one a point, were {self.labels.shape}", DataError
        )
        matrix, count = self.transition, len(self.transition)
        require(matrix.shape == (count, count), f"transition must be {count} x {count}, was {matrix.shape}")
        sums = concrete(matrix, lambda p: (p >= 0).all() and np.abs(p.sum(axis=1) - 1.0).max() < 1e-5)
        require(sums, f"transition must have chances in rows that sum to 1, was {matrix}")
        days = concrete(self.labels, lambda x: set(x[:-1].tolist()) == set(range(count)) and x[-1] in range(count))
        require(days, f"labels must be 0 to {count - 1}, each the label of a day or more", DataError)
        first = -1 if self.regime is None else self.regime
        require(concrete(first, lambda n: (n >= -1) & (n < count)), f"regime must be -1 to {count - 1}, was {first}")
        require(concrete(self.block, lambda b: b >= 1), f"block must be 1 day or more on average, was {self.block}")
        require_positive(self.history, self.history.quotes, "a bootstrap of log changes")
        for name in (*self.centre, *self.start):
            known = name in self.history.quotes
            require(known, f"the history has no quote {name!r}: {nearest(name, self.history.quotes)}", UnknownQuote)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        require_step(grid, self.step)
        return grid.steps, 3  # a fresh day, whether one is needed, and the regime that comes

    @property
    def martingale(self) -> bool:
        return bool(self.centre) and concrete(self.block, lambda b: b == 1)

    def tradables(self) -> dict[str, bool]:
        return dict.fromkeys(self.centre, True)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        require_step(grid, self.step)
        regimes = self._regimes(shocks)
        label = self.labels[:-1]
        days, order = label.shape[0], jnp.argsort(label, stable=True)
        counts = jnp.sum(label == jnp.arange(len(self.transition))[:, None], axis=1)
        before = jnp.cumsum(counts) - counts
        size = counts[regimes[:-1]]
        place = jnp.minimum((ndtr(shocks[:, 0]) * size).astype(int), size - 1)
        fresh, broken = order[before[regimes[:-1]] + place], ndtr(shocks[:, 1]) * self.block < 1.0

        def follow(day: Array, now: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            after = (day + 1) % days
            day = jnp.where(now[1] | (label[after] != now[2]), now[0], after)
            return day, day

        _, chosen = lax.scan(follow, fresh[0], (fresh, broken.at[0].set(True), regimes[:-1]))
        quotes = {name: self._quote(name, chosen, counts) for name in self.history.quotes}
        return MarketPath(grid.times, quotes | {"regime": regimes.astype(grid.times.dtype)}, jnp.ones_like(grid.times))

    def _regimes(self, shocks: Float[Array, "step factor"]) -> Int[Array, " points"]:
        """The chain; a larger normal leads to a regime of a larger number."""
        asked = self.labels[-1] if self.regime is None else self.regime
        # The first step needs no chance of a break: its day is fresh, and the normal may draw the regime.
        drawn = jnp.sort(self.labels[:-1])[pick(shocks[0, 1], self.labels.shape[0] - 1)]
        first = jnp.where(asked < 0, drawn, asked)
        # Compared from above, so that float32 knows rare wild regimes.
        above = jnp.flip(jnp.cumsum(jnp.flip(self.transition, -1), -1), -1)[:, 1:]

        def advance(state: Array, chance: Array) -> tuple[Array, Array]:
            after = jnp.sum(chance < above[state]).astype(state.dtype)
            return after, after

        _, later = lax.scan(advance, first, ndtr(-shocks[:, 2]))
        return jnp.concatenate([first[None], later])

    def _quote(self, name: str, chosen: Array, counts: Array) -> Float[Array, " points"]:
        row, label = self.history.quotes[name], self.labels[:-1]
        changes = jnp.log(row[1:] / row[:-1])
        if name in self.centre:
            growth = jnp.zeros(len(counts), changes.dtype).at[label].add(jnp.exp(changes)) / counts
            changes = changes - jnp.log(growth)[label]
        moves = accumulated(changes[chosen])
        return self.start.get(name, row[-1]) * jnp.exp(moves)
