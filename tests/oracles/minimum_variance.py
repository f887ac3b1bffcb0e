"""The least mean squared error any self-financing hedge can reach at no cost, with or without a drift.

For independent returns R = S_{k+1} / S_k - 1 and a payoff H of the last spot (Schweizer 1995; Cerny 2004), with
t = E R / E R^2 and b = 1 - (E R)^2 / E R^2,

    V_N = H,   V_k = E[(1 - t R) V_{k+1}] / b,   xi_k = E[(V_{k+1} - V_k) R] / (S_k E R^2),
    psi_k = E[(V_{k+1} - V_k - xi_k S_k R)^2],   min E(x_0 + gains - H)^2 = b^N (x_0 - V_0)^2 + sum_k b^{N-k-1} E psi_k.

The best position is xi_k + t / S_k (V_k - wealth). Without drift t = 0 and b = 1: V is the price, xi the
regression of its change on that of the spot, and the bound is the variance that discrete hedging leaves.

``ratchet`` does the same for a lookback put whose highest price is read on some dates only. V is then that price times
a function of the spot over it, and where a date finds the spot higher, the highest price becomes the spot.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline


@dataclass(frozen=True)
class MeanVariance:
    """The bound, and what its hedge needs: V and xi at every decision, on a grid of spots."""

    value: float  # V_0, the capital that makes the error least
    error: float  # sum_k b^{N-k-1} E psi_k, the mean squared error from there
    discount: float  # b^N: what a squared shortfall of capital weighs at the end
    tilt: float  # t
    spots: np.ndarray  # (spot,)
    values: np.ndarray  # (step, spot)
    positions: np.ndarray  # xi, (step, spot)

    def mean_squared_error(self, capital: float) -> float:
        """The least mean squared error from this capital."""
        return self.discount * (capital - self.value) ** 2 + self.error

    def position(self, step: int, spot: np.ndarray, wealth: np.ndarray) -> np.ndarray:
        """The best position at decision ``step``, given the wealth reached so far."""
        value = np.interp(spot, self.spots, self.values[step])
        return np.interp(spot, self.spots, self.positions[step]) + self.tilt / spot * (value - wealth)


def solve(
    payoff: Callable[[np.ndarray], np.ndarray],
    *,
    spot: float,
    vol: float,
    maturity: float,
    steps: int,
    drift: float = 0.0,
    points: int = 801,
    nodes: int = 161,
    width: float = 7.0,
) -> MeanVariance:
    """Solve for lognormal returns: geometric Brownian motion with this drift per year, in discounted money."""
    deviation, mean = vol * np.sqrt(maturity / steps), (drift - 0.5 * vol**2) * maturity / steps
    x = np.log(spot) + np.linspace(-width, width, points) * vol * np.sqrt(maturity)
    # The last step sees the payoff's kink and needs a finer rule; all others see a smooth function.
    step = _Step.normal(mean, deviation, 20 * nodes)
    smooth = _Step.normal(mean, deviation, nodes)
    value, left = step.regress(x, payoff(np.exp(x[:, None] + step.moves)))
    rows, error, weight = [value], left, 1.0
    for _ in range(steps - 1):
        weight *= smooth.shrink
        value, left = smooth.regress(x, smooth.ahead(x, value[0]))
        error = weight * left + smooth.ahead(x, error) @ smooth.weight
        rows.append(value)
    values, positions = np.array(rows[::-1]).transpose(1, 0, 2)
    discount = weight * smooth.shrink
    return MeanVariance(_at(x, values[0]), _at(x, error), discount, smooth.tilt, np.exp(x), values, positions)


def ratchet(
    *, spot: float, vol: float, maturity: float, steps: int, every: int, rate: float, drift: float, points: int = 601,
    nodes: int = 161,
) -> MeanVariance:  # fmt: skip
    """Solve for max(Z - S, 0), Z the highest spot at the start and after each ``every`` steps; ``drift`` undiscounted.

    Money is discounted, x is the log of the discounted spot over Z, and V, xi and errors are for a Z of 1, but for
    ``value`` and ``error`` at the start.
    """
    dt, wide = maturity / steps, 7.0 * vol * np.sqrt(maturity)
    x = np.linspace(-wide - rate * maturity, wide, points)
    step = _Step.normal((drift - rate - 0.5 * vol**2) * dt, vol * np.sqrt(dt), nodes)
    last = _Step.normal((drift - rate - 0.5 * vol**2) * dt, vol * np.sqrt(dt), 20 * nodes)

    def ahead(function: np.ndarray, k: int, power: int) -> np.ndarray:
        """As ``_Step.ahead`` from decision k, where Z may rise at the next point."""
        at = x[:, None] + step.moves
        top = -rate * (k + 1) * dt if (k + 1) % every == 0 else np.inf  # x where the spot is Z
        inside = np.clip(np.minimum(at, top), x[0], x[-1])
        return CubicSpline(x, function, bc_type="natural")(inside) * np.exp(power * np.maximum(at - top, 0.0))

    payoff = np.maximum(np.exp(-rate * maturity) - np.exp(x[:, None] + last.moves), 0.0)
    value, error = last.regress(x, payoff)
    rows, weight = [value], 1.0
    for k in range(steps - 2, -1, -1):
        weight *= step.shrink
        value, left = step.regress(x, ahead(value[0], k, 1))
        error = weight * left + ahead(error, k, 2) @ step.weight
        rows.append(value)
    values, positions = np.array(rows[::-1]).transpose(1, 0, 2)
    first, left = (float(np.interp(0.0, x, function)) for function in (values[0], error))
    return MeanVariance(
        spot * first, spot**2 * left, weight * step.shrink, step.tilt, spot * np.exp(x), spot * values, positions
    )


@dataclass(frozen=True)
class _Step:
    """One step of the returns: log-moves, their weights, and the constants of the recursion."""

    moves: np.ndarray
    weight: np.ndarray
    tilt: float
    shrink: float
    second: float

    @classmethod
    def normal(cls, mean: float, deviation: float, nodes: int) -> "_Step":
        z = np.linspace(-8.0, 8.0, nodes)
        moves, weight = mean + deviation * z, np.exp(-0.5 * z * z)
        weight /= weight.sum()
        first, second = weight @ np.expm1(moves), weight @ np.expm1(moves) ** 2
        return cls(moves, weight, first / second, 1.0 - first**2 / second, second)

    def regress(self, x: np.ndarray, ahead: np.ndarray) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
        """(V_k, xi_k) and psi_k from V_{k+1} at the nodes, (spot, node)."""
        returns = np.expm1(self.moves)
        value = ahead @ (self.weight * (1.0 - self.tilt * returns)) / self.shrink
        change = ahead - value[:, None]
        slope = change @ (self.weight * returns) / self.second
        return (value, slope / np.exp(x)), (change - slope[:, None] * returns) ** 2 @ self.weight

    def ahead(self, x: np.ndarray, function: np.ndarray) -> np.ndarray:
        """A function on the grid, at all nodes of the next point; straight beyond both ends."""
        spline, at = CubicSpline(x, function, bc_type="natural"), x[:, None] + self.moves
        inside = np.clip(at, x[0], x[-1])
        return spline(inside) + (at - inside) * spline(inside, 1)


def _at(x: np.ndarray, function: np.ndarray) -> float:
    return float(function[x.size // 2])
