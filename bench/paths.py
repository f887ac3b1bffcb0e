"""Part (e): paths per second of every model beside its nearest peers, and how the cost grows with steps and assets.

Ours are float32 batches on all cores, with every quote a market makes. pfhedge makes float32 batches of spot (and
variance) in its own environment. QuantLib makes one path of doubles at a time, on one core, through its Python
generator; its figure is a median over loops of whole paths. The schemes differ: Heston here keeps its martingale, and
so on. A Sobol path costs us what a random one does, to a few per cent.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import jax

import deephedge as dh
from bench.worlds import FAMILIES

STEPS, PATHS = 100, 16_384
PFHEDGE = {
    "Black-Scholes": "geometric_brownian",
    "Heston": "heston",
    "Merton": "merton_jump",
    "Kou": "kou_jump",
    "rough Bergomi": "rough_bergomi",
    "Vasicek": "vasicek",
    "Cox-Ingersoll-Ross": "cir",
}


def seconds(market: dh.markets.AbstractMarket, steps: int, paths: int, repeats: int) -> float:
    """Of one batch, compiled before."""
    grid, times = dh.TimeGrid.uniform(maturity=steps / 252, steps=steps), []  # days, which history has to have
    for n in range(repeats + 1):
        start = time.perf_counter()
        jax.block_until_ready(dh.sample(market, grid, paths, key=jax.random.key(n), method="random"))
        times.append(time.perf_counter() - start)
    return median(times[1:])


def quantlib(name: str, steps: int, loops: int) -> float | None:
    """Paths a second of QuantLib's generator for the same process; None where it has none."""
    import QuantLib as ql

    ql.Settings.instance().evaluationDate = today = ql.Date(1, 1, 2025)
    count = ql.Actual365Fixed()
    rate = ql.YieldTermStructureHandle(ql.FlatForward(today, 0.03, count))
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    vol = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), 0.2, count))
    processes: dict[str, Callable] = {
        "Black-Scholes": lambda: ql.BlackScholesMertonProcess(spot, rate, rate, vol),
        "Heston": lambda: ql.HestonProcess(rate, rate, spot, 0.04, 1.5, 0.04, 0.6, -0.7),
        "Bates": lambda: ql.BatesProcess(rate, rate, spot, 0.04, 1.5, 0.04, 0.6, -0.7, 1.0, -0.1, 0.05),
        "GJR-GARCH": lambda: ql.GJRGARCHProcess(rate, rate, spot, 1e-4, 2e-6, 0.02, 0.9, 0.1, 0.0, 252.0),
        "Vasicek": lambda: ql.OrnsteinUhlenbeckProcess(0.2, 0.012, 0.03, 0.04),
        "Hull-White": lambda: ql.HullWhiteProcess(rate, 0.1, 0.01),
        "two factors": lambda: ql.G2Process(0.5, 0.012, 0.05, 0.01, -0.7),
    }
    if name not in processes:
        return None
    process = processes[name]()
    factors = process.factors() if hasattr(process, "factors") else 1
    uniform = ql.UniformRandomSequenceGenerator(factors * steps, ql.UniformRandomGenerator(1))
    normals = ql.GaussianRandomSequenceGenerator(uniform)
    times = list(ql.TimeGrid(1.0, steps))
    if hasattr(process, "factors"):
        made = ql.GaussianMultiPathGenerator(process, times, normals, False)
    else:
        made = ql.GaussianPathGenerator(process, 1.0, steps, normals, False)
    took = []
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(loops):
            made.next()
        took.append(time.perf_counter() - start)
    return loops / median(took)


def speeds(peer: Callable[..., dict] | None, quick: bool) -> list[dict]:
    """One row a model: paths a second of ours and of each peer that has it, and the ratios, measured in turns."""
    rows, paths, repeats = [], 256 if quick else PATHS, 2 if quick else 7
    for family, worlds in list(FAMILIES.items())[-1 if quick else 0 :]:
        for name, (make, _, _) in worlds.items():
            row = {"family": family, "model": name, "paths": paths, "steps": STEPS}
            row["deephedge"] = paths / seconds(make(), STEPS, paths, repeats)
            if peer is not None and name in PFHEDGE:
                took = peer("paths", PFHEDGE[name], paths, STEPS, repeats)["seconds"]
                row["pfhedge"] = paths / median(took)
            row["QuantLib"] = quantlib(name, STEPS, 20 if quick else 400)
            row |= {
                f"over {other}": row["deephedge"] / row[other] for other in ("pfhedge", "QuantLib") if row.get(other)
            }
            rows.append(row)
            print("(e)", json.dumps(row), flush=True)
    return rows


def scaling(folder: Path | None, quick: bool) -> dict[str, list[tuple[int, float]]]:
    """Seconds of a batch against steps (four models) and against correlated assets."""
    paths, repeats = (256, 1) if quick else (8192, 5)
    chosen, found = ("Black-Scholes", "Heston", "rough Bergomi", "local volatility"), {}
    for name in chosen[: 1 if quick else 4]:
        market = next(worlds[name] for worlds in FAMILIES.values() if name in worlds)[0]()
        counts = (25, 50) if quick else (25, 50, 100, 200, 400)
        found[name] = [(steps, seconds(market, steps, paths, repeats)) for steps in counts]
    assets = (1, 2) if quick else (1, 2, 5, 10, 20, 50)
    found["assets"] = [(n, seconds(_basket(n), STEPS, paths, repeats)) for n in assets]
    print("(e)", json.dumps(found), flush=True)
    if folder is not None:
        _plot(found, paths, folder)
    return found


def _basket(count: int) -> dh.markets.BlackScholes:
    matrix = [[1.0 if i == j else 0.5 for j in range(count)] for i in range(count)]
    return dh.markets.BlackScholes(tuple(f"A{n}" for n in range(count)), vol=0.2, correlation=matrix)


def _plot(found: dict, paths: int, folder: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), constrained_layout=True)
    for name, points in found.items():
        sizes, took = zip(*points, strict=True)
        axis = right if name == "assets" else left
        axis.loglog(sizes, [1e6 * x / paths for x in took], "o-", label="Black-Scholes" if name == "assets" else name)
    for axis, label in ((left, "steps"), (right, "correlated assets, 100 steps")):
        axis.set_xlabel(label)
        ticks = sorted(
            {n for name, points in found.items() for n, _ in points if (name == "assets") == (axis is right)}
        )
        axis.set_xticks(ticks, [str(n) for n in ticks])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter("{x:g}")
        axis.grid(alpha=0.3)
        axis.legend(frameon=False, fontsize=8)
    left.set_ylabel("microseconds a path")
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "paths.png", dpi=140)


def path_speed(peer: Callable[..., dict] | None, folder: Path, quick: bool = False) -> dict:
    """Both tables; the plot goes to ``folder``."""
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    return {"models": speeds(peer, quick), "scaling": scaling(None if quick else folder, quick)}
