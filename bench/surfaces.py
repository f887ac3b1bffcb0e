"""Surfaces of all days of a real option chain, timed by stage: ``python -m bench.surfaces --data FOLDER``.

FOLDER (or ``B_options`` in ``DEEPHEDGE_DATA``) holds the file named in FILE: 42 snapshots of S&P 500 options. Reading,
chains, parity, volatilities, both fits, and marks of a hundred options on every day are timed apart, compilation
included; the result file that the docs quote gets seconds and residuals. ``--days 2`` takes two and writes nothing.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np

from bench.kept import keep
from deephedge.data.layouts.cboe import Cboe
from deephedge.data.records import Origin, Records
from deephedge.data.surfaces import Chain, Listed, Surface, chains, forwards, marks
from deephedge.data.surfaces.build import surface_of
from deephedge.data.surfaces.quotes import quoted
from deephedge.data.surfaces.slices import fitted_slices
from deephedge.data.surfaces.ssvi import fitted_ssvi

FILE = "spx_cboe_delayed_2019-04-25_2019-06-28.parquet"
BAR = 60.0  # seconds for 45 days
LIVES = {
    "all": (0, 9999), "to 1 week": (0, 7), "to 1 month": (7, 30), "to 3 months": (30, 91), "to 1 year": (91, 365),
    "longer": (365, 9999),
}  # fmt: skip


class Clock:
    """Seconds and CPU seconds by stage."""

    def __init__(self) -> None:
        self.stages: dict[str, list[float]] = {}

    def __call__(self, stage: str, function, *arguments):
        began, busy = time.perf_counter(), time.process_time()
        result = function(*arguments)
        spent = (time.perf_counter() - began, time.process_time() - busy)
        self.stages[stage] = [a + b for a, b in zip(self.stages.get(stage, (0.0, 0.0)), spent, strict=True)]
        return result


def read(folder: Path) -> Records:
    import polars as pl

    return Records.of("options", Cboe().rows(pl.read_parquet(folder / FILE), FILE), origin=Origin(FILE, "Cboe"))


def held(found: list[Chain]) -> list[Listed]:
    """A hundred options of the first day that live to the last one, evenly through the chain."""
    chain, last = found[0], found[-1].event_time.date()
    days = chain.settles.astype("datetime64[D]").astype(object)
    rows = np.flatnonzero(days > last)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, 100).astype(int))]
    noon = (chain.settles - chain.settles.astype("datetime64[D]")) < np.timedelta64(16, "h")
    return [
        Listed("SPX", days[n], float(chain.strike[n]), "call" if chain.call[n] else "put", "am" if noon[n] else "pm")
        for n in rows
    ]


def built(clock: Clock, found: list[Chain]) -> dict[str, list[Surface]]:
    """Surfaces of both kinds of smiles."""
    made: dict[str, list[Surface]] = {"ssvi": [], "slices": []}
    for chain in found:
        at = clock("parity", forwards, chain)
        quotes = clock("volatilities", quoted, chain, at)
        rough = clock("SSVI", fitted_ssvi, quotes)
        fine = clock("slices", fitted_slices, quotes, rough)
        for kind, nodes in (("ssvi", rough), ("slices", fine)):
            made[kind].append(clock("residuals", surface_of, chain, at, quotes, nodes))
    return made


def residuals(found: list[Surface]) -> dict[str, object]:
    """Volatility points, weighted by quotes, and by time left of the expiry."""
    names = ("tau", "quotes", "rmse", "inside")
    tau, quotes, rmse, inside = (np.concatenate([getattr(s, name) for s in found]) for name in names)
    table = {}
    for name, (low, high) in LIVES.items():
        rows = (tau * 365 > low) & (tau * 365 <= high)
        weight = quotes[rows]
        size, share = np.sqrt(np.average(rmse[rows] ** 2, weights=weight)), np.average(inside[rows], weights=weight)
        table[name] = {"rmse": float(size), "inside": float(share), "quotes": int(weight.sum())}
    by_day = [float(np.sqrt(np.average(s.rmse**2, weights=s.quotes))) for s in found]
    return {"by time left": table, "by day": dict(zip([str(s.event_time.date()) for s in found], by_day, strict=True))}


def main(arguments: list[str] | None = None) -> dict[str, object]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DEEPHEDGE_DATA", "data")) / "B_options")
    parser.add_argument("--days", type=int, default=0, help="only so many, and no result file")
    options = parser.parse_args(arguments)
    if not (options.data / FILE).is_file():
        print(f"no {FILE} in {options.data}; give the folder with --data")
        return {}
    clock = Clock()
    records = clock("read", read, options.data)
    found = clock("chains", chains, records)[: options.days or None]
    made = built(clock, found)
    contracts, times = held(found), [chain.known_time for chain in found]
    table = clock("marks", marks, made["slices"], contracts, times, found)
    total = np.sum(list(clock.stages.values()), axis=0)
    results: dict[str, object] = {
        "days": len(found), "rows": len(records), "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0], "seconds": {name: spent[0] for name, spent in clock.stages.items()},
        "cpu_seconds": {name: spent[1] for name, spent in clock.stages.items()},
        "total": {"seconds": float(total[0]), "cpu_seconds": float(total[1]), "bar_for_45_days": BAR},
        "marks": dict(table["source"].value_counts().iter_rows()),
        "residuals": {kind: residuals(surfaces) for kind, surfaces in made.items()},
    }  # fmt: skip
    for name, (wall, cpu) in clock.stages.items():
        print(f"{name:<14}{wall:7.2f} s {cpu:7.2f} s of CPU")
    print(f"{'all':<14}{total[0]:7.2f} s {total[1]:7.2f} s of CPU for {len(found)} days (bar: {BAR:.0f} s for 45)")
    for kind in made:
        for name, row in results["residuals"][kind]["by time left"].items():
            size = f"{row['rmse']:6.3f} vol points, {row['inside']:.1%} inside"
            print(f"{kind:<8}{name:<14}{size}, {row['quotes']:,} quotes")
    print(f"marks: {results['marks']}")
    if not options.days:
        keep("surfaces", results)
    return results


if __name__ == "__main__":
    main()
