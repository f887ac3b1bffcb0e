"""Labels of regimes, day by day, and how they follow each other: what a regime bootstrap is made of."""

import numpy as np
from jaxtyping import Float, Int

from deephedge.core.errors import DataError, require
from deephedge.markets.history import Numbers

FEWEST = 100  # returns, below which two volatilities are noise


def label_by_quantile(vol: Numbers, chances: tuple[float, ...] = (1 / 3, 2 / 3)) -> Int[np.ndarray, " points"]:
    """The number of quantiles of its history that each day's volatility reaches: 0 the calmest, terciles by default.

    The quantiles are those of the whole history, so the labels are for simulation: a feature may not read them.

    >>> label_by_quantile([0.1, 0.4, 0.2, 0.3], chances=(0.5,)).tolist()
    [0, 1, 0, 1]
    """
    row = np.asarray(vol, float)
    require(row.ndim == 1 and bool(np.isfinite(row).all()), f"vol must be a row of numbers, was {row.shape}", DataError)
    inside = len(chances) > 0 and all(0 < c < 1 for c in chances) and list(chances) == sorted(set(chances))
    require(inside, f"chances must increase between 0 and 1, were {chances}")
    return np.searchsorted(np.quantile(row, chances), row, side="right")


def transition_matrix(labels: Int[np.ndarray, " points"]) -> Float[np.ndarray, "state state"]:
    """How often, of the days with one label, the next has another: the likeliest transition matrix.

    >>> transition_matrix(np.array([0, 0, 1, 0])).tolist()
    [[0.5, 0.5], [1.0, 0.0]]
    """
    row = np.asarray(labels, int)
    require(
        row.ndim == 1 and row.size > 1 and bool(row.min() >= 0), "labels must be a row of numbers from 0", DataError
    )
    counts = np.zeros((row.max() + 1,) * 2)
    np.add.at(counts, (row[:-1], row[1:]), 1.0)
    left = counts.sum(axis=1, keepdims=True)
    require(
        bool((left > 0).all()), "labels must each be left once, so that something is known of what follows", DataError
    )
    return counts / left


def label_by_chain(
    returns: Numbers, *, rounds: int = 200
) -> tuple[Int[np.ndarray, " points"], Float[np.ndarray, "state state"]]:
    r"""Calm (0) or wild (1), day by day, and the transition matrix, of a chain of two volatilities (Hamilton 1989):

    .. math:: r_t = \mu+\sigma_{X_t}\,e_t, \qquad P(X_{t+1}=j\mid X_t=i)=P_{ij},

    fitted by expectation and maximisation (Baum and Welch), ``rounds`` times. A day is wild if that is likelier than
    not, given all returns: labels for simulation, that a feature may not read.

    >>> rng = np.random.default_rng(0)
    >>> label_by_chain(np.r_[0.01 * rng.standard_normal(200), 0.05 * rng.standard_normal(50)])[0][[10, 230]].tolist()
    [0, 1]
    """
    row = np.asarray(returns, float)
    fits = row.ndim == 1 and row.size >= FEWEST and bool(np.isfinite(row).all())
    require(fits, f"returns must be {FEWEST} finite numbers or more, had shape {row.shape}", DataError)
    squares = (row - row.mean()) ** 2
    scale, matrix = squares.mean() * np.array([0.5, 2.0]), np.array([[0.97, 0.03], [0.06, 0.94]])
    weight = np.empty((len(row), 2))
    for _ in range(rounds):
        weight, matrix = _smoothed(np.exp(-0.5 * squares[:, None] / scale) / np.sqrt(scale) + 1e-300, matrix)
        scale = weight.T @ squares / weight.sum(axis=0)
    order = np.argsort(scale)
    return (weight[:, order[1]] > 0.5).astype(int), matrix[np.ix_(order, order)]


def _smoothed(density: np.ndarray, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Chances of each state on each day given all days, and the matrix of the expected transitions."""
    days, first = len(density), np.linalg.matrix_power(matrix, 4096)[0]
    ahead, back = np.empty_like(density), np.ones_like(density)
    for day in range(days):
        ahead[day] = (first if day == 0 else ahead[day - 1] @ matrix) * density[day]
        ahead[day] /= ahead[day].sum()
    for day in range(days - 2, -1, -1):
        back[day] = matrix @ (density[day + 1] * back[day + 1])
        back[day] /= back[day].sum()
    weight = ahead * back
    pairs = ahead[:-1, :, None] * matrix * (density[1:] * back[1:])[:, None, :]
    counts = (pairs / pairs.sum(axis=(1, 2), keepdims=True)).sum(axis=0)
    return weight / weight.sum(axis=1, keepdims=True), counts / counts.sum(axis=1, keepdims=True)
