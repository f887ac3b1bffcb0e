"""Money accounts along a path: what a joint market puts prices under."""

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath

SHORT = ".short"  # how the quote of a short rate ends


class Account(NamedTuple):
    """One currency's money account, and the rate per year that it accrues at where it has one."""

    grid: TimeGrid
    value: Float[Array, " points"]
    rate: Float[Array, " points"] | None = None

    @classmethod
    def of(cls, grid: TimeGrid, path: MarketPath) -> "Account":
        return cls(grid, path.numeraire, rate_of(path))

    @classmethod
    def abroad(cls, grid: TimeGrid, pair: str, bank: MarketPath, members: list[MarketPath]) -> "Account":
        """Foreign cash: at a foreign market's short rate, or else at the rate that the pair's market gives it."""
        short = [quote for path in members for name, quote in path.quotes.items() if name.endswith(SHORT)]
        require(len(short) < 2, f"currency: there are two short rates at the pair {pair!r}; leave one out")
        rate = short[0] if short else bank.quotes.get(f"{pair}.dividend")
        return cls(grid, jnp.ones_like(grid.times) if rate is None else accrued(grid, rate), rate)

    def under(self, tradables: dict[str, bool], path: MarketPath) -> dict[str, Float[Array, " points"]]:
        """A market's quotes, its prices moved from its own money account to this one."""
        quotes = dict(path.quotes)
        for name, funded in tradables.items():
            if name not in quotes:
                continue
            if funded:
                quotes[name] = quotes[name] * (self.value / path.numeraire)
                continue
            quotes.pop(f"{name}.dividend", None)
            if self.rate is not None:
                # What accrues to its holder step by step pays for the money account, but for the quadrature.
                quotes[name] = quotes[name] * (self.value / accrued(self.grid, self.rate))
                quotes[f"{name}.dividend"] = self.rate
        return quotes

    def pair(self, name: str, quotes: dict[str, Array]) -> dict[str, Array]:
        """The pair with this account's rate in place of the foreign rate that its market was given."""
        if self.rate is None:
            return {}
        given = quotes.get(f"{name}.dividend", jnp.zeros_like(self.rate))
        return {name: quotes[name] * accrued(self.grid, given - self.rate), f"{name}.dividend": self.rate}


def accrued(grid: TimeGrid, rate: Float[Array, " points"]) -> Float[Array, " points"]:
    """What one unit of cash becomes at the rate of each step's start.

    >>> accrued(TimeGrid.uniform(2.0, 2), jnp.log(jnp.array([2.0, 4.0, 9.0]))).round(4).tolist()
    [1.0, 2.0, 8.0]
    """
    steps = rate[:-1] * grid.dt
    return jnp.exp(accumulated(steps))


def rate_of(path: MarketPath) -> Float[Array, " points"] | None:
    """The quoted rate of a path's money account, or else its short rate."""
    short = [quote for name, quote in path.quotes.items() if name.endswith(SHORT)]
    return path.quotes.get("rate", short[0] if short else None)
