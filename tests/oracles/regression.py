"""The least mean squared error with several instruments, by regression across simulated paths, last decision first.

The least of E(x + gains - H)^2 is a square in the wealth w reached so far, p (w - V)^2 + rest (Schweizer 1995; Cerny
and Kallsen 2007). With p_N = 1, V_N = H and the moves dX of the discounted prices, each decision is two regressions
with the weight p_{k+1}:

    (V_k, xi_k) = argmin E_k p_{k+1} (v + x . dX - V_{k+1})^2,    a_k = argmin E_k p_{k+1} (1 + a . dX)^2,
    p_k = E_k p_{k+1} (1 + a_k . dX)^2,    best position = xi_k + a_k (w - V_k),

where v, x and a are splines of the state. Without drift a = 0 and p = 1. On the paths that were regressed on, its hedge
errs by less than the least error in truth, on fresh ones by more: the two bracket it.
"""

from dataclasses import dataclass
from functools import reduce

import numpy as np
from scipy.interpolate import BSpline

CHUNK = 20_000


@dataclass(frozen=True)
class Splines:
    """Products of cubic splines of the coordinates of the state, one set for each; a constant one is left out.

    Choose coordinates that are hardly correlated: where there are no paths there is nothing to regress on.
    """

    knots: tuple[np.ndarray | None, ...]

    @classmethod
    def over(cls, state: np.ndarray, pieces: tuple[int, ...]) -> "Splines":
        """Pieces of equal probability; ``state`` is (path, coordinate)."""
        knots = []
        for x, count in zip(state.T, pieces, strict=True):
            ends = np.quantile(x, np.linspace(0.0, 1.0, count + 1))
            knots.append(np.concatenate([ends[:1].repeat(3), ends, ends[-1:].repeat(3)]) if np.ptp(x) > 1e-9 else None)
        return cls(tuple(knots))

    def __call__(self, state: np.ndarray) -> np.ndarray:
        """(path, function); flat beyond the outermost knots."""
        columns = [np.ones((len(state), 1))]
        for x, knots in zip(state.T, self.knots, strict=True):
            if knots is not None:
                columns.append(BSpline.design_matrix(np.clip(x, knots[0], knots[-1]), knots, 3).toarray())
        return reduce(lambda a, b: np.einsum("pi,pj->pij", a, b).reshape(len(state), -1), columns)


@dataclass(frozen=True)
class Decision:
    """V, xi and a at one decision, as coefficients of the splines; p only at the first, where it is one number."""

    splines: Splines
    value: np.ndarray  # (function,)
    hedge: np.ndarray  # (function, instrument)
    tilt: np.ndarray  # (function, instrument)
    shrink: np.ndarray  # p, (function,)

    def position(self, state: np.ndarray, wealth: np.ndarray) -> np.ndarray:
        """The best position, (path, instrument), given the state and the wealth reached so far."""
        seen = self.splines(state)
        return seen @ self.hedge + seen @ self.tilt * (wealth - seen @ self.value)[:, None]


@dataclass(frozen=True)
class Hedge:
    """The best hedge, and the best capital to start it with."""

    decisions: tuple[Decision, ...]

    @property
    def capital(self) -> float:
        """V_0."""
        return float(self.decisions[0].value[0])

    def errors(self, prices: np.ndarray, states: np.ndarray, payoff: np.ndarray, capital: float) -> np.ndarray:
        """Wealth less payoff along paths: ``prices`` (point, path, instrument), ``states`` (step, path, coordinate)."""
        wealth = np.full(payoff.size, float(capital))
        for decision, state, now, then in zip(self.decisions, states, prices[:-1], prices[1:], strict=True):
            wealth = wealth + np.concatenate([
                np.sum(decision.position(state[part], wealth[part]) * (then - now)[part], axis=1)
                for part in _parts(payoff.size)
            ])  # fmt: skip
        return wealth - payoff


def solve(
    prices: np.ndarray, states: np.ndarray, payoff: np.ndarray, *, pieces: tuple[int, ...], martingale: bool
) -> Hedge:
    """Regress on paths, shaped as for ``Hedge.errors``; the first state must be one point.

    ``pieces`` are the numbers of pieces of each coordinate's splines; ``martingale`` says that no price has a drift.
    """
    ahead, shrink, decisions = payoff.astype(float), np.ones(payoff.size), []
    for state, now, then in zip(states[::-1], prices[-2::-1], prices[:0:-1], strict=True):
        moves = (then - now).astype(float)
        splines = Splines.over(state, pieces)
        one, own = np.ones((payoff.size, 1)), np.ones(payoff.size)
        fitted = _regress(splines, state, np.hstack([one, moves]), ahead, shrink)
        value, hedge = fitted[:, 0], fitted[:, 1:]
        tilt, left = np.zeros_like(hedge), _regress(splines, state, one, own, own)[:, 0]
        if not martingale:
            tilt = _regress(splines, state, moves, -own, shrink)
            after = shrink * (1.0 + _applied(splines, state, tilt, moves)) ** 2
            left = _regress(splines, state, one, after, own)[:, 0]
        ahead = _applied(splines, state, value[:, None], one)
        shrink = np.clip(_applied(splines, state, left[:, None], one), 0.0, 1.0)
        decisions.append(Decision(splines, value, hedge, tilt, left))
    return Hedge(tuple(decisions[::-1]))


def _regress(
    splines: Splines, state: np.ndarray, factors: np.ndarray, wanted: np.ndarray, weight: np.ndarray
) -> np.ndarray:
    """Least squares of ``wanted`` on the splines times each factor: coefficients (function, factor)."""
    scale = np.sqrt(np.mean(factors**2, axis=0))
    gram, right = 0.0, 0.0
    for part in _parts(wanted.size):
        seen = splines(state[part])
        columns = np.einsum("pf,pj->pfj", seen, factors[part] / scale).reshape(len(seen), -1)
        weighted = columns * weight[part, None]
        gram, right = gram + weighted.T @ columns, right + weighted.T @ wanted[part]
    ridge = 1e-9 * np.trace(gram) / len(gram)
    return np.linalg.solve(gram + ridge * np.eye(len(gram)), right).reshape(-1, factors.shape[1]) / scale


def _applied(splines: Splines, state: np.ndarray, coefficients: np.ndarray, factors: np.ndarray) -> np.ndarray:
    parts = _parts(len(state))
    return np.concatenate([np.sum(splines(state[p]) @ coefficients * factors[p], axis=1) for p in parts])


def _parts(size: int) -> list[slice]:
    return [slice(start, start + CHUNK) for start in range(0, size, CHUNK)]
