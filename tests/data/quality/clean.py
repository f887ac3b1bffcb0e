"""Clean series and chains, simulated, for checks to leave alone and for tests to spoil."""

import numpy as np
import polars as pl
from scipy.stats import norm

from deephedge.data import Origin, Records

STRIKES = np.arange(70.0, 131.0, 5.0)
RATE = 0.03


def stamped(days: np.ndarray, time: str = "16:00", zone: str = "America/New_York") -> pl.Series:
    local = pl.Series(days.astype("datetime64[us]")).dt.offset_by(time.replace(":", "h") + "m")
    return local.dt.replace_time_zone(zone).dt.convert_time_zone("UTC")


def series(seed: int, rows: int = 160, vol: float = 0.01, tails: float | None = None) -> pl.DataFrame:
    """A price on weekdays at the close of New York."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal(rows) if tails is None else rng.standard_t(tails, rows)
    at = stamped(np.busday_offset("2023-09-01", np.arange(rows)))
    price = 100.0 * np.exp(np.cumsum(vol * noise))
    return pl.DataFrame({"event_time": at, "known_time": at, "name": "A", "value": price, "unit": "USD"})


def monthly(seed: int, rows: int = 60, lag: str = "14d") -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    month = (np.datetime64("2015-01") + np.arange(rows)).astype("datetime64[D]")
    at = stamped(month)
    level = 250.0 * np.exp(np.cumsum(0.002 + 0.001 * rng.standard_normal(rows)))
    return pl.DataFrame(
        {"event_time": at, "known_time": at.dt.offset_by(lag), "name": "us.cpi", "value": level, "unit": "index"}
    )


def black(call: np.ndarray, spot: np.ndarray, strike: np.ndarray, vol: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """By hand, beside `deephedge.pricing`."""
    total, discount = vol * np.sqrt(tau), np.exp(-RATE * tau)
    d1 = (np.log(spot / strike) + RATE * tau) / total + total / 2
    sign = np.where(call, 1.0, -1.0)
    return sign * (spot * norm.cdf(sign * d1) - strike * discount * norm.cdf(sign * (d1 - total)))


def chain(seed: int, snapshots: int = 3) -> pl.DataFrame:
    """European options on "SPX" (Black and Scholes, a skew that has no arbitrage, bid and ask around the price)."""
    rng = np.random.default_rng(seed)
    days = np.busday_offset("2024-03-04", np.arange(snapshots))
    spots = 100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal(snapshots)))
    expiries = np.array(["2024-03-22", "2024-04-19", "2024-06-21"], "datetime64[D]")
    day, expiry, strike, call = (
        x.ravel() for x in np.meshgrid(np.arange(snapshots), expiries, STRIKES, [True, False], indexing="ij")
    )
    tau = (expiry - days[day]) / np.timedelta64(365, "D")
    vol = 0.25 - 0.1 * np.log(strike / 100.0) + 0.0 * tau
    price = black(call, spots[day], strike, vol, tau)
    half = 0.01 + 0.01 * price
    bid = np.floor(np.maximum(price - half, 0.0) * 100) / 100
    ask = np.ceil((price + half) * 100) / 100
    at = stamped(days[day])
    return pl.DataFrame({
        "event_time": at, "known_time": at, "underlier": "SPX", "root": "SPXW", "settlement": "pm",
        "expiry": pl.Series(expiry), "strike": strike, "right": np.where(call, "call", "put"), "style": "european",
        "bid": bid, "ask": ask, "vol": vol, "underlier_price": spots[day], "unit": "USD",
    })  # fmt: skip


def of(frame: pl.DataFrame) -> Records:
    return Records.of("options" if "strike" in frame.columns else "values", frame, origin=Origin("simulated"))
