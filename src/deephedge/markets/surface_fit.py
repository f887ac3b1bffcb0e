"""The dynamics of a moving surface from a history of its parameters: NumPy arrays in, a market's parameters out."""

from typing import NamedTuple

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.markets.history import Numbers
from deephedge.markets.surface import FULL, STATES, SurfaceDynamics

FEWEST = 100  # points of history, below which such a fit is noise
Rows = np.ndarray


class FittedSurface(NamedTuple):
    """Dynamics, the last surface of history for `MovingSurface`, and standard errors by the fields of the dynamics."""

    dynamics: SurfaceDynamics
    levels: Rows
    rho: float
    eta: float
    errors: dict[str, Rows]


def fit_surface_dynamics(
    tenors: Numbers, levels: Numbers, rho: Numbers, eta: Numbers, *, dt: float, spot: Numbers | None = None
) -> FittedSurface:
    r"""The dynamics of the four states, by a regression of each on its value one step of ``dt`` years before.

    ``levels`` holds rows of total variances at the ``tenors`` (years), one row a point, ``rho`` and ``eta`` one number
    a point. States are measured from the last surface, where a simulation starts. From :math:`x'=a+bx+e`,

    .. math:: \kappa=-\frac{\log b}\Delta,\quad m=\frac a{1-b},\quad s^2=\mathrm{Var}\,e\,\frac{2\kappa}{1-b^2},

    leverage is the correlation of :math:`e` with the log returns of ``spot``, and the rest is correlated as what these
    leave of it. Standard errors by the delta method. :math:`\kappa` is too large in short histories: by about 4 over
    their length in years.

    Raises ``DataError`` for histories that do not fit together or a state that does not revert.
    Source: ordinary least squares; Kendall (1954) for the bias.
    """
    tenors, levels, rho, eta = (np.asarray(part, float) for part in (tenors, levels, rho, eta))
    x = states_of(tenors, levels, rho, eta)
    require(len(x) >= FEWEST, f"the history has {len(x)} points: give {FEWEST} or more", DataError)
    a, b, left, errors = regression(x)
    n = len(left)
    for state, slope in zip(STATES, b, strict=True):
        reverts = bool(0 < slope < 1)
        require(reverts, f"the {state} does not revert (memory {slope:.4f}): take a longer history", DataError)
    kappa, spread = -np.log(b) / dt, left.std(axis=0) * np.sqrt(n / (n - 2))
    scale = np.sqrt(2.0 * kappa / (1.0 - b**2))
    leverage, rest = explained(left, None if spot is None else np.diff(np.log(np.asarray(spot, float))))
    dynamics = SurfaceDynamics(kappa, spread * scale, leverage, a / (1.0 - b), np.corrcoef(rest.T))
    slopes = {
        "mean_reversion": errors[1] / (b * dt),
        "vol": spread * scale / np.sqrt(2.0 * n),
        "leverage": (1.0 - leverage**2) / np.sqrt(n) * (spot is not None),
        "mean": spread / np.sqrt(n) / (1.0 - b),
    }
    return FittedSurface(dynamics, levels[-1], float(rho[-1]), float(eta[-1]), slopes)


def states_of(tenors: Rows, levels: Rows, rho: Rows, eta: Rows) -> Rows:
    """Rows (level, slope, skew, wing), in deviation from the last point."""
    fits = levels.ndim == 2 and levels.shape[1:] == tenors.shape and len(levels) == len(rho) == len(eta)
    require(
        fits, "levels must have a row for each point and a column for each tenor; rho and eta a number each", DataError
    )
    domain = (np.diff(levels, axis=1, prepend=0.0) > 0).all() and (np.abs(rho) < FULL).all()
    share = eta * np.sqrt(1.0 + np.abs(rho)) / 2.0
    domain = domain and bool(((share > 0) & (share < 1)).all())
    require(
        bool(domain), "levels must increase from 0, |rho| be below 0.999, eta above 0 and below its limit", DataError
    )
    growth = np.log(np.diff(levels, axis=1, prepend=0.0))
    level, tilt = growth[:, 0], np.log(tenors / tenors[0])
    beyond = growth - level[:, None]
    slope = (beyond - beyond[-1]) @ tilt / np.maximum(tilt @ tilt, 1e-12)
    rows = np.stack([level, slope, np.arctanh(rho / FULL), np.log(share / (1.0 - share))], axis=1)
    return rows - rows[-1]


def regression(x: Rows) -> tuple[Rows, Rows, Rows, tuple[Rows, Rows]]:
    """Constants, slopes and residuals of each column on its past, and the standard errors of the first two."""
    before, after = x[:-1], x[1:]
    centre = before - before.mean(axis=0)
    square = np.maximum((centre**2).sum(axis=0), 1e-300)
    b = (centre * after).sum(axis=0) / square
    a = after.mean(axis=0) - b * before.mean(axis=0)
    left = after - a - b * before
    spread = np.sqrt((left**2).sum(axis=0) / (len(left) - 2))
    at_zero = spread * np.sqrt(1.0 / len(left) + before.mean(axis=0) ** 2 / square)
    return a, b, left, (at_zero, spread / np.sqrt(square))


def explained(left: Rows, returns: Rows | None) -> tuple[Rows, Rows]:
    """Correlation of each residual with the returns, and what the returns leave of it."""
    if returns is None:
        return np.zeros(4), left
    require(len(returns) == len(left), "spot must have one number for each point of the history", DataError)
    scaled = (returns - returns.mean()) / returns.std()
    centred = (left - left.mean(axis=0)) / left.std(axis=0)
    leverage = centred.T @ scaled / len(scaled)
    return leverage, centred - scaled[:, None] * leverage
