"""Estimation of a copula and of margins with Pareto tails: NumPy arrays in, a law of residuals out."""

from typing import NamedTuple

import numpy as np
from scipy import optimize, stats

from deephedge.core.errors import DataError, require
from deephedge.markets.copula import CopulaResiduals, margin_chances
from deephedge.markets.history import Numbers

FEWEST = 250  # days, below which such a fit is noise
LEAST, MOST = 2.05, 200.0  # degrees of freedom: from almost no variance to almost Gaussian
FLOOR = 1e-4  # least eigenvalue of the correlation
WORST = 50.0  # deviations, beyond which no quantile goes
Rows = np.ndarray


class FittedCopula(NamedTuple):
    """The law, the standard error of its degrees of freedom (0 for a Gaussian), and the Pareto shapes of the tails.

    ``shapes`` has a row for each series, (lower, upper): above 0 a power tail, 0 an exponential one; 0 with empirical
    margins.
    """

    residuals: CopulaResiduals
    error: float
    shapes: Rows


def fit_copula(rows: Numbers, *, family: str = "student", margins: str = "pareto", tail: float = 0.05) -> FittedCopula:
    r"""Fit `CopulaResiduals` to ``rows`` of residuals, a day each, a column a series.

    The correlation inverts Kendall's tau, :math:`R_{ij}=\sin(\tfrac\pi2\tau_{ij})` (made positive definite if it is
    not); the degrees of freedom maximise the likelihood of the Student copula at the ranks over ``n + 1``, given
    :math:`R`. ``margins``: ``"empirical"``, the quantiles of the data; or ``"pareto"``, the same between the ``tail``
    quantiles, and beyond them the generalised Pareto law fitted to the excesses by likelihood,

    .. math:: F^{-1}(1-p) = u+\frac\beta\xi\left(\left(\frac p{\mathrm{tail}}\right)^{-\xi}-1\right).

    Raises ``DataError`` for rows that are too few or not finite.
    Source: Demarta and McNeil (2005) for the copula; McNeil and Frey (2000) for the margins.

    >>> import numpy as np
    >>> fit = fit_copula(np.random.default_rng(0).standard_normal((300, 2)), family="gaussian")
    >>> fit.residuals.width, fit.shapes.shape
    (2, (2, 2))
    """
    for name, value, known in (
        ("family", family, ("student", "gaussian")),
        ("margins", margins, ("pareto", "empirical")),
    ):
        require(value in known, f"{name} must be one of {known}, was {value!r}")
    require(0 < tail <= 0.25, f"tail must be a chance above 0 and at most 0.25, was {tail}")
    data = np.asarray(rows, float)
    fits = data.ndim == 2 and data.shape[0] >= FEWEST and data.shape[1] > 1 and bool(np.isfinite(data).all())
    require(fits, f"rows must be {FEWEST} finite days or more of two series or more, had {data.shape}", DataError)
    correlation = _definite(np.sin(0.5 * np.pi * _tau(data)))
    ranks = stats.rankdata(data, axis=0) / (len(data) + 1.0)
    freedom, error = _freedom(ranks, correlation) if family == "student" else (None, 0.0)
    columns, shapes = zip(*(_margin(column, tail if margins == "pareto" else 0.0) for column in data.T), strict=True)
    return FittedCopula(CopulaResiduals(np.stack(columns, axis=1), correlation, freedom), error, np.array(shapes))


def student_density(ranks: Rows, correlation: Rows, freedom: float) -> Rows:
    """Log density of the Student copula at each row of ranks in (0, 1)."""
    x = stats.t(freedom).ppf(ranks)
    joint = stats.multivariate_t(shape=correlation, df=freedom).logpdf(x)
    return joint - stats.t.logpdf(x, freedom).sum(axis=1)


def _tau(data: Rows) -> Rows:
    count = data.shape[1]
    matrix = np.eye(count)
    for i, j in zip(*np.triu_indices(count, 1), strict=True):
        matrix[i, j] = matrix[j, i] = stats.kendalltau(data[:, i], data[:, j])[0]
    return matrix


def _definite(matrix: Rows) -> Rows:
    """The matrix, or one near it whose eigenvalues are not below the floor."""
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= FLOOR:
        return matrix
    raised = (vectors * np.maximum(values, FLOOR)) @ vectors.T
    scale = np.sqrt(np.diag(raised))
    return raised / np.outer(scale, scale)


def _freedom(ranks: Rows, correlation: Rows) -> tuple[float, float]:
    """Degrees of freedom and their standard error, from the curvature of the profile likelihood of their logarithm."""

    def loss(log: float) -> float:
        return -float(student_density(ranks, correlation, np.exp(log)).sum())

    best = optimize.minimize_scalar(loss, bounds=np.log([LEAST, MOST]), method="bounded", options={"xatol": 1e-4})
    step = 0.05
    bend = (loss(best.x + step) - 2.0 * best.fun + loss(best.x - step)) / step**2
    return float(np.exp(best.x)), float(np.exp(best.x) / np.sqrt(max(bend, 1e-12)))


def _margin(data: Rows, tail: float) -> tuple[Rows, tuple[float, float]]:
    """Quantiles of a series at the chances that a margin wants, and the shapes of its tails."""
    chances = margin_chances()
    quantiles, shapes = np.quantile(data, chances), [0.0, 0.0]
    if tail > 0:
        for side, sign in enumerate((-1.0, 1.0)):
            edge = np.quantile(sign * data, 1.0 - tail)
            excess = sign * data[sign * data > edge] - edge
            shape, _, scale = stats.genpareto.fit(excess, floc=0.0)
            # Both ends of the table are symmetric, so the far chance is read where it is small and exact.
            beyond = chances[::-1] if sign > 0 else chances
            part = beyond < tail
            quantiles[part] = sign * (edge + stats.genpareto.isf(beyond[part] / tail, shape, scale=scale))
            shapes[side] = float(shape)
    far = WORST * data.std()
    return np.maximum.accumulate(np.clip(quantiles, -far, far)), (shapes[0], shapes[1])
