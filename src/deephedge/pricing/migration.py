"""Ratings as a Markov chain in continuous time: transition probabilities from a generator, and one from a matrix."""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

_SQUARINGS = 8
_ORDER = 10


def transition(generator: ArrayLike, tau: ArrayLike) -> Float[Array, "... quote quote"]:
    r"""Probabilities to go from one rating (row) to another (column) in ``tau`` years, :math:`e^{\tau G}`.

    ``generator`` :math:`G` has the yearly rates of moving off its diagonal, and rows that sum to 0. With :math:`q` its
    largest rate of leaving, :math:`e^{\tau G/n} = e^{-q\tau/n}\sum_k (\tau/n)^k(G+qI)^k/k!` is a sum of positive
    terms (uniformisation), squared 8 times for :math:`n=256`: no probability is negative or has lost its digits, in
    float32 too, up to :math:`q\tau=100`. A row of ``tau`` gives a row of matrices.

    >>> [round(float(x), 4) for x in transition(jnp.array([[-0.1, 0.1], [0.0, 0.0]]), 1.0)[0]]
    [0.9048, 0.0952]
    """
    generator = jnp.asarray(generator)
    size = generator.shape[-1]
    step = jnp.asarray(tau, generator.dtype)[..., None, None] / 2**_SQUARINGS
    fastest = jnp.max(-jnp.diagonal(generator))
    rates = step * jnp.maximum(generator + fastest * jnp.eye(size, dtype=generator.dtype), 0.0)

    def term(n: Array, both: tuple[Array, Array]) -> tuple[Array, Array]:
        total, power = both
        power = power @ rates / (n + 1.0)
        return total + power, power

    unit = jnp.broadcast_to(jnp.eye(size, dtype=generator.dtype), rates.shape)
    total, _ = lax.fori_loop(0, _ORDER, term, (unit, unit))

    def square(_: Array, odds: Array) -> Array:
        odds = odds @ odds
        return odds / jnp.sum(odds, axis=-1, keepdims=True)

    return lax.fori_loop(0, _SQUARINGS, square, total / jnp.sum(total, axis=-1, keepdims=True))


def generator_of(matrix: ArrayLike) -> np.ndarray:
    r"""A generator whose year is close to a yearly transition ``matrix``, if ratings rarely move twice in a year.

    .. math:: G_{ii} = \log p_{ii}, \qquad G_{ij} = p_{ij}\frac{\log p_{ii}}{p_{ii}-1}.

    It reproduces the probability to keep a rating all year; Jarrow, Lando and Turnbull (1997). The last rating is
    default, and stays.

    >>> generator_of(np.array([[0.9, 0.1], [0.0, 1.0]])).round(4).tolist()
    [[-0.1054, 0.1054], [0.0, 0.0]]
    """
    matrix = np.asarray(matrix, float)
    kept = np.diagonal(matrix)
    left = np.where(kept < 1.0, kept, 0.5)
    scale = np.where(kept < 1.0, np.log(left) / (left - 1.0), 0.0)
    moves = (matrix - np.diag(kept)) * scale[:, None]
    return moves - np.diag(moves.sum(axis=1))
