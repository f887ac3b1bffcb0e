"""A book of ten thousand positions of mixed kinds, read from a file and valued along a thousand paths of sixty points.

``python -m bench.books``: seconds and memory, compiling apart; writes a dated result file.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

import jax
import numpy as np

import deephedge as dh
from bench.kept import keep
from deephedge.evaluation import valued
from deephedge.studies import read_book

KINDS = (
    ("EuropeanCall", {}), ("EuropeanPut", {}), ("Digital", {"cash": 1.0}), ("Forward", {}),
    ("Barrier", {"barrier": 1.6, "up": True, "out": True}), ("EuropeanCall", {"start": 0.25}),
)  # fmt: skip


def written(file: Path, positions: int, seed: int) -> None:
    """A JSON file of positions: two underliers, strikes and dates all different."""
    rng, rows = np.random.default_rng(seed), []
    for n in range(positions):
        kind, more = KINDS[n % len(KINDS)]
        strike, expiry = float(rng.uniform(0.7, 1.3)), float(rng.uniform(0.3, 1.5))
        row = {"kind": kind, "units": float(rng.normal()), "underlier": "AB"[n // 6 % 2], "strike": strike}
        rows.append(row | {"expiry": expiry} | more)
    file.write_text(json.dumps(rows))


def main(arguments: list[str]) -> int:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    words.add_argument("--positions", type=int, default=10_000)
    words.add_argument("--paths", type=int, default=1_000)
    words.add_argument("--steps", type=int, default=60)
    words.add_argument("--quick", action="store_true", help="a few positions and paths; writes nothing")
    chosen = words.parse_args(arguments)
    positions, paths = (60, 16) if chosen.quick else (chosen.positions, chosen.paths)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "book.json"
        written(file, positions, seed=0)
        began = time.perf_counter()
        book = read_book(file)
        read = time.perf_counter() - began
    market = dh.markets.BlackScholes(("A", "B"), vol=(0.2, 0.3), rate=0.03)
    grid = dh.TimeGrid.uniform(maturity=1.0, steps=chosen.steps)
    bank = dh.sample(market, grid, paths, key=jax.random.key(0))
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        jax.block_until_ready(valued(book, bank))
        seconds.append(time.perf_counter() - began)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    found = {
        "positions": positions, "kinds": len(book.kinds), "paths": paths, "points": grid.points, "read_s": read,
        "first_s": seconds[0], "valued_s": seconds[1], "memory_gib": memory, "date": date.today().isoformat(),
    }  # fmt: skip
    print(json.dumps(found, indent=1))
    if not chosen.quick:
        keep("books", found)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
