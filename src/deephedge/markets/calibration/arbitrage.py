"""What no arbitrage-free model could fit: faults in a row of option quotes, each told in one sentence."""

import itertools
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np

from deephedge.core.double import in_float64
from deephedge.pricing import black
from deephedge.pricing.implied import implied_volatility

Rows = dict[str, np.ndarray]
Fault = tuple[int, str]
ROUNDING = 1e-9  # of the forward: a price may be off by this
LEAST_VOL = 1e-6  # a quote at its intrinsic value has no volatility; it is read as this one


black_price = jax.jit(black.price)
black_vol = jax.jit(implied_volatility)


def completed(rows: Rows) -> tuple[Rows, list[Fault]]:
    """The rows with both price and vol, and the quotes that are worth too little or too much to have one."""
    k, f, t, out = rows["strike"], rows["forward"], rows["expiry"], rows["strike"] >= rows["forward"]
    # The option out of the money has the same time value, and does not lose it to the rounding of intrinsic value.
    intrinsic = np.where(rows["call"] != out, np.abs(f - k), 0.0)
    if "vol" in rows:
        value = intrinsic + in_float64(black_price, f, k, rows["vol"], t, out)
        return rows | {"price": rows["discount"] * value}, []
    rest, slack = rows["price"] / rows["discount"] - intrinsic, rows["spread"] / rows["discount"] + ROUNDING * f
    low, high = rest < -slack, rest >= np.minimum(f, k)
    vol = in_float64(black_vol, np.maximum(rest, 0.0), f, k, t, out)
    floor = rows["discount"] * intrinsic
    faults = [(n, f"below its intrinsic value {floor[n]:g}") for n in np.flatnonzero(low)]
    faults += [(n, "as much as all that it can pay") for n in np.flatnonzero(high)]
    faults = [(int(n), f"{name(rows, n)} costs {rows['price'][n]:g}, {how}") for n, how in faults]
    return rows | {"vol": np.where(low | high, np.nan, np.maximum(vol, LEAST_VOL))}, faults


def static_arbitrage(rows: Rows) -> Iterator[Fault]:
    """Quotes that beat their neighbours by more than all spreads: by a vertical, a butterfly or a calendar."""
    f, put = rows["forward"], ~rows["call"]
    call = (rows["price"] / rows["discount"] + np.where(put, f - rows["strike"], 0.0)) / f
    slack = rows["spread"] / rows["discount"] / f + ROUNDING
    k = rows["strike"] / f
    by_expiry = [np.flatnonzero(rows["expiry"] == t) for t in np.unique(rows["expiry"])]
    by_expiry = [n[np.argsort(k[n], kind="stable")] for n in by_expiry]
    for n in by_expiry:
        yield from _in_strike(rows, n, k[n], call[n], slack[n])
    for near, far in itertools.pairwise(by_expiry):
        inside = near[(k[near] >= k[far[0]]) & (k[near] <= k[far[-1]])]
        # A convex curve lies below its chords, so the later call is worth no more than this.
        later, room = (np.interp(k[inside], k[far], x[far]) for x in (call, slack))
        for n, at_most in zip(inside, later + room + slack[inside], strict=True):
            if call[n] > at_most:
                worth = f"{call[n]:.6g} against {at_most:.6g} of the forward, as a call"
                yield int(n), f"{name(rows, n)} is worth more than expiry {rows['expiry'][far[0]]:g} allows: {worth}"


def _in_strike(rows: Rows, n: np.ndarray, k: np.ndarray, call: np.ndarray, slack: np.ndarray) -> Iterator[Fault]:
    width, rise, room = np.diff(k), np.diff(call), slack[1:] + slack[:-1]
    for i in np.flatnonzero((rise > room) | (rise < -width - room)):
        yield (
            int(n[i + 1]),
            f"{name(rows, n[i + 1])} and that at {rows['strike'][n[i]]:g} are a vertical spread that pays for nothing",
        )
    if len(n) < 3:
        return
    share = width[1:] / np.maximum(width[1:] + width[:-1], 1e-300)
    at_most, room = (share * x[:-2] + (1.0 - share) * x[2:] for x in (call, slack))
    for i in np.flatnonzero(call[1:-1] > at_most + room + slack[1:-1]):
        low, high = rows["strike"][n[i]], rows["strike"][n[i + 2]]
        worth = f"{call[i + 1]:.6g} against {at_most[i]:.6g} of the forward, as a call between {low:g} and {high:g}"
        yield int(n[i + 1]), f"{name(rows, n[i + 1])} is worth more than its butterfly allows: {worth}"


def name(rows: Rows, n: Any) -> str:
    """How a sentence calls a quote."""
    return (
        f"the {'call' if rows['call'][n] else 'put'} with strike {rows['strike'][n]:g} and expiry {rows['expiry'][n]:g}"
    )
