"""Principal components of a history of yield curves: NumPy arrays in, a market out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.markets.curve_factors import CurveFactors
from deephedge.markets.history import TRADING_DAY, Numbers

FEWEST = 250  # days, below which such a fit is noise
Rows = np.ndarray


class FittedCurve(NamedTuple):
    """The market from today on, each component's share of the variance of daily changes, and its path in history.

    ``errors`` has the standard errors of ``mean_reversion`` and ``vol``.
    """

    market: CurveFactors
    explained: Rows
    factors: Rows
    errors: dict[str, Rows]


def fit_curve_factors(
    tenors: Sequence[float | int] | np.ndarray,
    yields: Numbers,
    components: int = 3,
    *,
    arbitrage_free: bool = False,
    maturities: tuple[float | int, ...] = (),
    name: str = "USD",
    step: float = TRADING_DAY,
) -> FittedCurve:
    r"""`CurveFactors` from ``yields``, an array of days by ``tenors`` (years): continuously compounded, per year.

    Loadings are the first eigenvectors of the covariance of daily changes, of length 1, the sign such that they sum to
    more than 0; factors are yields less today's, projected on them. From :math:`f'=a+bf+e` by least squares,
    :math:`\kappa=-\log b/\Delta`, :math:`m=a/(1-b)`, :math:`s^2=\mathrm{Var}\,e\,\frac{2\kappa}{1-b^2}`; a factor that
    does not revert (:math:`b\ge1`) is a random walk. :math:`\kappa` is too large in short histories, by about 4 over
    their length in years (Kendall 1954). With ``arbitrage_free`` only the volatilities are kept, of the changes.

    Raises ``DataError`` for a history with gaps or of other shape.
    Source: Litterman and Scheinkman (1991).

    >>> import numpy as np
    >>> level = np.cumsum(5e-4 * np.random.default_rng(0).standard_normal((300, 1)), axis=0)
    >>> fit_curve_factors((1, 5, 10), 0.03 + level * [1.0, 1.0, 0.9], components=1).explained.round(3).tolist()
    [1.0]
    """
    y, tenors = np.asarray(yields, float), tuple(float(tenor) for tenor in np.asarray(tenors))
    fits = y.ndim == 2 and y.shape[0] > FEWEST and y.shape[1] == len(tenors)
    require(fits, f"yields must be {FEWEST + 1} days or more by {len(tenors)} tenors, had {y.shape}", DataError)
    gaps = np.flatnonzero(~np.isfinite(y).all(axis=1))
    require(gaps.size == 0, f"yields are not finite on {gaps.size} days (first: {gaps[:5].tolist()})", DataError)
    require(bool(np.abs(y).max() < 1), "yields must be fractions per year (0.04, not 4)", DataError)
    require(1 <= components <= len(tenors), f"components must be 1 to {len(tenors)}, was {components}")
    values, vectors = np.linalg.eigh(np.cov(np.diff(y, axis=0).T).reshape(len(tenors), -1))
    loadings = vectors.T[::-1][:components]
    loadings = loadings * np.where(loadings.sum(axis=1) < 0, -1.0, 1.0)[:, None]
    factors = (y - y[-1]) @ loadings.T
    if arbitrage_free:
        vol = np.diff(factors, axis=0).std(axis=0, ddof=1) / np.sqrt(step)
        speed, mean, error = np.zeros(components), np.zeros(components), np.zeros(components)
    else:
        speed, mean, vol, error = np.array([_reverting(row, step) for row in factors.T]).T
    more = {} if arbitrage_free else {"mean_reversion": speed, "mean": mean}
    market = CurveFactors(
        tenors, y[-1], loadings, vol, **more, arbitrage_free=arbitrage_free, maturities=maturities, name=name
    )
    errors = {"mean_reversion": error, "vol": vol / np.sqrt(2.0 * (len(y) - 1))}
    return FittedCurve(market, values[::-1][:components] / values.sum(), factors, errors)


def _reverting(row: Rows, step: float) -> tuple[float, float, float, float]:
    """Speed, mean and volatility of one factor, and the standard error of the speed."""
    before, after = row[:-1], row[1:]
    b = float(np.cov(before, after)[0, 1] / np.var(before, ddof=1))
    left = after - after.mean() - b * (before - before.mean())
    spread = float(left.std() * np.sqrt(len(left) / (len(left) - 2.0)))
    error = spread / np.sqrt(np.var(before) * len(before)) / (abs(b) * step)
    if not 0.0 < b < 1.0:
        return 0.0, 0.0, float(np.diff(row).std(ddof=1) / np.sqrt(step)), error
    speed = -np.log(b) / step
    mean = float((after.mean() - b * before.mean()) / (1.0 - b))
    return speed, mean, spread * float(np.sqrt(2.0 * speed / (1.0 - b * b))), error
