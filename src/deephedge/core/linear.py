"""Small symmetric systems, one a path, without LAPACK.

On CPUs a batch of LAPACK calls is handed to the threads that run the program. Where every thread runs one, as where
each core is a device, all wait for helpers that never come, and the program stands still. These are plain array
operations over all paths at once: they cannot wait, and for a dozen unknowns they are faster.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require

MOST = 64  # unknowns: the loops are unrolled when they are compiled


def solve(matrix: Float[Array | np.ndarray, "n n"], right: Float[Array | np.ndarray, " n"]) -> Float[Array, " n"]:
    """``x`` with ``matrix @ x = right``, of a symmetric positive definite matrix; differentiable in both.

    Elimination without pivots, which such a matrix does not need; derivatives solve the same system again. Raises
    ``ProblemError`` for more than 64 unknowns.

    >>> solve(jnp.array([[4.0, 2.0], [2.0, 2.0]]), jnp.array([2.0, 3.0])).round(3).tolist()
    [-0.5, 2.0]
    """
    _small(len(right))
    matrix, right = jnp.asarray(matrix), jnp.asarray(right)
    return jax.lax.custom_linear_solve(lambda x: matrix @ x, right, lambda _, b: _eliminated(matrix, b), symmetric=True)


def cholesky(matrix: Float[Array | np.ndarray, "n n"]) -> Float[Array, "n n"]:
    """The lower triangle whose product with its transpose is ``matrix``, symmetric and positive definite.

    >>> cholesky(jnp.array([[4.0, 2.0], [2.0, 5.0]])).tolist()
    [[2.0, 0.0], [1.0, 2.0]]
    """
    _small(len(matrix))
    matrix = jnp.asarray(matrix)
    columns = []
    for k in range(len(matrix)):
        rest = matrix[:, k] - sum((column * column[k] for column in columns), jnp.zeros_like(matrix[:, k]))
        below = jnp.arange(len(matrix)) >= k
        columns.append(jnp.where(below, rest / jnp.sqrt(rest[k]), 0.0))
    return jnp.stack(columns, axis=1)


def _eliminated(matrix: Float[Array, "n n"], right: Float[Array, " n"]) -> Float[Array, " n"]:
    table = jnp.concatenate([matrix, right[:, None]], axis=1)
    for k in range(len(right)):
        row = table[k] / table[k, k]
        table = (table - table[:, k, None] * row).at[k].set(row)
    return table[:, -1]


def _small(unknowns: int) -> None:
    require(unknowns <= MOST, f"at most {MOST} unknowns are solved for on each path, were {unknowns}", ProblemError)
