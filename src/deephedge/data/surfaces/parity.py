r"""Forwards and discounts of a chain by put-call parity, :math:`C - P = D\,(F - K)`, robustly."""

from dataclasses import dataclass

import numpy as np

from deephedge.data.surfaces.chain import Chain

NEAR = 0.1  # log-moneyness, as far as American options are used
FEWEST = 3  # strikes with put and call
SURE = 0.003  # a rate with a larger standard error is shared by all expiries


@dataclass(frozen=True, eq=False)
class Forwards:
    """What parity says of each expiry, in order: arrays of one length.

    ``settles``: the moment, UTC. ``tau``: years. ``forward``: cash. ``discount``: cash now for one unit then.
    ``pairs``: the strikes used. ``own``: whether the discount is the expiry's own, or one rate of all the others.
    """

    settles: np.ndarray
    tau: np.ndarray
    forward: np.ndarray
    discount: np.ndarray
    pairs: np.ndarray
    own: np.ndarray


def forwards(chain: Chain, rate: float | None = None) -> Forwards:
    r"""Forward and discount of every expiry of ``chain`` with three strikes or more that have both put and call.

    A line through :math:`C-P` over strikes with Huber's loss, each strike by the half spreads of its two quotes, has
    slope :math:`-D`. Where the rate :math:`-\log D/\tau` has a standard error above 0.3 %, the median rate of all
    expiries is taken, weighted by the inverse squares of these errors (or ``rate``, per year, for all where given).
    The forward is the weighted median of :math:`K+(C-P)/D`.

    A coin pays no interest in coin, so for quotes in coin :math:`DF` is the price :math:`U` that turned them into cash:
    :math:`D` is the weighted median of :math:`(U-C+P)/K`, and :math:`F=U/D`. It is 1 to a spread where an exchange
    publishes the forward of the expiry (Deribit), and :math:`S/F` where it publishes the index (OKX).

    American options fulfil parity only as :math:`S-K\le C-P\le S-KD`: only strikes within 10 % of the money are used,
    and what is left is the bias of the early exercise premiums there (see `deephedge.data.surfaces.early`).
    Source: Huber (1964) for the loss.
    """
    settles, first, index = np.unique(chain.settles, return_index=True, return_inverse=True)
    pair = paired(chain, index)
    n, strike, gap, error = index[pair], chain.strike[pair], chain.mid[pair + 1] - chain.mid[pair], _error(chain, pair)
    tau = chain.tau[first]
    money = np.array([_money(strike[n == i], gap[n == i]) for i in range(len(tau))])
    if chain.american:
        near = np.abs(np.log(strike / money[n])) < NEAR
        n, strike, gap, error = n[near], strike[near], gap[near], error[near]
    pairs = np.bincount(n, minlength=len(tau))
    live = np.flatnonzero(pairs >= FEWEST)
    if chain.coin:
        unit = np.array([np.median(chain.spot[index == i]) for i in live])
        own = np.ones(len(live), bool)
        discount = _medians((chain.spot[pair] - gap) / strike, strike / error, n, live)
        return Forwards(settles[live], tau[live], unit / discount, discount, pairs[live], own)
    rates, sure = np.full(len(tau), rate or 0.0), np.zeros(len(tau), bool)
    if live.size and rate is None:
        found = np.array([_rate(strike[n == i], gap[n == i], error[n == i], tau[i]) for i in live])
        sure[live] = found[:, 1] < SURE
        rates[:] = _weighted_median(found[:, 0], 1.0 / found[:, 1] ** 2)
        rates[live] = np.where(sure[live], found[:, 0], rates[live])
    discount = np.exp(-rates * tau)
    forward = _medians(strike + gap / discount[n], 1.0 / error, n, live)
    return Forwards(settles[live], tau[live], forward, discount[live], pairs[live], sure[live])


def paired(chain: Chain, index: np.ndarray) -> np.ndarray:
    """Rows of puts that are followed by the call of the same strike and expiry."""
    same = (np.diff(index) == 0) & (np.diff(chain.strike) == 0.0) & chain.call[1:] & ~chain.call[:-1]
    return np.flatnonzero(same)


def _error(chain: Chain, pair: np.ndarray) -> np.ndarray:
    return np.hypot(chain.half[pair], chain.half[pair + 1])


def _money(strike: np.ndarray, gap: np.ndarray) -> float:
    """The strike at which put and call cost the same, roughly."""
    return float(strike[np.argmin(np.abs(gap))]) if len(strike) else np.nan


def _rate(strike: np.ndarray, gap: np.ndarray, error: np.ndarray, tau: float) -> tuple[float, float]:
    """The rate that the slope over strikes gives, and its standard error."""
    from scipy.optimize import least_squares

    scale = float(np.mean(strike))
    rows = np.stack([np.ones_like(strike), -strike / scale], axis=1) / error[:, None]
    target = gap / error
    start = np.linalg.lstsq(rows, target, rcond=None)[0]
    fit = least_squares(lambda p: rows @ p - target, start, lambda p: rows, loss="huber", x_scale="jac")
    discount = fit.x[1] / scale
    if not 0.1 < discount < 10.0:
        return 0.0, 1e6
    noise = max(1.0, float(np.sqrt(2.0 * fit.cost / max(len(strike) - 2, 1))))
    error_of = noise * np.sqrt(np.linalg.pinv(rows.T @ rows)[1, 1]) / scale / discount / tau
    return float(-np.log(discount) / tau), float(error_of)


def _medians(values: np.ndarray, weights: np.ndarray, n: np.ndarray, live: np.ndarray) -> np.ndarray:
    return np.array([_weighted_median(values[n == i], weights[n == i]) for i in live])


def _weighted_median(values: np.ndarray, weights: np.ndarray) -> float:
    """The value with half of the weight on each side, the mean of two where it falls between them."""
    order = np.argsort(values, kind="stable")
    share = np.cumsum(weights[order])
    low, high = (np.searchsorted(share, 0.5 * share[-1], side=side) for side in ("left", "right"))
    return float(0.5 * (values[order][low] + values[order][min(high, len(values) - 1)]))
