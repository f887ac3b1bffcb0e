"""Sensitivities of several contracts to joint moves of many quotes: a curve shifted, tilted, bent."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float
from deephedge.features.base import AbstractFeature
from deephedge.instruments.base import AbstractContract
from deephedge.instruments.book import marked
from deephedge.instruments.sensitivity import slopes


class Directions(AbstractFeature):
    r"""Exposures :math:`\sum_b w_{db}\,\partial V_j/\partial q_b` of contracts :math:`j` to directions :math:`d`.

    A table: ``contracts`` are the liability and then the hedging instruments, each a row; each row of ``weights`` says
    how much every one of ``quotes`` moves in a direction, a column: ones for a parallel shift, tents for key rates,
    loadings for principal components. `policies.BucketHedge` reads it as it reads `Buckets`, which is this with one
    direction a quote. `instruments.Nothing` stands for an instrument that is not to be used.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.zeros(1), {"A": jnp.ones(1), "B": jnp.full(1, 2.0)}, jnp.ones(1))
    >>> A, B = dh.instruments.Spot("A"), dh.instruments.Spot("B")
    >>> Directions((dh.instruments.Book((A, B), (3.0, 1.0)), B), ("A", "B"), [[1, 1], [1, -1]])(path).tolist()
    [[[4.0, 2.0], [1.0, -1.0]]]
    """

    contracts: tuple[AbstractContract, ...] = eqx.field(converter=tuple)
    quotes: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    weights: Float[Array, "direction quote"] = eqx.field(converter=as_float)
    name: str = eqx.field(static=True, default="buckets")

    def __check_init__(self):
        require(len(self.contracts) > 1, "directions compare a liability with one instrument or more", ProblemError)
        fits = self.weights.ndim == 2 and self.weights.shape[1] == len(self.quotes) > 0 and len(self.weights) > 0
        told = f"weights must be a row for each direction of {len(self.quotes)} numbers, one a quote"
        require(fits, f"{told}, had shape {self.weights.shape}", ProblemError)

    def __call__(self, path: MarketPath) -> Float[Array, "points contract direction"]:
        each = [slopes(marked(contract), path, self.quotes, self.weights) for contract in self.contracts]
        return jnp.stack(each, axis=1)
