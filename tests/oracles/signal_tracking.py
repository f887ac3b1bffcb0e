"""Trading on a signal, or out of a position, under quadratic costs and quadratic risk: exact, by two-number algebra.

The criterion is E sum_k discount^k [c (x_k - x_{k-1})^2 - m f_k x_k + r x_k^2], and c x_{N-1}^2 at the end where the
position is closed, for a signal f_{k+1} = phi f_k + noise. Its value is J_k = A x^2 - B x f - C f^2 - D, with

    h = c + r + discount A',  g = m + discount phi B',  x_k = (c x_{k-1} + g f_k / 2) / h,
    A = c - c^2 / h,  B = c g / h,  C = g^2 / (4 h) + discount phi^2 C',  D = discount (D' + C' Var noise).

Without a signal it is the liquidation of Almgren and Chriss (2001); with many steps to go the trading rate is that of
Garleanu and Pedersen (2013).
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Tracking:
    """The least value of the criterion, and x_k = keep_k x_{k-1} + slope_k f_k."""

    value: float
    keep: np.ndarray  # (step,)
    slope: np.ndarray  # (step,)

    def positions(self, signal: np.ndarray, start: float) -> np.ndarray:
        """The best positions along paths of signals, (step, path) to (step, path)."""
        held, rows = np.full(signal.shape[1:], float(start)), []
        for keep, slope, seen in zip(self.keep, self.slope, signal, strict=True):
            held = keep * held + slope * seen
            rows.append(held)
        return np.array(rows)


def solve(
    *,
    steps: int,
    cost: float,
    risk: float,
    gain: float = 0.0,
    decay: float = 0.0,
    noise: float = 0.0,
    discount: float = 1.0,
    start: float = 0.0,
    signal: float = 0.0,
    closes: bool = False,
) -> Tracking:
    """``cost`` c in cash a unit squared, ``risk`` r, ``gain`` m, ``decay`` phi, ``noise`` the variance of a step's."""
    a, b, c, d = cost * closes, 0.0, 0.0, 0.0
    keep, slope = np.zeros(steps), np.zeros(steps)
    for k in reversed(range(steps)):
        h, g = cost + risk + discount * a, gain + discount * decay * b
        keep[k], slope[k] = cost / h, 0.5 * g / h
        d = discount * (d + c * noise)
        a, b, c = cost - cost**2 / h, cost * g / h, 0.25 * g**2 / h + discount * decay**2 * c
    return Tracking(a * start**2 - b * start * signal - c * signal**2 - d, keep, slope)
