"""Trends by penalised least squares, at each day from the days up to it: what a Kalman filter says."""

from math import comb

import numpy as np
from scipy import linalg


def one_sided(values: np.ndarray, smoothing: float, order: int) -> tuple[np.ndarray, np.ndarray]:
    r"""The last value of the two-sided smoother of each prefix, and its variance over that of the noise.

    The smoother of :math:`n` days minimises :math:`\sum(y_t-\tau_t)^2+\lambda\sum(\Delta^d\tau_t)^2` (``smoothing``
    :math:`\lambda`, ``order`` :math:`d`), so it solves :math:`(I+\lambda D^\top D)\tau=y`. Its last value is the
    filtered state of a Kalman filter started from knowing nothing, for noise of variance 1 and :math:`\Delta^d\tau` of
    variance :math:`1/\lambda`. Up to the last :math:`d` rows that matrix is the same for all prefixes: one banded
    Cholesky factor :math:`L` and one substitution :math:`Lz=y` serve all, and each is left with :math:`d` equations

    .. math:: (L_n L_n^\top - \lambda E)\,x = L_n z_n,

    with the last :math:`d` rows :math:`L_n,z_n`, and :math:`E` what later days would have added. The first :math:`d`
    days are their own trend, of variance 1. Exact but for rounding, which grows with :math:`\lambda`.

    Source: Durbin and Koopman (2012), sections 2.2 and 3.2; Hodrick and Prescott (1997).

    >>> one_sided(np.array([0.0, 1.0, 5.0]), smoothing=1e-9, order=1)[0].round(6).tolist()
    [0.0, 1.0, 5.0]
    """
    stencil = np.array([comb(order, k) * (-1.0) ** k for k in range(order + 1)])
    if len(values) < order:
        return values.copy(), np.ones(len(values))
    start = values[0]  # a level passes unchanged; without it there is less to round
    factor = linalg.cholesky_banded(_bands(len(values), smoothing, stencil), lower=True)
    # Not solve_banded: how that rounds depends on how many days there are, and each day's bits shall be its own.
    (substitute,) = linalg.get_lapack_funcs(("tbtrs",), (factor,))
    solved = substitute(factor, (values - start)[:, None], uplo="L")[0][:, 0]
    starts = np.arange(len(values) - order + 1)
    lower = np.zeros((starts.size, order, order))
    for row in range(order):
        for column in range(row + 1):
            lower[:, row, column] = factor[row - column, starts + column]
    later = np.tril(linalg.toeplitz(stencil[:order]))
    left = lower @ lower.swapaxes(1, 2) - smoothing * later @ later.T
    right = lower @ solved[starts[:, None] + np.arange(order)][..., None]
    unit = np.broadcast_to(np.eye(order)[:, -1:], right.shape)
    last = np.linalg.solve(left, np.concatenate([right, unit], axis=-1))[:, -1]
    early = order - 1
    return np.r_[values[:early], start + last[:, 0]], np.r_[np.ones(early), last[:, 1]]


def _bands(days: int, smoothing: float, stencil: np.ndarray) -> np.ndarray:
    """Lower bands of the matrix whose first rows all prefixes share; at its end it is as if days followed."""
    bands = np.empty((len(stencil), days))
    for lag in range(len(stencil)):
        sums = np.cumsum(stencil[: len(stencil) - lag] * stencil[lag:])
        bands[lag] = smoothing * sums[np.minimum(np.arange(days), len(sums) - 1)]
    bands[0] += 1.0
    return bands
