"""How the cost of an update grows with steps, paths, instruments and the size of the book: part (d), with a plot."""

from pathlib import Path
from statistics import median

from bench import ours

SWEEPS = {
    "steps": [(n, {"setting": {"steps": n}, "paths": 2048}) for n in (5, 10, 20, 40, 80, 160)],
    "paths": [(n, {"setting": {}, "paths": n}) for n in (512, 1024, 2048, 4096, 8192, 16384, 65536)],
    "instruments": [(n, {"setting": {"instruments": n}, "paths": 2048}) for n in (1, 2, 4, 8)],
    "contracts in the book": [(n, {"setting": {"book": n}, "paths": 2048}) for n in (1, 10, 100, 1000)],
}


def growth(folder: Path, quick: bool = False) -> dict:
    found = {}
    for name, sweep in list(SWEEPS.items())[-2 if quick else 0 :]:
        points = []
        for size, how in sweep[:2] if quick else sweep:
            wide = how["setting"].get("instruments", 1)
            answer = ours.speed("mlp", how["paths"], 12 if quick else 40, setting=ours.problem(**how["setting"]),
                                instruments=wide)  # fmt: skip
            points.append((size, median(answer["seconds"])))
            print(f"(d) {name} {size}: {points[-1][1] * 1e3:.1f} ms", flush=True)
        found[name] = points
    if not quick:
        _plot(found, folder)
    return found


def _plot(found: dict, folder: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, len(found), figsize=(13, 3.2), constrained_layout=True)
    for axis, (name, points) in zip(axes, found.items(), strict=True):
        sizes, seconds = zip(*points, strict=True)
        axis.loglog(sizes, [1e3 * s for s in seconds], "o-", color="#1f5fa8")
        axis.loglog(sizes, [1e3 * seconds[-1] * s / sizes[-1] for s in sizes], ":", color="#999999")
        axis.set_xlabel(name)
        axis.set_xticks(sizes, [f"{n // 1024}k" if n >= 1024 else str(n) for n in sizes])
        axis.minorticks_off()
        axis.yaxis.set_major_formatter("{x:g}")
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("milliseconds an update")
    figure.suptitle("Cost of one training update (dotted: proportional)", fontsize=10)
    folder.mkdir(exist_ok=True)
    figure.savefig(folder / "growth.png", dpi=140)
