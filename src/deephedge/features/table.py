"""Quotes of the path as a table of exposures: a row for the liability and one for each instrument."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.features.base import AbstractFeature

Entries = tuple[tuple[str | float, ...], ...]


def _entries(rows) -> Entries:
    return tuple(tuple(row) for row in rows)


class Table(AbstractFeature):
    """A table of quotes, for `policies.BucketHedge`: the liability's exposures first, then each instrument's.

    ``rows`` hold names of quotes, ``"-name"`` for the negative of one (of what was sold), or numbers: where
    sensitivities come with the quotes of a chain, an index has a delta of 1 and no vega.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.zeros(1), {"b.delta": jnp.array([0.5]), "b.vega": jnp.array([9.0])}, jnp.ones(1))
    >>> Table([["-b.delta", "-b.vega"], [1.0, 0.0]], "exposures")(path).tolist()
    [[[-0.5, -9.0], [1.0, 0.0]]]
    """

    rows: Entries = eqx.field(static=True, converter=_entries)
    name: str = eqx.field(static=True)

    def __check_init__(self):
        widths = {len(row) for row in self.rows}
        told = f"{self.name} needs rows of one length, the liability's and one or more of instruments, had {self.rows}"
        require(len(self.rows) > 1 and len(widths) == 1 and 0 not in widths, told)

    def __call__(self, path: MarketPath) -> Float[Array, "points row column"]:
        return jnp.stack([jnp.stack([self._entry(path, entry) for entry in row], -1) for row in self.rows], -2)

    @staticmethod
    def _entry(path: MarketPath, entry: str | float) -> Float[Array, " points"]:
        if not isinstance(entry, str):
            return jnp.full_like(path.times, entry)
        return -path.quote(entry[1:]) if entry.startswith("-") else path.quote(entry)
