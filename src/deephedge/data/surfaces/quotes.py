"""Implied volatilities of the quotes that a surface is fitted to."""

from dataclasses import dataclass

import jax
import numpy as np

from deephedge.core.double import in_float64
from deephedge.data.surfaces.chain import Chain
from deephedge.data.surfaces.parity import Forwards
from deephedge.pricing import black
from deephedge.pricing.implied import implied_volatility

REACH = 4.0  # standard deviations from the money
FEWEST = 5  # quotes that a smile needs
SURE = 1e-3  # volatility: no quote counts as known to less than a tenth of a point

black_price = jax.jit(black.price)
black_vol = jax.jit(implied_volatility)
black_vega = jax.jit(black.vega)


@dataclass(frozen=True, eq=False)
class Quotes:
    """Options out of the money, by expiry and strike: arrays of one length.

    ``n``: which expiry of ``forwards``. ``k``: log-moneyness :math:`\\log(K/F)`. ``tau``: years. ``vol``: Black's, of
    the mid, per root year. ``error``: half of the spread in volatility. ``low`` and ``high``: bid and ask, cash.
    ``unit``: the discounted forward, cash.
    """

    forwards: Forwards
    n: np.ndarray
    k: np.ndarray
    tau: np.ndarray
    vol: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    unit: np.ndarray

    def taking(self, rows: np.ndarray) -> "Quotes":
        """Only these rows."""
        names = ("n", "k", "tau", "vol", "error", "low", "high", "unit")
        return Quotes(self.forwards, *(getattr(self, name)[rows] for name in names))

    def inside(self, vol: np.ndarray) -> np.ndarray:
        """Whether the price that a volatility gives lies within bid and ask."""
        price = self.unit * in_float64(black_price, np.ones_like(self.k), np.exp(self.k), vol, self.tau, self.k >= 0)
        return (price >= self.low) & (price <= self.high)


def quoted(chain: Chain, at: Forwards, bid: np.ndarray | None = None, ask: np.ndarray | None = None) -> Quotes:
    """The quotes of ``chain`` out of the money by the forwards ``at``, within four standard deviations of it.

    The standard deviation is that of the quote nearest to the money; expiries with fewer than five quotes are left out.
    ``bid`` and ``ask`` stand in for those of the chain (without the right of early exercise, say).
    """
    bid, ask = chain.bid if bid is None else bid, chain.ask if ask is None else ask
    n = np.searchsorted(at.settles, chain.settles)
    known = n < len(at.settles)
    n = np.minimum(n, max(len(at.settles) - 1, 0))
    known &= at.settles[n] == chain.settles if len(at.settles) else False
    n, rows = n[known], np.flatnonzero(known)
    out = chain.call[rows] == (chain.strike[rows] >= at.forward[n])
    n, rows = n[out], rows[out]
    k, unit = np.log(chain.strike[rows] / at.forward[n]), at.discount[n] * at.forward[n]
    tau, one, call = at.tau[n], np.ones(len(n)), k >= 0
    vol = in_float64(black_vol, 0.5 * (bid + ask)[rows] / unit, one, np.exp(k), tau, call)
    live = np.isfinite(vol) & (vol > 0)
    vega = unit * in_float64(black_vega, one, np.exp(k), np.where(live, vol, 1.0), tau)
    error = np.maximum(0.5 * (ask - bid)[rows] / np.maximum(vega, 1e-12 * unit), SURE)
    whole = Quotes(at, n, k, tau, vol, error, bid[rows], ask[rows], unit).taking(np.flatnonzero(live))
    away = np.lexsort((np.abs(whole.k), whole.n))
    money = np.full(len(at.tau), np.nan)
    first = away[np.unique(whole.n[away], return_index=True)[1]]
    money[whole.n[first]] = whole.vol[first]
    whole = whole.taking(np.flatnonzero(np.abs(whole.k) <= REACH * money[whole.n] * np.sqrt(whole.tau)))
    return whole.taking(np.flatnonzero(np.bincount(whole.n, minlength=len(at.tau))[whole.n] >= FEWEST))
