r"""SSVI with a power law, fitted to all expiries of a snapshot at once within the bounds of no static arbitrage."""

import numpy as np

from deephedge.data.surfaces.quotes import Quotes
from deephedge.data.surfaces.smile import slopes, variance

Nodes = tuple[np.ndarray, np.ndarray, np.ndarray]
LEAST = 1e-6  # of the largest total variance: what it grows by from one expiry to the next
STEEP = 0.999  # |rho| stays below
TURNS = 60


def fitted_ssvi(quotes: Quotes) -> Nodes:
    r"""(theta, rho, psi) of every expiry in ``quotes``, one :math:`\rho` and :math:`\psi=\theta\varphi(\theta)` with

    .. math:: \varphi(\theta) = \eta\,\theta^{-\gamma}(1+\theta)^{\gamma-1}, \qquad 0<\eta\le2/\sqrt{1+|\rho|},
        \quad 0<\gamma\le\tfrac12.

    Least squares of volatilities over the half spreads in volatility (at least a tenth of a point; so by vega and
    spread), with a soft absolute loss. The search is in the steps of :math:`\theta`, which are positive: every surface
    that it meets is free of static arbitrage.

    Source: Gatheral and Jacquier (2014), theorems 4.1 and 4.2, and the bound on :math:`\eta` of
    `deephedge.pricing.ssvi.eta_limit`.
    """
    from scipy.optimize import least_squares

    used, n = np.unique(quotes.n, return_inverse=True)
    level = np.maximum.accumulate(_money(quotes, n, len(used)))
    least = LEAST * level[-1]
    start = np.append(np.maximum(np.diff(level, prepend=0.0), 2.0 * least), (-0.4, 0.5, 0.4))
    low = np.append(np.full(len(used), least), (-STEEP, 1e-3, 1e-2))
    high = np.append(np.full(len(used), 4.0 * level[-1]), (STEEP, 1.0, 0.5))
    problem = _Problem(quotes, n)
    start = np.clip(start, low + 1e-12, high - 1e-12)
    fit = least_squares(
        problem.residuals, start, problem.jacobian, bounds=(low, high), x_scale="jac", loss="soft_l1",
        ftol=1e-6, xtol=1e-6, max_nfev=TURNS, tr_solver="lsmr",
    )  # fmt: skip
    theta, rho, eta, gamma = _surface(fit.x)
    return theta, np.full(len(theta), rho), theta * _shape(theta, eta, gamma)


def _money(quotes: Quotes, n: np.ndarray, size: int) -> np.ndarray:
    """Total variance at the money of each expiry: the mean of the quotes near it, the nearest counting most."""
    away = quotes.k / (quotes.vol * np.sqrt(quotes.tau))
    weight = 1.0 / (away**2 + 0.01) / quotes.error
    total = np.bincount(n, weight * quotes.vol**2 * quotes.tau, size)
    return total / np.bincount(n, weight, size)


def _surface(u: np.ndarray) -> tuple[np.ndarray, float, float, float]:
    """Steps of theta, rho, share of the largest eta, gamma: to theta, rho, eta, gamma."""
    return np.cumsum(u[:-3]), u[-3], u[-2] * 2.0 / np.sqrt(1.0 + abs(u[-3])), u[-1]


def _shape(theta: np.ndarray, eta: float, gamma: float) -> np.ndarray:
    return eta * theta**-gamma * (1.0 + theta) ** (gamma - 1.0)


class _Problem:
    """Residuals in half spreads, and their derivatives in the numbers of the search."""

    def __init__(self, quotes: Quotes, n: np.ndarray):
        self.quotes, self.n = quotes, n
        self.after = n[:, None] >= np.arange(n.max() + 1)

    def residuals(self, u: np.ndarray) -> np.ndarray:
        theta, rho, eta, gamma = _surface(u)
        psi = theta * _shape(theta, eta, gamma)
        w = variance(self.quotes.k, theta[self.n], np.array(rho), psi[self.n])
        return (np.sqrt(w / self.quotes.tau) - self.quotes.vol) / self.quotes.error

    def jacobian(self, u: np.ndarray) -> np.ndarray:
        theta, rho, eta, gamma = _surface(u)
        phi = _shape(theta, eta, gamma)
        turn = theta * phi * (-gamma / theta + (gamma - 1.0) / (1.0 + theta)) + phi  # d psi / d theta
        of_gamma = theta * phi * (np.log1p(theta) - np.log(theta))
        theta, phi, turn, of_gamma = (row[self.n] for row in (theta, phi, turn, of_gamma))
        psi, k = theta * phi, self.quotes.k
        by_theta, by_rho, by_psi = slopes(k, theta, np.array(rho), psi)
        scale = 0.5 / np.sqrt(variance(k, theta, np.array(rho), psi) * self.quotes.tau) / self.quotes.error
        bend = -0.5 * np.sign(rho) / (1.0 + abs(rho))  # of the limit of eta, in logarithms
        last = np.stack([by_rho + by_psi * psi * bend, by_psi * psi / u[-2], by_psi * of_gamma], axis=1)
        return scale[:, None] * np.concatenate([(by_theta + by_psi * turn)[:, None] * self.after, last], axis=1)
