"""Chains made of known smiles, and real ones made records by hand; Black's formula and SSVI here are SciPy's own."""

import os
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import polars as pl
import pytest
from scipy.special import ndtr

from deephedge.data import Origin, Records
from deephedge.data.surfaces import Surface
from deephedge.pricing.ssvi import static_arbitrage

FAIR = 1e-11  # of the forward: rounding
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


def market_file(name: str) -> Path:
    """A file of the data folder; skips where it is not at hand."""
    folder = Path(os.environ.get("DEEPHEDGE_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"))
    if not (folder / name).is_file():
        pytest.skip(f"no market data at {folder / name}; set DEEPHEDGE_DATA to the folder that holds B_options")
    return folder / name


def arbitrage(surface: Surface, times: int = 60, width: float = 8.0) -> dict[str, float]:
    """The worst static arbitrage on a dense grid of strikes and times, in units of the forward.

    Calendar arbitrage is that of calls at the same strike over the forward; strikes reach eight standard deviations.
    """
    tau = np.unique(np.concatenate([surface.tau, np.linspace(0.2 * surface.tau[0], 1.3 * surface.tau[-1], times)]))
    nodes = surface.nodes(tau)
    reach = width * np.sqrt(nodes[0].max())
    k = np.unique(np.concatenate([np.linspace(-reach, reach, 801), np.linspace(-0.05, 0.05, 101)]))
    w = smile(k, *(row[:, None] for row in nodes))
    put, call = (black(1.0, np.exp(k), np.sqrt(w), right) for right in (False, True))
    calls = np.where(k < 0, put + 1.0 - np.exp(k), call)
    with jax.enable_x64(True):
        found = static_arbitrage(jnp.asarray(calls), jnp.asarray(np.exp(k)))
    return {name: float(size) for name, size in found.items()}
