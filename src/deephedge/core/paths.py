"""One realisation of a market on a grid."""

from collections.abc import Iterable, Mapping

import equinox as eqx
import jax
from jaxtyping import Array, Float

from deephedge.core.errors import UnknownQuote, nearest


class MarketPath(eqx.Module):
    """Times, named quotes and the numeraire of one realisation; a batch is the same class with leading axes.

    ``times`` in years, ``quotes`` in the units of each name (``"SPX"`` in cash, ``"SPX.vol"`` per square root of a
    year, ``"rate"`` per year), ``numeraire`` in cash per unit of account: wealth is cash divided by it. ``weight`` is
    how much the path counts beside others, where not all count the same: its likelihood under the law meant over that
    under the law it was drawn from (mean 1). It has no points: it is known when the path has ended, and no feature
    sees it.
    """

    times: Float[Array, "*batch points"]
    quotes: dict[str, Float[Array, "*batch points"]]
    numeraire: Float[Array, "*batch points"]
    weight: Float[Array, "*batch"] | None = None

    def quote(self, name: str) -> Float[Array, "*batch points"]:
        """The quote called ``name``; raises ``UnknownQuote`` with the nearest known name."""
        if name not in self.quotes:
            raise UnknownQuote(f"the path has no quote {name!r}: {nearest(name, self.quotes)}")
        return self.quotes[name]

    def until(self, point: int) -> "MarketPath":
        """The path up to and including ``point`` (time on the last axis): all that live code would have."""
        seen = jax.tree.map(lambda x: x[..., : point + 1], (self.times, self.quotes, self.numeraire))
        return MarketPath(*seen)

    def with_quotes(self, quotes: dict[str, Float[Array, "*batch points"]]) -> "MarketPath":
        """The same path with more quotes, or with others in place of its own."""
        return MarketPath(self.times, self.quotes | quotes, self.numeraire, self.weight)


def bases(rebase: Mapping[str, str] | Iterable[str | tuple[str, str]]) -> dict[str, str]:
    """Quotes and the one whose first value each is divided by: itself, where only names are given.

    >>> bases(["CL"]), bases({"CL": "CL", "CL2": "CL"})
    ({'CL': 'CL'}, {'CL': 'CL', 'CL2': 'CL'})
    """
    if isinstance(rebase, Mapping):
        return dict(rebase)  # pyright: ignore[reportReturnType]
    # Pairs as well: what a module keeps is given to it again where its fields are replaced, and by files.
    pairs = ((entry, entry) if isinstance(entry, str) else entry for entry in rebase)
    return {name: base for name, base in pairs}
