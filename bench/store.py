"""A store of a hundred million simulated quotes: ``python -m bench.store``. Measures adding, reading a year, and SQL.

Each underlier has a chain of 13,300 quotes (35 expiries, 190 strikes, calls and puts) on each of 252 days, as the index
of 2019 has. ``--underliers 1 --days 5`` is quick; a full run takes some ten minutes and 3 GB of disk.
"""

import argparse
import datetime
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from bench.kept import keep
from deephedge.data import Origin, Records
from deephedge.data.query import query
from deephedge.data.store import Store

EXPIRIES, STRIKES = 35, 190
HERE = Origin("simulated", "nobody", "none")
READER = """
import resource, sys, time
from pathlib import Path
from deephedge.data.store import Store
began = time.perf_counter()
import polars
imported = time.perf_counter() - began
began = time.perf_counter()
found = Store(Path(sys.argv[1])).read("chains", "2023-01-01", "2024-01-01", bucket="U00")
print(len(found), time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def chain(underlier: str, days: list[datetime.date], rng: np.random.Generator) -> Records:
    """Quotes of these days; prices of a straight line and noise, to the cent, which pack as badly as real ones."""
    expiry = [days[0] + datetime.timedelta(days=7 * (k + 1)) for k in range(EXPIRIES)]
    axes = {"day": days, "expiry": expiry, "strike": np.arange(STRIKES) * 25.0 + 800.0, "right": ["call", "put"]}
    frame = pl.DataFrame({"day": axes["day"]})
    for name in ("expiry", "strike", "right"):
        frame = frame.join(pl.DataFrame({name: axes[name]}), how="cross")
    size = frame.height
    bid = np.round(np.abs(rng.normal(0.0, 80.0, size)), 2)
    taken = pl.col("day").cast(pl.Datetime("us")).dt.replace_time_zone("UTC").dt.offset_by("20h15m")
    frame = frame.with_columns(
        taken.alias("event_time"), taken.alias("known_time"), pl.lit(underlier).alias("underlier"), bid=bid,
        ask=np.round(bid + rng.gamma(2.0, 0.3, size), 2), vol=np.round(rng.gamma(20.0, 0.01, size), 4),
        volume=rng.poisson(3.0, size).astype(float), open_interest=rng.poisson(300.0, size).astype(float),
        unit=pl.lit("USD"), settlement=pl.lit("pm"), style=pl.lit("european"), underlier_price=pl.lit(2900.0),
    )  # fmt: skip
    return Records.of("options", frame.drop("day"), origin=HERE)


def pieces(underliers: int, days: int) -> Iterator[Records]:
    """A piece a month and underlier, within 2023."""
    calendar = [datetime.date(2023, 1, 2) + datetime.timedelta(days=k) for k in range(364)]
    open_days = [day for day in calendar if day.weekday() < 5][:days]
    months = [[day for day in open_days if day.month == month] for month in range(1, 13)]
    for number in range(underliers):
        rng = np.random.default_rng(number)
        for month in months:
            if month:
                yield chain(f"U{number:02d}", month, rng)


def measure(underliers: int, days: int, folder: Path) -> dict[str, float]:
    """Seconds and megabytes of each step."""
    store = Store(folder)
    began = time.perf_counter()
    snapshot = store.add("chains", pieces(underliers, days))
    added = time.perf_counter() - began
    found = [_read_apart(folder) for _ in range(3)]
    began = time.perf_counter()
    sql = "select event_time, avg(ask - bid) from chains where underlier = 'U00' group by 1 order by 1"
    answered = query(store, sql).height
    asked = time.perf_counter() - began
    disk = sum(file.stat().st_size for file in folder.rglob("*.parquet"))
    return {
        "rows": snapshot.rows, "parts": len(snapshot.parts), "disk_gb": disk / 1e9, "add_seconds": added,
        "add_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "year_rows": found[0][0], "year_seconds": sorted(one[1] for one in found)[1],
        "year_peak_mb": max(one[2] for one in found), "sql_seconds": asked, "sql_rows": answered,
    }  # fmt: skip


def _read_apart(folder: Path) -> tuple[float, ...]:
    """A year of one underlier read by a process of its own: nothing is warm but the disk."""
    done = subprocess.run([sys.executable, "-c", READER, str(folder)], capture_output=True, text=True, check=True)
    return tuple(float(word) for word in done.stdout.split())


def main(arguments: list[str] | None = None) -> dict[str, float]:
    """Measure, print, and write the result file unless the run is a small one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--underliers", type=int, default=30)
    parser.add_argument("--days", type=int, default=252)
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="deephedge-store-"))
    try:
        found = measure(given.underliers, given.days, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for name, value in found.items():
        print(f"{name:14} {value:,.2f}")
    if given.underliers * given.days >= 30 * 252:
        keep("store", found)
    return found


if __name__ == "__main__":
    main()
