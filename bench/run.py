"""Side-by-side benchmark against pfhedge: ``make bench``. Interleaved runs, medians, ratios; results are dated files.

(a) seconds per training update, (b) time to quality, (c) peak memory, (d) how our cost grows,
(e) paths per second of each model. ``--quick`` runs each for
a few steps. The peer runs in its own environment, named by ``PFHEDGE_PYTHON``.
"""

import argparse
import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from bench.kept import keep
from bench.setting import BANK, COST, DT, SIZES, STEPS, STRIKE, TAIL, VOL

HERE = Path(__file__).parent
REPEATS = {1_000: (40, 600), 10_000: (15, 120), 65_536: (4, 24)}  # (peer, ours) updates in one interleaved run


def call(command: list[str], environment: dict[str, str], place: Path) -> dict:
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | environment, cwd=place)
    if done.returncode:
        raise SystemExit(f"benchmark step failed: {' '.join(command)}\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def peer(*words: object) -> dict:
    python = os.environ["PFHEDGE_PYTHON"]
    threads = str(len(os.sched_getaffinity(0)))
    return call([str(Path(python).absolute()), "peer_pfhedge.py", *map(str, words)], {"OMP_NUM_THREADS": threads}, HERE)


def ours(*words: object) -> dict:
    return call([sys.executable, "-m", "bench.ours", *map(str, words)], {}, HERE.parent)


def risks(position: np.ndarray, spots: np.ndarray) -> dict[str, float]:
    """ES of the worst tenth and entropic risk at 10, by accounting that belongs to neither side."""
    position, spots = position.astype(float), spots.astype(float)
    trade = np.diff(position, axis=1, prepend=0.0)
    gain = (position * np.diff(spots, axis=1)).sum(1) - COST * (np.abs(trade) * spots[:, :-1]).sum(1)
    loss = np.maximum(spots[:, -1] - STRIKE, 0.0) - gain
    worst = np.sort(loss)[::-1][: int(TAIL * loss.size)]
    return {"es": float(worst.mean()), "rho": float(np.log(np.mean(np.exp(10.0 * loss))) / 10.0)}


def bank(size: int, file: Path) -> None:
    normals = np.random.default_rng(20260101).standard_normal((size, STEPS))
    moves = np.cumsum(-0.5 * VOL**2 * DT + VOL * DT**0.5 * normals, axis=1)
    np.save(file, np.exp(np.concatenate([np.zeros((size, 1)), moves], axis=1)).astype(np.float32))


def updates(rounds: int, scale: float) -> list[dict]:
    rows = []
    for kind in ("mlp", "band"):
        for paths in SIZES:
            theirs_n, ours_n = (max(6, int(n * scale)) for n in REPEATS[paths])
            pairs = [(median(peer("speed", kind, paths, theirs_n)["seconds"]),
                      median(ours("speed", kind, paths, ours_n)["seconds"])) for _ in range(rounds)]  # fmt: skip
            a, b = (median(x) for x in zip(*pairs, strict=True))
            ratio = median(x / y for x, y in pairs)
            flops = paths * STEPS * 6 * (4 * 32 + 3 * 32**2 + 32)
            rows.append({"policy": kind, "paths": paths, "pfhedge_s": a, "deephedge_s": b, "ratio": ratio,
                         "gflops": flops / b / 1e9})  # fmt: skip
            print("(a)", json.dumps(rows[-1]), flush=True)
    return rows


def time_to_quality(seeds: int, size: int) -> list[dict]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        spots, held = Path(folder) / "bank.npy", Path(folder) / "held.npy"
        bank(size, spots)
        for risk in ("es", "rho"):
            for seed in range(seeds):
                theirs = peer("quality", risk, spots, seed, held)
                target = risks(np.load(held), np.load(spots))[risk]
                found = ours("quality", risk, spots, seed, target)
                clock = ours("timed", risk, found["updates"], seed)
                rows.append({"risk": risk, "seed": seed, "target": target, "reached": found["risk"],
                             "updates": found["updates"], "pfhedge_s": theirs["seconds"], **clock,
                             "ratio_compiled": theirs["seconds"] / clock["compiled"],
                             "ratio_cold": theirs["seconds"] / clock["cold"]})  # fmt: skip
                print("(b)", json.dumps(rows[-1]), flush=True)
        for seed in range(seeds):
            rows.append({"risk": "final", "seed": seed, **ours("final", spots, seed)})
            print("(b)", json.dumps(rows[-1]), flush=True)
    return rows


def memory(paths: int) -> dict:
    theirs, mine = peer("memory", paths), ours("memory", paths)
    used = [x["peak_mb"] - x["start_mb"] for x in (theirs, mine)]
    row = {"paths": paths, "pfhedge": theirs, "deephedge": mine, "pfhedge_mb": used[0], "deephedge_mb": used[1]}
    print("(c)", json.dumps(row), flush=True)
    return row


def machine() -> dict:
    """Cores, and the rate of a float32 matrix product on all of them, in GFLOP/s."""
    from concurrent.futures import ThreadPoolExecutor

    cores, n = len(os.sched_getaffinity(0)), 1024
    a = np.ones((n, n), np.float32)
    with ThreadPoolExecutor(cores) as pool:
        best = 0.0
        for _ in range(5):
            start = time.perf_counter()
            list(pool.map(lambda _: [a @ a for _ in range(5)], range(cores)))
            best = max(best, 2 * n**3 * 5 * cores / (time.perf_counter() - start) / 1e9)
    return {"cores": cores, "matrix_gflops": best}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="a few steps of everything, no result file")
    words.add_argument("--only", choices=["a", "b", "c", "d", "e"], help="one part")
    chosen = words.parse_args()
    if "PFHEDGE_PYTHON" not in os.environ and chosen.only != "d":
        raise SystemExit("PFHEDGE_PYTHON must name the Python of the peer's environment; `make bench` sets it")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    from bench.growth import growth
    from bench.paths import path_speed

    parts = {
        "a": lambda: updates(1 if chosen.quick else 3, 0.1 if chosen.quick else 1.0),
        "b": lambda: time_to_quality(1 if chosen.quick else 5, 20_000 if chosen.quick else BANK),
        "c": lambda: memory(SIZES[-1]),
        "d": lambda: growth(HERE.parent / "docs" / "images", quick=chosen.quick),
        "e": lambda: path_speed(peer, HERE.parent / "docs" / "images", quick=chosen.quick),
    }
    results = {"date": datetime.date.today().isoformat(), "machine": machine()}
    results |= {name: part() for name, part in parts.items() if chosen.only in (None, name)}
    if not chosen.quick:
        keep(chosen.only or "all", results)


if __name__ == "__main__":
    main()
