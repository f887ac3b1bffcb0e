r"""One smile of SSVI in NumPy: total variance and its slopes in the parameters, and how nodes move through time.

A node is :math:`(\theta, \rho, \psi)` with :math:`\psi=\theta\varphi`, and with :math:`x=\psi k/\theta`

.. math:: w(k) = \tfrac\theta2\left(1+\rho x+\sqrt{(x+\rho)^2+1-\rho^2}\right).

It is `deephedge.pricing.ssvi.total_variance`: here for fits on the host, whose rows change in number from smile to
smile and would be compiled anew each time.
"""

import numpy as np

Array = np.ndarray | np.floating


def variance(k: Array, theta: Array, rho: Array, psi: Array) -> Array:
    """Total variance at log-moneyness ``k``; all broadcast.

    >>> variance(np.array(0.0), np.array(0.04), np.array(-0.7), np.array(0.2)).tolist()
    0.04
    """
    x = psi / theta * k
    return 0.5 * theta * (1.0 + rho * x + np.sqrt((x + rho) ** 2 + (1.0 - rho) * (1.0 + rho)))


def slopes(k: Array, theta: Array, rho: Array, psi: Array) -> tuple[Array, Array, Array]:
    """Derivatives of `variance` in ``theta``, ``rho`` and ``psi``, each with the others held."""
    x = psi / theta * k
    radius = np.sqrt((x + rho) ** 2 + (1.0 - rho) * (1.0 + rho))
    by_x = rho + (x + rho) / radius
    level = 1.0 + rho * x + radius
    return 0.5 * (level - x * by_x), 0.5 * theta * x * (1.0 + 1.0 / radius), 0.5 * k * by_x


def between(
    tau: Array, known: np.ndarray, theta: np.ndarray, rho: np.ndarray, psi: np.ndarray
) -> tuple[Array, Array, Array]:
    r"""The node at each ``tau`` (years), from nodes at ``known``: :math:`\theta`, :math:`\psi` and :math:`\rho\psi` are
    straight lines from 0 at 0 through the nodes; beyond the last :math:`\theta` goes on as it came, the others stay.

    Nodes without calendar arbitrage stay so in between. Source: Corbetta, Cohort, Laachir and Martini (2019).
    """
    theta_at, psi_at, lean = (
        np.interp(tau, np.append(0.0, known), np.append(0.0, row)) for row in (theta, psi, rho * psi)
    )
    pace = np.diff(theta, prepend=0.0)[-1] / np.diff(known, prepend=0.0)[-1]
    return theta_at + pace * np.maximum(tau - known[-1], 0.0), lean / psi_at, psi_at
