"""The exact entropic price of an option under proportional costs, by dynamic programming on (log-spot, position).

With exponential utility the cash account factors out (Hodges and Neuberger 1989; Davis, Panas and Zariphopoulou 1993),
and what is left at each decision is

    G_n(S, h) = 1/a log E exp a [J_{n+1}(S', h) - h (S' - S)]         hold h over the step
    J_n(S, h) = min_{h'} { c |h' - h| S + G_n(S, h') }                trade to the best position

for a discounted spot that is a geometric Brownian motion without drift. J_0(S, h) is the certainty equivalent of what
the payoff and its hedge will cost from here, the opening trade included; J_0(S, 0) is the indifference price.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline


@dataclass(frozen=True)
class Solution:
    """The value at time 0 on a grid, and the no-transaction band at every decision."""

    spots: np.ndarray  # (spot,)
    positions: np.ndarray  # (position,)
    values: np.ndarray  # J_0, (spot, position)
    lower: np.ndarray  # buy up to here, (step, spot)
    upper: np.ndarray  # sell down to here, (step, spot)
    cost: float

    def value(self, spot: float, position: float = 0.0) -> float:
        """``J_0(spot, position)``; from a position off the grid the trade to its edge is paid first."""
        inside = np.clip(position, self.positions[0], self.positions[-1])
        along = CubicSpline(np.log(self.spots), self.values, axis=0)(np.log(spot))
        return float(np.interp(inside, self.positions, along) + self.cost * spot * abs(position - inside))

    def band(self, step: int, spot: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The positions between which nothing is traded at decision ``step``."""
        return np.interp(spot, self.spots, self.lower[step]), np.interp(spot, self.spots, self.upper[step])


def solve(
    payoff: Callable[[np.ndarray], np.ndarray],
    *,
    spot: float,
    vol: float,
    maturity: float,
    steps: int,
    risk_aversion: float,
    cost: float,
    closing_cost: float = 0.0,
    positions: tuple[float, float] | None = None,
    shape: tuple[int, int] = (301, 241),
    nodes: int = 32,
    width: float = 6.0,
) -> Solution:
    """Solve for a short position in ``payoff`` (cash owed at maturity, a vectorised function of the spot).

    ``cost`` and ``closing_cost`` are shares of the money traded, the second one paid on whatever is held at maturity.
    ``positions`` are the ends of the position grid; by default the range of the payoff's slopes and 0, and a bit more.
    The spot grid reaches ``width`` standard deviations of the whole period to each side.
    """
    deviation = vol * np.sqrt(maturity / steps)
    x = np.log(spot) + np.linspace(-width, width, shape[0]) * vol * np.sqrt(maturity)
    spots = np.exp(x)
    low, high = positions or _reach(payoff, spots)
    h = np.linspace(low, high, shape[1])
    terminal = _Terminal(payoff, closing_cost)
    hold = _last_step(terminal, spots, h, deviation, risk_aversion)
    grid = _Step(x, h, deviation, risk_aversion, nodes)
    bands = []
    for step in reversed(range(steps)):
        if step < steps - 1:
            hold = grid.expect(value)
        value, band = _trade(hold, h, cost * spots)
        bands.append(band)
    lower, upper = np.array(bands[::-1]).transpose(1, 0, 2)
    return Solution(spots, h, value, lower, upper, cost)


@dataclass(frozen=True)
class _Terminal:
    payoff: Callable[[np.ndarray], np.ndarray]
    closing_cost: float

    def __call__(self, spot: np.ndarray, position: np.ndarray) -> np.ndarray:
        return self.payoff(spot) + self.closing_cost * np.abs(position) * spot


def _reach(payoff: Callable, spots: np.ndarray) -> tuple[float, float]:
    slopes = np.append(np.diff(payoff(spots)) / np.diff(spots), 0.0)
    margin = 0.15 * max(np.ptp(slopes), 1e-3)
    return slopes.min() - margin, slopes.max() + margin


def _certainty(exponent: np.ndarray, weight: np.ndarray, axis: int) -> np.ndarray:
    """``log sum_i weight_i exp(exponent_i)`` along an axis, without overflow."""
    top = exponent.max(axis=axis, keepdims=True)
    shape = [-1 if n == axis else 1 for n in range(exponent.ndim)]
    total = np.sum(weight.reshape(shape) * np.exp(exponent - top), axis=axis)
    return np.log(total) + np.squeeze(top, axis)


def _last_step(
    terminal: _Terminal, spots: np.ndarray, h: np.ndarray, deviation: float, risk_aversion: float
) -> np.ndarray:
    """``G_{N-1}``, by a rule so dense that the kink of the payoff does not matter."""
    z = np.linspace(-8.0, 8.0, 961)
    weight = np.exp(-0.5 * z * z)
    weight /= weight.sum()
    growth = np.exp(deviation * z - 0.5 * deviation**2)
    rows = []
    for spot in spots:
        after = spot * growth
        loss = terminal(after[:, None], h) - h * (after - spot)[:, None]
        rows.append(_certainty(risk_aversion * loss, weight, axis=0) / risk_aversion)
    return np.array(rows)


class _Step:
    """The expectation over one step, with splines in log-spot written as one matrix for all quadrature nodes."""

    def __init__(self, x: np.ndarray, h: np.ndarray, deviation: float, risk_aversion: float, nodes: int):
        z, weight = np.polynomial.hermite_e.hermegauss(nodes)
        self.weight, self.risk_aversion = weight / weight.sum(), risk_aversion
        after = x[None, :] + deviation * z[:, None] - 0.5 * deviation**2
        self.interpolate = _spline_matrix(x, after.ravel())
        self.gain = (np.exp(after) - np.exp(x))[:, :, None] * h

    def expect(self, value: np.ndarray) -> np.ndarray:
        ahead = (self.interpolate @ value).reshape(self.gain.shape)
        return _certainty(self.risk_aversion * (ahead - self.gain), self.weight, axis=0) / self.risk_aversion


def _spline_matrix(x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The matrix that takes values on ``x`` to a cubic spline at ``at``, going on straight beyond both ends."""
    spline = CubicSpline(x, np.eye(x.size), bc_type="natural")
    inside = np.clip(at, x[0], x[-1])
    return spline(inside) + (at - inside)[:, None] * spline(inside, 1)


def _trade(hold: np.ndarray, h: np.ndarray, unit_cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two sweeps of the inf-convolution with ``unit_cost * |trade|``, exact on the grid; and the band's two edges."""
    slope = unit_cost[:, None] * h
    selling = np.minimum.accumulate(hold - slope, axis=1) + slope
    buying = np.minimum.accumulate((hold + slope)[:, ::-1], axis=1)[:, ::-1] - slope
    return np.minimum(selling, buying), np.array([_vertex(hold + slope, h), _vertex(hold - slope, h)])


def _vertex(function: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Where each row is least, by the parabola through the least point and its two neighbours."""
    middle = np.clip(np.argmin(function, axis=1), 1, h.size - 2)
    rows = np.arange(function.shape[0])
    left, centre, right = (function[rows, middle + shift] for shift in (-1, 0, 1))
    curvature = left - 2.0 * centre + right
    shift = np.where(curvature > 0.0, 0.5 * (left - right) / np.where(curvature > 0.0, curvature, 1.0), 0.0)
    return h[middle] + np.clip(shift, -1.0, 1.0) * (h[1] - h[0])
