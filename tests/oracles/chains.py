"""Chains made of known smiles, and real ones made records by hand; Black's formula and SSVI here are SciPy's own."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
from scipy.special import ndtr

from deephedge.data import Origin, Records

NOW = datetime(2024, 3, 1, 21, 0, tzinfo=UTC)
DAYS = (7, 28, 91, 182, 364)
SPOT, RATE, YIELD = 100.0, 0.05, 0.02
# Nodes without static arbitrage: rho and psi differ from expiry to expiry.
TAU = np.array(DAYS) / 365
THETA = np.array([0.0008, 0.0035, 0.0125, 0.026, 0.055])
RHO = np.array([-0.35, -0.45, -0.55, -0.6, -0.62])
PSI = np.array([0.02, 0.05, 0.11, 0.17, 0.26])


def smile(k, theta, rho, psi):
    x = k * psi / theta
    return theta / 2 * (1 + rho * x + np.sqrt((x + rho) ** 2 + 1 - rho**2))


def black(forward, strike, total, call):
    d1 = np.log(forward / strike) / total + total / 2
    value = forward * ndtr(d1) - strike * ndtr(d1 - total)
    return np.where(call, value, value - forward + strike)


def settles(day: date) -> np.datetime64:
    """21:00 UTC in winter, 20:00 in summer: 16:00 in New York."""
    summer = date(2024, 3, 10) <= day < date(2024, 11, 3)
    return np.datetime64(datetime(day.year, day.month, day.day, 20 if summer else 21), "us")


def years(day: date, now: datetime = NOW) -> float:
    return float((settles(day) - np.datetime64(now.replace(tzinfo=None), "us")) / np.timedelta64(365, "D"))


def rows(
    now=NOW, spot=SPOT, scale=1.0, spread=0.02, days=DAYS, nodes=(THETA, RHO, PSI), width=4.0, count=41, **more
) -> pl.DataFrame:
    """One snapshot: ``count`` strikes an expiry, within ``width`` standard deviations, both rights, mids exact."""
    parts = []
    for d, theta, rho, psi in zip(days, *nodes, strict=True):
        day = (now + timedelta(days=d)).date()
        tau = years(day, now)
        forward, discount = spot * np.exp((RATE - YIELD) * tau), np.exp(-RATE * tau)
        k = np.linspace(-width, width, count) * np.sqrt(theta)
        strike = forward * np.exp(k)
        w = scale * smile(k, theta, rho, psi)
        for right in ("put", "call"):
            mid = discount * black(forward, strike, np.sqrt(w), right == "call")
            half = np.minimum(spread / 2 + 0.0 * mid, 0.4 * mid)
            parts.append(
                pl.DataFrame(
                    {"expiry": [day] * count, "strike": strike, "bid": mid - half, "ask": mid + half}
                ).with_columns(right=pl.lit(right))
            )
    same = {"event_time": now, "known_time": now, "underlier": "X", "unit": "USD", "settlement": "pm"}
    same |= {"style": "european", "underlier_price": spot} | more
    return pl.concat(parts).with_columns(pl.lit(value).alias(name) for name, value in same.items())


def records(*frames: pl.DataFrame) -> Records:
    return Records.of("options", pl.concat(frames or [rows()], how="diagonal"), origin=Origin("made"))


def columns(frame: pl.DataFrame, **columns) -> Records:
    """Records of real rows: each column a name or an expression."""
    found = {name: pl.col(of) if isinstance(of, str) else of for name, of in columns.items()}
    return Records.of("options", frame.select(**found), origin=Origin("a real chain"))
