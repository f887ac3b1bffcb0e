"""A day of S&P 500 options as a surface: forwards by parity, smiles without arbitrage, factors, marks.

Reads the Cboe file in the folder DEEPHEDGE_DATA; without it the chain is simulated from known smiles.
"""

import os
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import polars as pl

from deephedge.data import Origin, Records
from deephedge.data.layouts.cboe import Cboe
from deephedge.data.surfaces import Listed, Surface, delta_vols, factors, marks, surfaces

FILE = Path(os.environ.get("DEEPHEDGE_DATA", "")) / "B_options" / "spx_cboe_delayed_2019-04-25_2019-06-28.parquet"
NOW, SPOT = datetime(2019, 5, 31, 20, 15, tzinfo=UTC), 2750.0


def simulated() -> pl.DataFrame:
    """Put and call at 31 strikes of five expiries, a spread of half a unit of cash."""
    days = np.datetime64("2019-05-31") + 28 * np.arange(1, 6)
    settles = days.astype("datetime64[us]") + np.timedelta64(20, "h")
    theta = 0.03 * (days - days[0] + 28).astype(float) / 365
    made = Surface.of("SPX", NOW, settles, SPOT, theta=theta, rho=-0.6, psi=0.9 * np.sqrt(theta))
    n, strike, call = (x.ravel() for x in np.meshgrid(range(5), np.linspace(2300, 3050, 31), (True, False)))
    n = n.astype(int)
    mid, right = made.price(settles[n], strike, call), np.where(call, "call", "put")
    frame = pl.DataFrame({"expiry": days[n], "strike": strike, "right": right, "bid": mid - 0.25, "ask": mid + 0.25})
    same = {"event_time": NOW, "known_time": NOW, "underlier": "SPX", "underlier_price": SPOT}
    return frame.with_columns(pl.lit(value).alias(name) for name, value in same.items())


if FILE.is_file():
    day = pl.scan_parquet(FILE).filter(pl.col("quotedate") == datetime(2019, 5, 31)).collect()
    records = Records.of("options", Cboe().rows(day, FILE.name), origin=Origin(FILE.name, "Cboe"))
else:
    records = Records.of("options", simulated(), origin=Origin("simulated"))
(surface,) = surfaces(records)
print(surface, dict(surface.dropped))
print({name: round(value, 4) for name, value in factors(surface).items()})
print("volatility by delta, 1 and 3 months:", delta_vols(surface, [30 / 365, 91 / 365]).round(4).tolist())
held = marks([surface], [Listed("SPX", date(2019, 6, 28), 2700.0, "put")], [NOW], records)
print(held.select("mark", "bid", "ask", "model", "delta", "source"))
