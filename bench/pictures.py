"""Sample paths of every market, as the theory pages show them: ``make pictures`` draws docs/images/markets-*.png."""

import argparse
from pathlib import Path

import jax
import numpy as np

import deephedge as dh
from bench.worlds import FAMILIES, World

FOLDER = Path(__file__).parents[1] / "docs" / "images"
PATHS, STEPS, ACROSS = 7, 252, 3


def draw(family: str, worlds: dict[str, World], folder: Path, steps: int = STEPS) -> Path:
    """One panel a market: a year of seven paths, the first in colour, and the band that holds nine tenths of 512."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    across = min(ACROSS, len(worlds))
    down = -(-len(worlds) // across)
    figure, axes = plt.subplots(
        down, across, figsize=(3.4 * across, 2.3 * down), constrained_layout=True, squeeze=False
    )
    grid = dh.TimeGrid.uniform(maturity=1.0, steps=steps)
    for axis, (name, (make, quote, label)) in zip(axes.flat, worlds.items(), strict=False):
        paths = dh.sample(make(), grid, 512, key=jax.random.key(5), method="sobol")
        times, values = np.asarray(grid.times), np.asarray(paths.quotes[quote])
        low, high = np.quantile(values, (0.05, 0.95), axis=0)
        axis.fill_between(times, low, high, color="#1f5fa8", alpha=0.12, linewidth=0)
        axis.plot(times, values[1:PATHS].T, color="#999999", linewidth=0.6)
        axis.plot(times, values[0], color="#1f5fa8", linewidth=1.1)
        axis.set_title(name, fontsize=9)
        axis.set_ylabel(label, fontsize=8)
        axis.tick_params(labelsize=7)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0)
    for axis in axes.flat[len(worlds) :]:
        axis.set_axis_off()
    for axis in axes[-1]:
        axis.set_xlabel("years", fontsize=8)
    folder.mkdir(exist_ok=True, parents=True)
    file = folder / f"markets-{family}.png"
    figure.savefig(file, dpi=110)
    plt.close(figure)
    return file


def main(arguments: list[str] | None = None) -> list[Path]:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--only", choices=list(FAMILIES), help="one family")
    words.add_argument("--folder", type=Path, default=FOLDER, help="where the pictures go")
    words.add_argument("--steps", type=int, default=STEPS, help="steps in the year")
    chosen = words.parse_args(arguments)
    families = [family for family in FAMILIES if chosen.only in (None, family)]
    files = [draw(family, FAMILIES[family], chosen.folder, chosen.steps) for family in families]
    print(*(f"written: {file}" for file in files), sep="\n")
    return files


if __name__ == "__main__":
    main()
