"""A baseline for whole books: the hedge that leaves least of every bucket of risk."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from deephedge.core import linear
from deephedge.core.errors import ProblemError, require
from deephedge.core.types import concrete, number, optional
from deephedge.policies.base import AbstractPolicy, Observation, read


class BucketHedge(AbstractPolicy):
    r"""Least squares over buckets: :math:`\min_n \sum_b w_b^2(e_b+\sum_i n_iE_{ib})^2+\epsilon\,\bar s^2|n|^2`.

    The feature ``buckets`` (`features.Buckets`) is the table of exposures, the liability's :math:`e` first and then one
    row :math:`E_i` for each instrument; ``weights`` make buckets comparable (the size of a day's move of each quote; 1
    if not given). A row of weights for each *direction* :math:`d` in which the buckets move together, such as a root of
    the covariance of their moves, gives the hedge of least variance: :math:`\sum_d(\sum_b w_{db}(e_b+\sum_i
    n_iE_{ib}))^2`. Training learns either. ``ridge`` :math:`\epsilon`, relative to the mean square :math:`\bar s^2` of
    the instruments' weighted exposures, keeps positions finite where instruments are alike or dead. With as many
    instruments as buckets and no ridge every bucket is neutral: delta, delta-vega and delta-gamma hedges are special
    cases.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> table = jnp.array([[-0.5, -0.3], [1.0, 0.0], [0.4, 0.6]])
    >>> policy = dh.policies.BucketHedge(ridge=0.0)
    >>> [round(x, 4) for x in policy(policy.encode({"buckets": table}), jnp.zeros(2), None)[0].tolist()]
    [0.3, 0.5]
    >>> together = dh.policies.BucketHedge([[1.0, 0.5], [0.0, 0.5]], ridge=0.0)  # two directions: neutral in both
    >>> [round(x, 4) for x in together.encode({"buckets": table}).tolist()]
    [0.3, 0.5]
    """

    weights: Float[Array, "*direction bucket"] | None = eqx.field(converter=optional, default=None)
    ridge: Float[Array, ""] = number(default=1e-6)
    buckets: str = eqx.field(static=True, default="buckets")

    def __check_init__(self):
        require(concrete(self.ridge, lambda x: (x >= 0) & np.isfinite(x)), f"ridge must be 0 or more, was {self.ridge}")

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> Float[Array, " instrument"]:
        (table,) = read(observation, self.buckets)
        weights = jnp.ones(table.shape[-1]) if self.weights is None else self.weights
        fits = weights.ndim in (1, 2) and weights.shape[-1] == table.shape[-1]
        told = f"weights must be one for each of {table.shape[-1]} buckets, or a row of them for each direction"
        require(fits, f"{told}, had shape {weights.shape}", ProblemError)
        table = table * weights if weights.ndim == 1 else table @ weights.T
        owed, hedge = table[0], table[1:]
        scale = jnp.sqrt(jnp.maximum(jnp.mean(hedge**2), 1e-30))
        hedge, owed = hedge / scale, owed / scale
        # As a solve of the smaller of the two systems: stacked with the ridge it has full rank in either.
        square = hedge @ hedge.T + (jnp.abs(self.ridge) + 1e-9) * jnp.eye(len(hedge))  # training may step over 0
        return -linear.solve(square, hedge @ owed)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        alike = encoded.shape == position.shape
        require(alike, f"the table has {encoded.size} instruments, the problem {position.size}", ProblemError)
        return encoded, state
