"""Several markets, one of which makes the path: nobody knows the law, only how likely each one is."""

from collections.abc import Mapping, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, Int

from deephedge.core.errors import UnknownQuote, nearest, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.markets.base import AbstractMarket

SUMS_TO_ONE = 1e-5  # of shares in float32

Rows = dict[str, Float[Array, " factor"]]


class Mixture(AbstractMarket):
    r"""Each path comes whole from one of ``markets``, drawn with the probabilities ``share``:

    .. math:: E[f] = \sum_i p_i\,E_i[f].

    Which one stays the same along the path, and no quote tells it but for what the markets themselves quote (a
    ``"<name>.vol"`` of 0.2 here and 0.4 there does). All of them make the same quotes in the same units. Where each is
    a martingale so is the mixture, given the past: what is seen moves the odds, and under every one of them the next
    gain is 0 on average.

    One more factor than the hungriest member takes, the last, picks: its normal in row 0, put in order of the
    markets. The members share the other normals. Exact where they are; it costs the sum of them. Weights of paths are
    kept. A driver is named where it is the same row in all members, a tradable where it is one in all.

    Raises ``ParameterError`` for shares that are not probabilities or not one for each market, and ``UnknownQuote``,
    when a path is made, for a quote that some markets lack.

    Source: Brigo and Mercurio (2002) for mixtures of lognormal laws, there as a local volatility.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> calm, wild = (dh.markets.BlackScholes("SPX", vol=vol) for vol in (0.15, 0.4))
    >>> market = dh.markets.Mixture((calm, wild), share=(0.75, 0.25))
    >>> [int(market.member(jnp.array([[0.0, z]]))) for z in (0.6, 0.7)]  # 75 % of normals are below 0.6745
    [0, 1]
    """

    markets: tuple[AbstractMarket, ...] = eqx.field(converter=tuple)
    share: Float[Array, " member"] = eqx.field(converter=as_float)

    def __check_init__(self):
        count = len(self.markets)
        require(count > 0, "markets must be one or more, were none")
        require(self.share.shape == (count,), f"share needs one probability for each of the {count} markets, "
                f"was of shape {self.share.shape}")  # fmt: skip
        possible = concrete(self.share, lambda p: (p >= 0).all() and abs(p.sum() - 1.0) <= SUMS_TO_ONE)
        require(possible, f"share must be probabilities that sum to 1, was {self.share}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        shapes = [market.shocks(grid) for market in self.markets]
        return max(1, *(rows for rows, _ in shapes)), 1 + max(columns for _, columns in shapes)

    @property
    def martingale(self) -> bool:
        return all(market.martingale for market in self.markets)

    def drivers(self) -> Rows:
        return shared_drivers([market.drivers() for market in self.markets], extra=1)

    def tradables(self) -> dict[str, bool]:
        first, *others = [market.tradables() for market in self.markets]
        return {name: funded for name, funded in first.items() if all(o.get(name) is funded for o in others)}

    def member(self, shocks: Float[Array, "step factor"]) -> Int[Array, ""]:
        """The number (from 0) of the market that these normals pick."""
        # Compared from above, so that float32 knows the chance of a rare last market; of all, so that one without a
        # chance is never picked, however the sum of shares is rounded.
        above = jnp.flip(jnp.cumsum(jnp.flip(self.share)))
        return jnp.sum(ndtr(-shocks[0, -1]) * above[0] <= above[1:])

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        shapes = [market.shocks(grid) for market in self.markets]
        made = zip(self.markets, shapes, strict=True)
        paths = _alike([market.path(grid, shocks[:rows, :columns]) for market, (rows, columns) in made])
        picked = self.member(shocks)
        return jax.tree.map(lambda *leaves: jnp.stack(leaves)[picked], *paths)


def _alike(paths: Sequence[MarketPath]) -> list[MarketPath]:
    """The same paths with a weight on each if there is one on any; refuses quotes that not all of them have."""
    names = sorted({name for path in paths for name in path.quotes})
    for n, path in enumerate(paths):
        lacks = [name for name in names if name not in path.quotes]
        if lacks:
            hint = nearest(lacks[0], path.quotes)
            raise UnknownQuote(f"markets must make the same quotes: number {n} (from 0) lacks {lacks}, {hint}")
    if all(path.weight is None for path in paths):
        return list(paths)
    one = jnp.ones((), paths[0].numeraire.dtype)
    return [MarketPath(p.times, p.quotes, p.numeraire, one if p.weight is None else p.weight) for p in paths]


def shared_drivers(rows: Sequence[Mapping[str, Array]], extra: int) -> Rows:
    """Drivers that are the same row in all of ``rows``, over the longest of them and ``extra`` factors behind."""
    width = extra + max((len(row) for named in rows for row in named.values()), default=0)
    wide = [{name: jnp.pad(row, (0, width - len(row))) for name, row in named.items()} for named in rows]
    first, *others = wide
    return {
        name: row
        for name, row in first.items()
        if all(name in other and concrete(other[name] - row, lambda gap: np.abs(gap) < 1e-6) for other in others)
    }
