"""What the right of early exercise is worth in American quotes, taken out of them."""

from dataclasses import replace

import jax
import numpy as np

from deephedge.core.double import in_float64
from deephedge.data.surfaces.chain import Chain
from deephedge.data.surfaces.parity import NEAR, Forwards, forwards
from deephedge.data.surfaces.quotes import REACH, black_price, black_vol
from deephedge.pricing import american

ROUNDS = 4  # of the volatility
TURNS = 4  # of forwards and premiums where the rate is given
_price = jax.jit(lambda *row: american.price(*row[:-1], call=row[-1]))


def premiums(chain: Chain, at: Forwards) -> np.ndarray:
    r"""Cash of each quote that is owed to early exercise: at the volatility :math:`\sigma` at which the American price
    under Black and Scholes, at the rate and yield that ``at`` implies, is the mid, that price less the European one.

    The volatility comes from the fixed point :math:`P(\sigma_{n+1})=\text{mid}-(A-P)(\sigma_n)`, with :math:`A` and
    :math:`P` the two prices; NaN where the quote has none (at or below what exercise pays), 0 further than four
    standard deviations out of the money or 10 % in it, where nothing is asked for. Dividends are read as a yield.
    """
    if not len(at.tau):
        return np.zeros(len(chain))
    n = np.minimum(np.searchsorted(at.settles, chain.settles), len(at.settles) - 1)
    forward, discount, tau = at.forward[n], at.discount[n], at.tau[n]
    k = np.log(chain.strike / forward)
    inward = np.where(chain.call, -k, k)
    rows = np.flatnonzero((at.settles[n] == chain.settles) & (inward < NEAR))
    spot = np.where(np.isfinite(chain.spot), chain.spot, discount * forward)[rows]
    strike, call, mid = (row[rows] for row in (chain.strike, chain.call, chain.mid))
    rate = -np.log(discount[rows]) / tau[rows]
    terms = (tau[rows], rate, rate - np.log(forward[rows] / spot) / tau[rows], call)
    plain = (forward[rows], strike, tau[rows], call)
    early = np.zeros(len(rows))
    for _ in range(ROUNDS):
        vol = _vol((mid - early) / discount[rows], *plain)
        live = np.isfinite(vol) & (vol > 0) & (inward[rows] > -REACH * vol * np.sqrt(tau[rows]))
        safe = np.where(live, vol, 0.2)
        european = discount[rows] * in_float64(black_price, forward[rows], strike, safe, tau[rows], call)
        gain = np.maximum(in_float64(_price, spot, strike, safe, *terms) - european, 0.0)
        early = np.where(live, gain, np.where(np.isfinite(vol), 0.0, np.nan))
    found = np.zeros(len(chain))
    found[rows] = early
    return found


def _vol(price: np.ndarray, forward: np.ndarray, strike: np.ndarray, tau: np.ndarray, call: np.ndarray) -> np.ndarray:
    """By the option out of the money, whose time value is not lost in rounding."""
    out = strike >= forward
    value = price - np.where(call == out, 0.0, np.where(call, forward - strike, strike - forward))
    return in_float64(black_vol, np.where(value > 0, value, np.nan), forward, strike, tau, out)


def european_forwards(chain: Chain, rate: float | None = None) -> tuple[Forwards, np.ndarray]:
    """`forwards` of an American chain once `premiums` at a first guess are taken out, and the premiums at these.

    Premiums flatten the line of parity, so the first guess of the rate is too low: 1.1 to 2.3 % a year for five shares
    on 2025-12-03, when two-year Treasury notes paid 3.5 %. After one turn it is 3.2 to 3.8 %; turned on until nothing
    moves, 3.7 to 5.3 %, because each turn answers an error of the slope with three quarters of it more. So it turns
    once; where the rate is known, give it.
    """
    at = forwards(chain, rate)
    for _ in range(1 if rate is None else TURNS):
        kept = np.nan_to_num(premiums(chain, at))
        at = forwards(replace(chain, bid=chain.bid - kept, ask=chain.ask - kept), rate)
    return at, premiums(chain, at)
