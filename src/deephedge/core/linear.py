"""Small symmetric systems, one a path, without LAPACK.

On CPUs a batch of LAPACK calls is handed to the threads that run the program. Where every thread runs one, as where
each core is a device, all wait for helpers that never come, and the program stands still. These are plain array
operations over all paths at once: they cannot wait, and for a dozen unknowns they are faster.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from deephedge.core.errors import ProblemError, require

SWEEPS = 9  # over all pairs: convergence is quadratic, and 64 unknowns in double precision end at rounding
MOST = 64  # unknowns of a solution: its loops are unrolled when they are compiled


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


def spectrum(matrix: Float[Array | np.ndarray, "n n"]) -> tuple[Float[Array, " n"], Float[Array, "n n"]]:
    """Eigenvalues, the least first, and eigenvectors (columns) of a symmetric matrix. Not for derivatives.

    Jacobi's rotations, half as many at once as there are unknowns: no two of them touch the same one.
    Source: Golub and Van Loan, *Matrix Computations*, section 8.5 (the orders of a round robin).

    >>> values, axes = spectrum(jnp.array([[2.0, 1.0], [1.0, 2.0]]))
    >>> values.round(4).tolist(), (2.0 * axes**2).round(4).tolist()
    ([1.0, 3.0], [[1.0, 1.0], [1.0, 1.0]])
    """
    matrix = jnp.asarray(matrix)
    count = len(matrix)
    if count == 1:
        return matrix[0], jnp.ones_like(matrix)
    partners = jnp.asarray(_round_robin(count))
    who = jnp.arange(count)

    def turn(n: Int[Array, ""], so_far: tuple[Array, Array]) -> tuple[Array, Array]:
        rest, axes = so_far
        partner = partners[n % len(partners)]
        # Both of a pair read the same of the two elements across, which differ by rounding: they turn by one angle.
        across, values = rest[jnp.minimum(who, partner), jnp.maximum(who, partner)], jnp.diagonal(rest)
        apart = values[partner] - values
        # Of the angles that leave nothing across the smaller: tangent 2 a / (d + sign(d) sqrt(d^2 + 4 a^2)).
        first = (apart > 0) | ((apart == 0) & (who < partner))  # the other one of the two turns the other way
        whole = jnp.abs(apart) + jnp.sqrt(apart**2 + 4.0 * across**2)
        tangent = jnp.where(first, 2.0, -2.0) * across / jnp.where(whole > 0, whole, 1.0)
        tangent = jnp.where(partner == who, 0.0, tangent)
        cosine = 1.0 / jnp.sqrt(1.0 + tangent**2)

        def turned(columns: Array) -> Array:
            return cosine * (columns - tangent * columns[:, partner])

        return turned(turned(rest).T), turned(axes)

    most = jnp.max(jnp.abs(matrix))
    scale = jnp.where(most > 0, most, 1.0)  # squares of small numbers would be 0
    start = matrix / scale, jnp.eye(count, dtype=matrix.dtype)
    rest, axes = jax.lax.fori_loop(0, SWEEPS * len(partners), turn, start)
    values = scale * jnp.diagonal(rest)
    order = jnp.argsort(values)
    return values[order], axes[:, order]


def _round_robin(players: int) -> np.ndarray:
    """In each round every player's partner, after all of them everyone has met: [round, player]. Odd, one sits out."""
    order = list(range(players + players % 2))
    half, rounds = len(order) // 2, []
    for _ in order[1:]:
        partner = np.empty(len(order), int)
        partner[order[:half]], partner[order[: half - 1 : -1]] = order[: half - 1 : -1], order[:half]
        rounds.append(np.where(partner < players, partner, np.arange(len(order)))[:players])
        order = [order[0], order[-1], *order[1:-1]]
    return np.array(rounds)


def _eliminated(matrix: Float[Array, "n n"], right: Float[Array, " n"]) -> Float[Array, " n"]:
    table = jnp.concatenate([matrix, right[:, None]], axis=1)
    for k in range(len(right)):
        row = table[k] / table[k, k]
        table = (table - table[:, k, None] * row).at[k].set(row)
    return table[:, -1]


def _small(unknowns: int) -> None:
    require(unknowns <= MOST, f"at most {MOST} unknowns are solved for on each path, were {unknowns}", ProblemError)
