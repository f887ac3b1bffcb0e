"""Quadratic costs and quadratic risk, exact with finitely many trades (Bachelier, at-the-money call).

The criterion is E[sum_i eta (trade_i)^2 / dt] + (lambda / 2) E[(H - V_0 - gains)^2] for a call on ``notional`` units of
S_t = S_0 + sigma W_t struck at S_0. The variance-optimal position of step i is the delta D_i = notional N(d), a
martingale, so with q = lambda sigma^2 dt, e = 2 eta / dt and a_N = 0 the recursion closes in two numbers a step:

    w_i = (q + a_{i+1}) / (q + a_{i+1} + e),   a_i = e w_i,   theta_i = theta_{i-1} + w_i (D_i - theta_{i-1}),
    value = V_0 + a_0 (theta_{-1} - D_0)^2 / 2 + sum a_{i+1} E(D_{i+1} - D_i)^2 / 2 + lambda R_N / 2.

With continuous trading it is the solution of Bank, Soner and Voss (2017).
"""

from dataclasses import dataclass

import numpy as np
from scipy.stats import norm


@dataclass(frozen=True)
class LinearQuadratic:
    """The best value of the criterion and the weights w_i of the tracking rule."""

    value: float
    weights: np.ndarray  # (step,)

    def positions(self, deltas: np.ndarray, start: float) -> np.ndarray:
        """The best positions along paths of deltas, (step, path) to (step, path)."""
        held, rows = np.full(deltas.shape[1:], float(start)), []
        for weight, delta in zip(self.weights, deltas, strict=True):
            held = held + weight * (delta - held)
            rows.append(held)
        return np.array(rows)


def solve(
    *,
    vol: float,
    maturity: float,
    steps: int,
    notional: float,
    impact: float,
    risk_aversion: float,
    start: float | None = None,
) -> LinearQuadratic:
    """Solve from the position ``start``, by default the first delta (half the notional)."""
    dt = maturity / steps
    risk, friction = risk_aversion * vol**2 * dt, 2.0 * impact / dt
    weights, a = np.zeros(steps), np.zeros(steps + 1)
    for i in reversed(range(steps)):
        weights[i] = (risk + a[i + 1]) / (risk + a[i + 1] + friction)
        a[i] = friction * weights[i]
    square = delta_square(np.arange(steps) / steps, notional)
    premium = notional * vol * np.sqrt(maturity / (2.0 * np.pi))
    # A delta is a martingale: the square of its change is the change of its square.
    moving = 0.5 * a[1:steps] @ np.diff(square)
    left = notional**2 * vol**2 * maturity * (0.5 - 0.5 / np.pi) - vol**2 * dt * square.sum()
    opening = 0.5 * a[0] * ((0.5 * notional if start is None else start) - 0.5 * notional) ** 2
    return LinearQuadratic(premium + opening + moving + 0.5 * risk_aversion * left, weights)


def delta_square(share: np.ndarray, notional: float) -> np.ndarray:
    """E D_t^2 at the given share of the maturity: notional^2 [1/4 + arcsin(t / T) / (2 pi)]."""
    return notional**2 * (0.25 + np.arcsin(share) / (2.0 * np.pi))


def delta(spot: np.ndarray, strike: float, left: np.ndarray, vol: float, notional: float) -> np.ndarray:
    """Bachelier's delta of ``notional`` calls with ``left`` years to go."""
    return notional * norm.cdf((spot - strike) / (vol * np.sqrt(left)))
