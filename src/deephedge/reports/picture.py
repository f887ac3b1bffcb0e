"""One figure of a result for a page that cannot hold a whole report."""

import re
from importlib.resources import files
from pathlib import Path

import numpy as np

from deephedge.core.errors import OutputError, ProblemError
from deephedge.evaluation.compare import Comparison
from deephedge.evaluation.metrics import METRICS
from deephedge.evaluation.verdict import label, number, scale
from deephedge.reports.contents import ReportContents
from deephedge.reports.plots import styles


def picture(contents: ReportContents, path: str | Path) -> Path:
    """Draw CVaR with its intervals beside the histogram of terminal wealth, as PNG, SVG or PDF by the name's ending.

    Needs a comparison and the wealth of the chosen policy and the reference; raises ``ProblemError`` without them and
    ``OutputError`` where the file cannot be written.
    """
    from matplotlib.figure import Figure  # slow to load; without pyplot there is no global state to disturb

    path, shown = Path(path), [name for name in contents.pair if name in contents.wealth]
    found = contents.comparison
    if found is None or not shown:
        raise ProblemError("the picture needs a comparison, and the wealth of a learned policy or the reference")
    figure = Figure(figsize=(10, 4.4), dpi=160, layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    _intervals(left, contents, found)
    _histogram(right, contents, found, shown)
    figure.suptitle(contents.title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path)
    except OSError as error:
        raise OutputError(f"the picture cannot be written to {path}: {error.strerror}; choose another place") from error
    return path


def _intervals(axes, contents: ReportContents, comparison: Comparison) -> None:
    colours, (factor, unit) = _colours(contents), scale(comparison, contents.metric, contents.unit)
    estimates = {name: comparison.estimates[name][contents.metric] for name in reversed(contents.policies)}
    near = _near({name: one.value for name, one in estimates.items()}, contents)
    for n, (name, one) in enumerate(estimates.items()):
        value, low, high = one.value * factor, one.low * factor, one.high * factor
        chosen = name == contents.chosen
        axes.plot([low, high], [n, n], color=colours[name], linewidth=3 if chosen else 2, solid_capstyle="butt")
        axes.plot(value, n, "o", color=colours[name], markersize=8 if chosen else 6)
    axes.set_yticks(range(len(estimates)), [contents.label(name) for name in estimates])
    for tick, name in zip(axes.get_yticklabels(), estimates, strict=True):
        tick.set_fontweight("bold" if name == contents.chosen else "normal")
    high = max(estimates[name].high for name in near) * factor
    low = min(one.low for one in estimates.values()) * factor
    axes.set_xlim(low - 0.05 * (high - low), high + 0.05 * (high - low))
    for n, (name, one) in enumerate(estimates.items()):
        if name not in near:
            place = {"xycoords": ("axes fraction", "data"), "ha": "right", "va": "center", "backgroundcolor": "white"}
            axes.annotate(f"{number(one.value * factor)} →", (1, n), **place)
    better = METRICS[contents.metric].better > 0
    axes.set_xlabel(f"{label(contents.metric, comparison.level)} ({unit}), {'more' if better else 'less'} is better")
    axes.grid(axis="x", color="#dfe3e8", linewidth=0.8)
    _plain(axes, ("top", "right", "left"))
    axes.tick_params(axis="y", length=0)


def _near(values: dict[str, float], contents: ReportContents) -> list[str]:
    """All but the baselines so far out that they would spoil the axis."""
    middle = float(np.median(list(values.values())))
    return [name for name, value in values.items() if name in contents.learned or value <= middle + 2 * abs(middle)]


def _histogram(axes, contents: ReportContents, comparison: Comparison, shown: list[str]) -> None:
    colours, factor = _colours(contents), contents.unit.factor
    values = {name: np.asarray(contents.wealth[name]) * factor for name in shown}
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), 60)
    for name, wealth in values.items():
        weights = contents.percent(wealth.size)
        kind = {"bins": edges, "weights": weights, "histtype": "stepfilled", "color": colours[name], "alpha": 0.45}
        axes.hist(wealth, label=contents.label(name), **kind)
        tail = -comparison.estimates[name]["cvar"].value * factor
        axes.axvline(tail, color=colours[name], linestyle="--", linewidth=1.8)
    axes.set_xlabel(f"Terminal wealth ({contents.unit.name}); broken lines: minus CVaR")
    axes.set_ylabel("Share of windows (%)" if contents.dates is not None else "Share of paths (%)")
    axes.legend(frameon=False, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.2)
    _plain(axes, ("top", "right"))


def _colours(contents: ReportContents) -> dict[str, str]:
    """The colours of the page's light theme."""
    sheet = files("deephedge.reports").joinpath("page.css").read_text("utf-8").split("@media")[0]
    known = dict(re.findall(r"(--[a-z]+(?:-\d)?): (#[0-9a-f]{6})", sheet))
    return {name: known[style["color"]] for name, style in styles(contents).items()}


def _plain(axes, sides: tuple[str, ...]) -> None:
    axes.spines[list(sides)].set_visible(False)
    axes.set_axisbelow(True)
