r"""Smiles of their own for each expiry (eSSVI), one after the other, none crossing the one before.

With :math:`p=\max\left(\frac{1+\rho'}{1+\rho},\frac{1-\rho'}{1-\rho}\right)` and primes for the expiry before, a smile
is free of butterflies, and of calendar spreads against the one before, if

.. math:: \psi' p \le \psi \le \min\left(\psi'\frac\theta{\theta'},\ \frac4{1+|\rho|},\
    2\sqrt{\frac\theta{1+|\rho|}}\right).
"""

import numpy as np

from deephedge.data.surfaces.quotes import Quotes
from deephedge.data.surfaces.smile import variance
from deephedge.data.surfaces.ssvi import STEEP, Nodes

TRUST = 0.5  # residuals per relative change of a node from where it started: what counts where quotes are few
SMALL, LARGE = 1e-6, 100.0  # steps of theta, relative to where it started
SAME = 1e-9  # rho that counts as the same
TURNS = 40
Node = tuple[float, float, float]


def fitted_slices(quotes: Quotes, start: Nodes) -> Nodes:
    """(theta, rho, psi) of every expiry in ``quotes``, each fitted by itself from its node of ``start``, SSVI's.

    Each has three numbers to find, in a box that holds all smiles which the one before admits, and no others: there is
    nothing to repair. Losses and weights are those of `deephedge.data.surfaces.ssvi`; a weak pull back to
    ``start`` holds expiries with few quotes.

    Source: Hendriks and Martini (2019) for the smiles and the conditions; Corbetta et al. (2019) for one after the
    other; Mingone (2022) for the box.
    """
    used, n = np.unique(quotes.n, return_inverse=True)
    found: list[Node] = []
    for i in range(len(used)):  # each starts from the one before
        own = quotes.taking(np.flatnonzero(n == i))
        prior = (float(start[0][i]), float(start[1][i]), float(start[2][i]))
        before = found[-1] if found else None
        node = _smile(own, prior, before, (-STEEP, STEEP))
        if before and node[2] * (1.0 + abs(node[1])) > 4.0:  # only a skew as before is sure to leave room
            node = _smile(own, prior, before, (before[1] - SAME, before[1] + SAME))
        found.append(node)
    theta, rho, psi = np.array(found).T
    return theta, rho, psi


def admitted(u: np.ndarray, scale: float, before: Node | None) -> Node:
    """The node at the place ``u`` of the box: a step of theta in units of ``scale``, rho, and the share of psi."""
    rho = float(u[1])
    least, low, high = _room(rho, before)
    theta = least + scale * float(u[0])
    psi = _most(theta, rho, high)
    return theta, rho, low + float(u[2]) * (max(psi, low) - low)


def _room(rho: float, before: Node | None) -> tuple[float, float, float]:
    """The least theta, the least psi, and the most psi over theta that the smile before admits."""
    if before is None:
        return 0.0, 0.0, np.inf
    theta, lean, psi = before
    p = max((1.0 + lean) / (1.0 + rho), (1.0 - lean) / (1.0 - rho))
    return max(theta * p, (psi * p) ** 2 * (1.0 + abs(rho)) / 4.0), psi * p, psi / theta


def _most(theta: float, rho: float, slope: float) -> float:
    wide = 1.0 + abs(rho)
    return min(slope * theta, 4.0 / wide, 2.0 * np.sqrt(theta / wide))


def _smile(quotes: Quotes, prior: Node, before: Node | None, lean: tuple[float, float]) -> Node:
    """The best node of the box with rho between the ends of ``lean``."""
    from scipy.optimize import least_squares

    k, tau, vol, error = quotes.k, quotes.tau, quotes.vol, quotes.error

    def residuals(u: np.ndarray) -> np.ndarray:
        theta, rho, psi = admitted(u, prior[0], before)
        miss = (np.sqrt(variance(k, *map(np.asarray, (theta, rho, psi))) / tau) - vol) / error
        return np.append(miss, TRUST * np.array([np.log(theta / prior[0]), rho - prior[1], np.log(psi / prior[2])]))

    low, high = np.array([SMALL, lean[0], 1e-4]), np.array([LARGE, lean[1], 1.0])
    rho = min(max(prior[1], low[1]), high[1])
    least, bottom, slope = _room(rho, before)
    theta = max(prior[0], least * (1.0 + 1e-3))
    share = (prior[2] - bottom) / max(_most(theta, rho, slope) - bottom, 1e-12)
    margin = 1e-3 * np.minimum(high - low, 1.0)
    begin = np.clip([(theta - least) / prior[0], rho, share], low + margin, high - margin)
    fit = least_squares(
        residuals, begin, bounds=(low, high), loss="soft_l1", x_scale=(0.1, 0.1, 0.1), ftol=1e-6, xtol=1e-6,
        max_nfev=TURNS,
    )  # fmt: skip
    return admitted(fit.x, prior[0], before)
