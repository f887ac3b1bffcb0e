"""From the correlations that are asked for to those of all factors, each market's own factors left independent."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np

from deephedge.core.errors import nearest, require

FLOOR = 1e-9  # least eigenvalue that is let stand
ROUNDS = 2000  # of alternating projections
SLACK = 1e-5  # a change of a correlation that is nobody's concern

Rows = Sequence[Mapping[str, np.ndarray]]
Asked = Mapping[tuple[str, str], float]
Project = Callable[[np.ndarray], np.ndarray]


class RepairWarning(UserWarning):
    """Correlations that were asked for do not exist together and were changed."""


def correlate(drivers: Rows, factors: Sequence[int], asked: Asked, repair: bool) -> tuple[np.ndarray, float]:
    """A lower triangular factor of the correlations, and the largest change of one that was asked for.

    ``drivers`` are each market's named rows over its own ``factors``. Of the matrices that have the asked correlations
    and identities as diagonal blocks it is the one with the least sum of squares; where that is not positive definite,
    the nearest one that is; where there is none, the nearest that keeps the identities alone (Higham's alternating
    projections with Dykstra's correction, 2002).

    Raises ``ParameterError`` for names that are no drivers, two of one market, values beyond 1 and, unless ``repair``,
    correlations that do not exist together.
    """
    ends = np.cumsum([0, *factors])
    places = [slice(a, b) for a, b in pairwise(ends.tolist())]
    fits = _blocks(drivers, asked)

    def apart(matrix: np.ndarray) -> np.ndarray:
        matrix = matrix.copy()
        for place in places:
            matrix[place, place] = np.eye(place.stop - place.start)
        return matrix

    def as_asked(matrix: np.ndarray) -> np.ndarray:
        matrix = apart(matrix)
        for (i, j), fit in fits.items():
            rows, columns = places[i], places[j]
            matrix[rows, columns] = fit(matrix[rows, columns])
            matrix[columns, rows] = matrix[rows, columns].T
        return matrix

    matrix = _nearest(as_asked(np.eye(ends[-1])), as_asked)
    if np.linalg.eigvalsh(matrix)[0] < -0.1 * SLACK:
        matrix = _nearest(as_asked(np.eye(ends[-1])), apart)
    matrix = _definite(matrix)
    change = _change(drivers, places, asked, matrix)
    if change > SLACK:
        says = f"the correlations asked for do not exist together: the nearest that do differ by up to {change:.3g}"
        require(repair, f"{says}; lower them, or let repair=True take those")
        warnings.warn(says, RepairWarning, stacklevel=3)
    return np.linalg.cholesky(matrix), change


def _find(name: str, drivers: Rows) -> int:
    for n, rows in enumerate(drivers):
        if name in rows:
            return n
    known = [name for rows in drivers for name in rows]
    require(False, f"correlation: no market has the driver {name!r}: {nearest(name, known)}")
    return -1


def _blocks(drivers: Rows, asked: Asked) -> dict[tuple[int, int], Project]:
    """For each pair of markets with asked correlations: the nearest block that has them."""
    rows: dict[tuple[int, int], list[tuple[np.ndarray, float]]] = {}
    for (first, second), value in asked.items():
        require(
            bool(abs(value) <= 1), f"correlation of {first!r} and {second!r} must lie between -1 and 1, was {value}"
        )
        pair = _find(first, drivers), _find(second, drivers)
        require(pair[0] != pair[1], f"correlation of {first!r} and {second!r} is their own market's to say")
        if pair[0] > pair[1]:
            first, second, pair = second, first, pair[::-1]
        load = np.kron(drivers[pair[0]][first], drivers[pair[1]][second])
        rows.setdefault(pair, []).append((load, value))
    return {pair: _fit(*zip(*lines, strict=True)) for pair, lines in rows.items()}


def _fit(loads: Sequence[np.ndarray], values: Sequence[float]) -> Project:
    matrix, target = np.array(loads), np.array(values)
    inverse = np.linalg.pinv(matrix, rcond=1e-6)
    return lambda block: block + (inverse @ (target - matrix @ block.ravel())).reshape(block.shape)


def _nearest(start: np.ndarray, project: Project) -> np.ndarray:
    """The nearest matrix to ``start`` that ``project`` leaves alone and whose eigenvalues are not negative."""
    matrix, correction = start, np.zeros_like(start)
    for _ in range(ROUNDS):
        if np.linalg.eigvalsh(matrix)[0] >= FLOOR:
            break
        values, vectors = np.linalg.eigh(matrix - correction)
        raised = (vectors * np.maximum(values, 2.0 * FLOOR)) @ vectors.T
        correction = raised - (matrix - correction)
        after = project(raised)
        still, matrix = np.abs(after - matrix).max() < 1e-12, after
        if still:
            break
    return matrix


def _definite(matrix: np.ndarray) -> np.ndarray:
    """What the projections leave of a negative eigenvalue, removed by a little independence."""
    least = np.linalg.eigvalsh(matrix)[0]
    share = 0.0 if least >= FLOOR else (FLOOR - least) / (1.0 - least)
    return (1.0 - share) * matrix + share * np.eye(len(matrix))


def _change(drivers: Rows, places: list[slice], asked: Asked, matrix: np.ndarray) -> float:
    changes = [0.0]
    for (first, second), value in asked.items():
        i, j = _find(first, drivers), _find(second, drivers)
        got = drivers[i][first] @ matrix[places[i], places[j]] @ drivers[j][second]
        changes.append(abs(float(got) - value))
    return max(changes)
