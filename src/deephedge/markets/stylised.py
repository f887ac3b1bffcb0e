r"""Stylised facts as plain functions: windows (path, day) in, one number or row of numbers for each window out.

Whatever depends on the length of a window (every estimate of a moment, a tail or a memory is biased in short samples)
is the same for windows of history and of a simulation, as long as both have the same length.
"""

from collections.abc import Sequence

import numpy as np

Windows = np.ndarray  # (path, day)
PerWindow = np.ndarray  # (path,)


def ratio(top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """``top / bottom``, and 0 where nothing moves."""
    return np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)


def centred(values: Windows) -> Windows:
    """Values less their mean, and exactly 0 where they differ by rounding only."""
    moved = values - values.mean(-1, keepdims=True)
    most = np.max(np.abs(moved), axis=-1, keepdims=True)
    return np.where(most > 1e-9 * np.max(np.abs(values), axis=-1, keepdims=True), moved, 0.0)


def summed(returns: Windows, days: int) -> Windows:
    """Returns over ``days`` days, one for every day on which they can end."""
    path = np.concatenate([np.zeros_like(returns[:, :1]), np.cumsum(returns, axis=-1)], axis=-1)
    return path[:, days:] - path[:, :-days]


def skewness(values: Windows) -> PerWindow:
    """Third central moment over the standard deviation cubed; 0 for a symmetric law."""
    x = centred(values)
    return ratio(np.mean(x**3, -1), np.mean(x**2, -1) ** 1.5)


def excess_kurtosis(values: Windows) -> PerWindow:
    """Fourth central moment over the squared variance, less 3; 0 for a normal law."""
    x = centred(values)
    fourth = ratio(np.mean(x**4, -1), np.mean(x**2, -1) ** 2)
    return np.where(fourth > 0, fourth - 3.0, 0.0)


def hill(values: Windows, share: float = 0.05) -> PerWindow:
    r"""Index :math:`\xi=1/\alpha` of the upper tail, :math:`P(X>x)\sim x^{-\alpha}`, from the largest ``share``.

    The mean log excess of the :math:`k` largest over the next one; 0 where that one is not positive (no tail at all).
    Source: Hill (1975).
    """
    count = values.shape[-1]
    k = max(2, int(share * count))
    top = np.partition(values, count - k - 1, axis=-1)[:, count - k - 1 :]
    least = top[:, :1]
    excess = np.log(np.where(least > 0, top / np.where(least > 0, least, 1.0), 1.0))
    return excess.sum(-1) / k


def autocorrelation(values: Windows, lag: int) -> PerWindow:
    """The usual biased estimate; 0 in windows no longer than the lag."""
    if values.shape[-1] <= lag:
        return np.zeros(values.shape[0])
    x = centred(values)
    return ratio(np.sum(x[:, lag:] * x[:, :-lag], -1), np.sum(x**2, -1))


def autocorrelations(values: Windows, lags: Sequence[int]) -> np.ndarray:
    """`autocorrelation` at each lag: one column a lag."""
    return np.stack([autocorrelation(values, lag) for lag in lags], axis=-1)


def correlation(first: Windows, second: Windows, lag: int = 0) -> PerWindow:
    """Correlation of the first with the second ``lag`` days later; a negative lag means earlier."""
    if lag < 0:
        return correlation(second, first, -lag)
    a, b = first[:, : first.shape[-1] - lag], second[:, lag:]
    a, b = centred(a), centred(b)
    return ratio(np.mean(a * b, -1), a.std(-1) * b.std(-1))


def variance_ratio(returns: Windows, days: int) -> PerWindow:
    """Variance over ``days`` days, over ``days`` times that of one; 1 where returns do not follow from the past.

    Source: Lo and MacKinlay (1988).
    """
    x = centred(returns)
    return ratio(np.mean(summed(x, days) ** 2, -1), days * np.mean(x**2, -1))


def structure(logs: Windows, lags: Sequence[int], order: float) -> np.ndarray:
    r"""Mean of :math:`|x_{t+\Delta}-x_t|^q` at each lag :math:`\Delta`: the structure function of order :math:`q`.

    Source: Gatheral, Jaisson and Rosenbaum (2018).
    """
    return np.stack([np.mean(np.abs(logs[:, lag:] - logs[:, :-lag]) ** order, -1) for lag in lags], axis=-1)


def slope(values: np.ndarray, lags: Sequence[int]) -> np.ndarray:
    """Slope of the log of ``values`` (last axis) on log lags; 0 where less than two of them are positive."""
    known = values > 0
    x = np.broadcast_to(np.log(np.asarray(lags, float)), values.shape)
    y = np.log(np.where(known, values, 1.0))
    count = np.maximum(known.sum(-1, keepdims=True), 1)
    x, y = (np.where(known, a - np.sum(a * known, -1, keepdims=True) / count, 0.0) for a in (x, y))
    return ratio(np.sum(x * y, -1), np.sum(x * x, -1))


def log_realised(returns: Windows, days: int = 5) -> Windows:
    """Half the log of summed squared returns in blocks of ``days`` days that do not overlap."""
    blocks = returns[:, : returns.shape[-1] // days * days].reshape(returns.shape[0], -1, days)
    return 0.5 * np.log(np.maximum(np.sum(blocks**2, axis=-1), 1e-16))


def maximum_drawdown(returns: Windows) -> PerWindow:
    """Deepest fall from a peak so far, as a share of the peak."""
    path = np.concatenate([np.zeros_like(returns[:, :1]), np.cumsum(returns, axis=-1)], axis=-1)
    return -np.expm1(np.min(path - np.maximum.accumulate(path, axis=-1), axis=-1))


def tail_dependence(first: Windows, second: Windows, share: float = 0.05) -> PerWindow:
    r"""Of the days on which the first is among its lowest ``share``, those on which the second is too.

    With :math:`C` the copula and :math:`q` the share it estimates :math:`C(q,q)/q`, which is :math:`q` where both are
    independent and the lower tail dependence for small :math:`q`. Negate both for the upper tail.
    """
    k = max(1, round(share * first.shape[-1]))
    moves = np.ptp(first, axis=-1) * np.ptp(second, axis=-1) > 0
    return np.where(moves, np.sum(_lowest(first, k) * _lowest(second, k), axis=-1) / k, 0.0)


def _lowest(values: Windows, count: int) -> np.ndarray:
    """1 for the lowest ``count`` days, 0 for others; days equal to the last of them share what is left."""
    edge = np.partition(values, count - 1, axis=-1)[:, count - 1 : count]
    below, tied = values < edge, values == edge
    left = count - below.sum(-1, keepdims=True)
    return below + tied * (left / tied.sum(-1, keepdims=True))


def spread(returns: Windows, vol: Windows, step: float, days: int = 21) -> Windows:
    """Implied volatility less what the next ``days`` days realised, per root year, day by day."""
    realised = np.sqrt(np.maximum(summed(returns**2, days), 0.0) / (days * step))
    return vol[:, : realised.shape[-1]] - realised
