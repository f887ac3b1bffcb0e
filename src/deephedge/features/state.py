"""What a contract remembers of the path so far, as a feature."""

import equinox as eqx
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, nearest
from deephedge.core.paths import MarketPath
from deephedge.features.base import AbstractFeature
from deephedge.instruments.base import AbstractContract


class State(AbstractFeature):
    """One of the numbers of ``contract.state``: a running maximum, an average so far, whether a barrier was touched.

    ``of`` names it; the feature has that name unless given another. Raises ``ProblemError`` for a name that the
    contract does not keep.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 0.8]), "A.vol": jnp.full(2, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), quotes, jnp.ones(2))
    >>> swap = dh.instruments.QuotedVarianceSwap("A", expiry=1.0)
    >>> [round(x, 4) for x in State(swap, "realised_variance")(path).tolist()]
    [0.0, 0.0498]
    """

    contract: AbstractContract
    of: str = eqx.field(static=True)
    name: str = eqx.field(static=True)

    def __init__(self, contract: AbstractContract, of: str, name: str | None = None):
        self.contract, self.of, self.name = contract, of, name or of

    def __call__(self, path: MarketPath) -> Float[Array, "points *feature"]:
        known = self.contract.state(path)
        if self.of not in known:
            kind = type(self.contract).__name__
            raise ProblemError(f"{kind} keeps no {self.of!r}: {nearest(self.of, known)}")
        return known[self.of]
