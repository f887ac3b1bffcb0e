"""Estimation of dynamic conditional correlation: NumPy arrays in, a market out."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from scipy import optimize, signal, special

from deephedge.core.errors import require
from deephedge.markets.dcc import Dcc
from deephedge.markets.garch import Gjr
from deephedge.markets.history import Numbers
from deephedge.markets.panel_fit import checked, fit_price

Rows = np.ndarray
FIRST = (0.97, 0.03)  # where the search starts: the sum, and the share of news in it


class FittedDcc(NamedTuple):
    """The market from today on, standard errors of ``news`` and ``memory``, and each day's correlation matrix."""

    market: Dcc
    errors: dict[str, float]
    correlations: Rows


def fit_dcc(
    history: Mapping[str, Numbers],
    *,
    residuals: str = "normal",
    drift: str = "martingale",
    distribution: str = "normal",
    spot: Mapping[str, float] | None = None,
) -> FittedDcc:
    r"""Fit a `Dcc` to ``history``, daily closes of equal length by name, in Engle's (2002) two stages.

    First a GJR variance for each price, by quasi-likelihood and targeted; then, with the target set to the correlation
    matrix of the standardised residuals, ``news`` and ``memory`` by the quasi-likelihood

    .. math:: -\tfrac12\sum_t\left(\log\det R_t+z_t^\top R_t^{-1}z_t\right).

    ``residuals``: ``"normal"``, or ``"historical"`` for those of history, rotated by the inverse Cholesky factor of
    each day's matrix. ``drift``: ``"martingale"`` or ``"historical"``. Prices start at their last close unless ``spot``
    gives another. Errors are robust (a sandwich) and of the second stage alone.

    Raises ``DataError`` as `fit_panel` does.

    >>> import numpy as np
    >>> closes = np.exp(np.cumsum(0.01 * np.random.default_rng(0).standard_normal((400, 2)), axis=0))
    >>> sorted(fit_dcc({"SPX": closes[:, 0], "DAX": closes[:, 1]}).errors)
    ['memory', 'news']
    """
    known = ("normal", "historical")
    require(residuals in known, f"residuals must be one of {known}, was {residuals!r}")
    require(drift in ("martingale", "historical"), f"drift must be 'martingale' or 'historical', was {drift!r}")
    rows, spot = checked(history, dict.fromkeys(history, "price")), dict(spot or {})
    require(len(rows) > 1, f"correlation needs two prices or more, had {sorted(rows)}")
    require(set(spot) <= set(rows), f"spot must name prices of {sorted(rows)}, was {sorted(spot)}")
    fits = [fit_price(np.diff(np.log(row)), distribution) for row in rows.values()]
    z = np.stack([fit[1] for fit in fits], axis=1)
    target = np.corrcoef(z.T)
    news, memory, errors = fit_correlation(z, target)
    q = matrices(news, memory, z, target)
    r = correlations(q)
    rotated = np.linalg.solve(np.linalg.cholesky(r[:-1]), z[..., None])[..., 0]
    market = Dcc(
        tuple(rows),
        tuple(Gjr(*fit[0]) for fit in fits),
        news,
        memory,
        target,
        variance=[fit[2][-1] for fit in fits],
        start=q[-1],
        residuals=None if residuals == "normal" else rotated,
        spot=[spot.get(name, row[-1]) for name, row in rows.items()],
        drift=[fit[3] for fit in fits] if drift == "historical" else None,
    )
    return FittedDcc(market, errors, r)


def matrices(news: float, memory: float, z: Rows, target: Rows) -> Rows:
    """Q of every day and of the one to come, from the target on: a linear filter of each product of residuals."""
    products = np.einsum("ti,tj->tij", z, z) - target
    away = signal.lfilter([news], [1.0, -memory], products, axis=0)
    return target + np.concatenate([np.zeros_like(away[:1]), away])


def correlations(q: Rows) -> Rows:
    """Each matrix scaled to 1 on its diagonal."""
    scale = 1.0 / np.sqrt(np.diagonal(q, axis1=1, axis2=2))
    return q * scale[:, :, None] * scale[:, None, :]


def likelihoods(news: float, memory: float, z: Rows, target: Rows) -> Rows:
    """Each day's quasi log-likelihood, but for what is no function of the correlations."""
    r = correlations(matrices(news, memory, z, target)[:-1])
    forms = np.einsum("ti,ti->t", z, np.linalg.solve(r, z[..., None])[..., 0])
    return -0.5 * (np.linalg.slogdet(r)[1] + forms)


def fit_correlation(z: Rows, target: Rows) -> tuple[float, float, dict[str, float]]:
    """``news``, ``memory`` and their standard errors; searched as logits of the sum and of the share of news."""

    def both(x: Rows) -> tuple[float, float]:
        total, share = special.expit(x)
        return total * share, total * (1.0 - share)

    def loss(x: Rows) -> float:
        return -float(likelihoods(*both(x), z, target).mean())

    found = optimize.minimize(loss, special.logit(FIRST), method="Nelder-Mead", options={"xatol": 1e-4, "fatol": 1e-9})
    news, memory = both(found.x)
    spread = _errors(np.array([news, memory]), z, target)
    return news, memory, {"news": spread[0], "memory": spread[1]}


def _errors(at: Rows, z: Rows, target: Rows) -> list[float]:
    """Roots of the diagonal of the sandwich, by central differences inside the domain."""
    step = np.minimum(1e-3, 0.3 * np.minimum(at, 1.0 - at.sum()))
    moves = np.diag(np.maximum(step, 1e-7))

    def value(move: Rows) -> Rows:
        return likelihoods(*(at + move), z, target)

    scores = np.stack([(value(m) - value(-m)) / (2.0 * m.sum()) for m in moves])
    bend = np.empty((2, 2))
    for i, m in enumerate(moves):
        for j, n in enumerate(moves):
            four = value(m + n) - value(m - n) - value(n - m) + value(-m - n)
            bend[i, j] = four.sum() / (4.0 * m.sum() * n.sum())
    inverse = np.linalg.pinv(bend)
    return np.sqrt(np.maximum(np.diag(inverse @ (scores @ scores.T) @ inverse), 0.0)).tolist()
