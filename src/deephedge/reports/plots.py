"""Figures as plain plotly JSON. Colours are names such as ``--ink``: the page fills them in, light or dark.

Each function returns ``{"data": [...], "layout": {...}}``; a trace carries the policy's name in ``meta`` so that the
page's own legend can switch it.
"""

from typing import Any

import numpy as np

from deephedge.evaluation.compare import Comparison
from deephedge.evaluation.metrics import METRICS
from deephedge.evaluation.verdict import number, scale
from deephedge.reports.contents import ReportContents, Story, Surface

LEARNED = ("--learned-1", "--learned-2", "--learned-3", "--learned-4", "--learned-5", "--learned-6")
BASELINES = ("--baseline-1", "--baseline-2", "--baseline-3", "--baseline-4", "--baseline-5", "--baseline-6")
REFERENCE = "--reference"
DASHES = ("dash", "dot", "dashdot", "longdash", "longdashdot")
WORST = 5
STORY = (180, 100, 110)  # pixels: of the spot, around, of one instrument among several
Figure = dict[str, Any]


def styles(contents: ReportContents) -> dict[str, dict[str, Any]]:
    """A line style for each policy, the same in every picture: learned ones solid, baselines broken."""
    found, others = {}, 0
    for name in contents.policies:
        if name in contents.learned:
            found[name] = {"color": LEARNED[contents.learned.index(name) % len(LEARNED)], "width": 2, "dash": "solid"}
        elif name == contents.reference:
            found[name] = {"color": REFERENCE, "width": 2, "dash": "solid"}
        else:
            dash = DASHES[others % len(DASHES)]
            found[name] = {"color": BASELINES[others % len(BASELINES)], "width": 1.5, "dash": dash}
            others += 1
    return found


def intervals(contents: ReportContents, comparison: Comparison) -> Figure:
    """The difference of every policy to the reference, with its interval, by the metric of the verdict."""
    style, metric = styles(contents), contents.metric
    factor, unit = scale(comparison, metric, contents.unit)
    gaps = sorted(comparison.differences.items(), key=lambda item: METRICS[metric].better * item[1][metric].value)
    data = []
    for name, found in gaps:
        gap = [found[metric].value, found[metric].low, found[metric].high]
        value, low, high = (float(x) * factor for x in gap)
        bars = {"type": "data", "symmetric": False, "array": [high - value], "arrayminus": [value - low]}
        bars |= {"thickness": 2, "width": 5, "color": style[name]["color"]}
        text = f"%{{x:.3~g}} [{low:.3g}, {high:.3g}]<extra>{_safe(contents.label(name))}</extra>"
        point = {"mode": "markers", "marker": {"size": 9, "color": style[name]["color"]}, "hovertemplate": text}
        data.append({"x": [value], "y": [_safe(contents.label(name))], "error_x": bars, "meta": name, **point})
    title = f"{_safe(unit)}; {'right' if METRICS[metric].better > 0 else 'left'} is better"
    y = {"automargin": True, "showgrid": False}
    keep = np.array([name in contents.learned for name, _ in gaps])
    span, far = _span([trace["x"][0] for trace in data], [trace["error_x"] for trace in data], keep)
    figure = _figure(data, title, "", height=90 + 34 * len(gaps), zero=True, yaxis=y, xaxis={"range": span})
    figure["layout"]["annotations"] = [_off(data[n]["y"][0], data[n]["x"][0], span) for n in far]
    return figure


def histogram(contents: ReportContents, bins: int = 70) -> Figure:
    """Terminal wealth of the chosen policy and the reference, on common bins; broken lines at minus CVaR."""
    style, factor = styles(contents), contents.unit.factor
    shown = {name: np.asarray(contents.wealth[name]) * factor for name in contents.pair if name in contents.wealth}
    edges = np.histogram_bin_edges(np.concatenate(list(shown.values())), bins)
    data, shapes = [], []
    for name, values in shown.items():
        share = np.histogram(values, edges, weights=contents.percent(values.size))[0]
        x, y = np.repeat(edges, 2)[1:-1], np.repeat(share, 2)
        trace = {"x": _list(x), "y": _list(y), "fill": "tozeroy", "opacity": 0.75, "meta": name}
        hover = f"%{{x:.3~g}}: %{{y:.3~g}} %<extra>{_safe(contents.label(name))}</extra>"
        data.append({**trace, "mode": "lines", "line": {**style[name], "width": 1.5}, "hovertemplate": hover})
        if contents.comparison is not None:
            at = -contents.comparison.estimates[name]["cvar"].value * factor
            shapes.append(_line(at, {"color": style[name]["color"], "dash": "dash", "width": 2}))
    title = _safe(f"Terminal wealth ({contents.unit.name})")
    return _figure(
        data, title, "Share of windows (%)" if contents.dates is not None else "Share of paths (%)", shapes=shapes
    )


def surfaces(contents: ReportContents, surface: Surface) -> list[tuple[str, Figure]]:
    """Heat maps: the position of the chosen policy, that of the reference, and the first less the second."""
    shown = {name: np.asarray(surface.positions[name]) for name in contents.pair if name in surface.positions}
    low, high = (float(f([f(one) for one in shown.values()])) for f in (np.min, np.max))
    maps = [(contents.label(name), values, low, high, "sequential") for name, values in shown.items()]
    if len(shown) == 2:
        first, second = shown.values()
        reach = max(float(np.max(np.abs(first - second))), 1e-9)
        maps.append((f"{maps[0][0]} less {maps[1][0]}", first - second, -reach, reach, "diverging"))
    return [(title, _heat(surface, values, low, high, scale)) for title, values, low, high, scale in maps]


def story(contents: ReportContents, told: Story) -> Figure:
    """One path: the spot above, what each policy holds below, a panel an instrument; only the pair is switched on."""
    style, times = styles(contents), _dates(told.times)
    panels = told.instruments or ("Position (units)",)
    line = {"color": "--ink", "width": 2}
    data: list[dict] = [{"x": times, "y": _list(told.spot), "mode": "lines", "line": line, "yaxis": "y2"}]
    data[0]["hovertemplate"] = f"%{{x}}: %{{y:.5~g}}<extra>{_safe(told.quote)}</extra>"
    for name, position in told.positions.items():
        held = np.asarray(position, float).reshape(len(position), -1)
        hover = f"%{{x}}: %{{y:.3~g}}<extra>{_safe(contents.label(name))}</extra>"
        drawn = {"mode": "lines", "line": {**style[name], "shape": "hv"}, "meta": name, "hovertemplate": hover}
        drawn |= {} if name in contents.pair else {"visible": False}
        for n, column in enumerate(held.T):
            data.append({"x": times, "y": _list(np.append(column, column[-1])), "yaxis": _axis(n), **drawn})
    shapes = []
    if told.strike is not None:
        flat = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "yref": "y2", "y0": told.strike, "y1": told.strike}
        shapes.append({**flat, "line": {"color": "--muted", "dash": "dot", "width": 1.5}})
    height = STORY[0] + STORY[1] + (STORY[2] * len(panels) if len(panels) > 1 else STORY[0])
    figure = _figure(data, "" if _are_dates(told.times) else "Day", "", height=height, shapes=shapes)
    return _stacked(figure, (told.quote, *panels), STORY[0] / height if len(panels) > 1 else 0.38)


def _axis(panel: int) -> str:
    """The axis of a panel of positions: the first is plotly's own, the second belongs to the spot."""
    return "y" if panel == 0 else f"y{panel + 2}"


def _stacked(figure: Figure, titles: tuple[str, ...], top: float) -> Figure:
    """Panels under each other over one time axis: the first takes ``top`` of the height, the others share the rest."""
    layout, under = figure["layout"], len(titles) - 1
    share, gap = (1 - top) / under, 0.24 if under > 1 else 0.15
    ends = [(1 - top, 1.0)] + [(1 - top - (n + 1) * share, 1 - top - (n + gap) * share) for n in range(under)]
    plain, notes = {**layout["yaxis"], "anchor": "x", "title": {"text": ""}, "nticks": 4 if under > 1 else 6}, []
    for axis, title, (low, high) in zip(("y2", *map(_axis, range(under))), titles, ends, strict=True):
        layout[axis.replace("y", "yaxis")] = {**plain, "domain": [max(low, 0.0), high]}
        place = {"xref": "paper", "x": 0, "xanchor": "left", "yref": "paper", "y": high, "yanchor": "bottom"}
        notes.append({**place, "text": _safe(title), "showarrow": False, "font": {"size": 12}})
    layout["xaxis"]["anchor"], layout["annotations"] = _axis(under - 1), notes
    layout["margin"] = {**layout["margin"], "t": 24}
    return figure


def training(contents: ReportContents) -> Figure:
    """Validation risk of every learned policy over the updates; a dot where training was stopped."""
    style, (factor, unit) = styles(contents), contents.risk_scale
    data, shapes, late = [], [], []
    for name, curve in contents.training.items():
        x, y = np.asarray(curve.updates), np.asarray(curve.risk) * factor
        late.append(y[len(y) // 4 :])
        hover = f"update %{{x}}: %{{y:.4~g}}<extra>{_safe(contents.label(name))}</extra>"
        shared = {"meta": name, "hovertemplate": hover}
        data.append({"x": _list(x), "y": _list(y), "mode": "lines", "line": style[name], **shared})
        if curve.kept is not None:
            at = int(np.argmin(np.abs(x - curve.kept)))
            marker = {"size": 10, "color": style[name]["color"], "line": {"color": "--page", "width": 2}}
            data.append({"x": [int(x[at])], "y": [float(y[at])], "mode": "markers", "marker": marker, **shared})
    for name, risk in contents.yardsticks.items():
        flat = {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "yref": "y",
            "y0": risk * factor,
            "y1": risk * factor,
        }
        shapes.append({**flat, "line": {**style.get(name, {"color": "--muted"}), "dash": "dash", "width": 1.5}})
        late.append(np.array([risk * factor]))
    low, high = (float(f(np.concatenate(late))) for f in (np.min, np.max))
    room = 0.06 * (high - low or 1.0)
    title = _safe(f"Validation risk ({unit})")
    return _figure(data, "Update", title, shapes=shapes, yaxis={"range": [low - room, high + room]})


def backtest(contents: ReportContents) -> Figure:
    """Wealth of each window by its start, the worst marked; below, what a desk earned that starts one every day."""
    style, factor, pair = styles(contents), contents.unit.factor, contents.pair
    dates, data = _dates(contents.dates), []
    share = factor / ((contents.comparison.window if contents.comparison else None) or 1)
    for name, wealth in contents.wealth.items():
        words = f"%{{x}}: %{{y:.3~g}}<extra>{_safe(contents.label(name))}</extra>"
        shared = {"x": dates, "mode": "lines", "meta": name, "hovertemplate": words}
        shared |= {} if name in pair else {"visible": False}
        line = style[name] if name in pair else {**style[name], "width": 1.2}
        data.append({**shared, "y": _list(np.asarray(wealth) * factor), "line": {**line, "width": 1.2}, "yaxis": "y2"})
        data.append({**shared, "y": _list(np.cumsum(wealth) * share), "line": line})
    if contents.chosen is not None and contents.chosen in contents.wealth:
        data.append(_worst(contents, contents.chosen, dates))
    figure = _figure(data, "Start of the window", _safe(f"Cumulated ({contents.unit.name})"), height=560)
    figure["layout"]["yaxis"]["domain"] = [0, 0.4]
    title = {"text": _safe(f"Wealth of a window ({contents.unit.name})"), "font": {"size": 12}}
    upper = {"domain": [0.47, 1], "anchor": "x", "title": title}
    figure["layout"]["yaxis2"] = {**figure["layout"]["yaxis"], **upper}
    return figure


def worst_windows(wealth: np.ndarray, apart: int, most: int = WORST) -> list[int]:
    """The windows that ended worst, no two of them overlapping, worst first.

    >>> worst_windows(np.array([0.0, -3.0, -4.0, 0.0, -1.0]), apart=2, most=2)
    [2, 4]
    """
    found: list[int] = []
    for n in np.argsort(wealth, kind="stable"):
        if len(found) == most:
            break
        if all(abs(int(n) - other) >= apart for other in found):
            found.append(int(n))
    return found


def _worst(contents: ReportContents, name: str, dates: list[str]) -> dict[str, Any]:
    wealth = np.asarray(contents.wealth[name])
    at = worst_windows(wealth, (contents.comparison.window if contents.comparison else None) or 1)
    marker = {"symbol": "circle-open", "size": 11, "color": "--ink", "line": {"width": 2}}
    values = wealth[at] * contents.unit.factor
    text = f"%{{x}}: %{{y:.3~g}}<extra>worst windows of {_safe(contents.label(name))}</extra>"
    where = {"x": [dates[n] for n in at], "y": _list(values), "yaxis": "y2", "meta": name}
    return {**where, "mode": "markers", "marker": marker, "hovertemplate": text}


def _span(values: list[float], bars: list[dict], keep: np.ndarray) -> tuple[list[float], list[int]]:
    """An axis range that a far baseline (no hedge at all) does not spoil, and which policies lie beyond it."""
    low = np.array([v - bar["arrayminus"][0] for v, bar in zip(values, bars, strict=True)])
    high = np.array([v + bar["array"][0] for v, bar in zip(values, bars, strict=True)])
    reach = np.maximum(np.abs(low), np.abs(high))
    near = keep | (reach <= 3 * np.median(reach))
    ends = min(low[near].min(), 0.0), max(high[near].max(), 0.0)
    room = 0.06 * (ends[1] - ends[0] or 1.0)
    span = [float(ends[0] - room), float(ends[1] + room)]
    return span, [n for n, v in enumerate(values) if not span[0] <= v <= span[1]]


def _off(name: str, value: float, span: list[float]) -> dict[str, Any]:
    right = value > span[1]
    text = f"{number(value)} →" if right else f"← {number(value)}"
    place = {"xref": "paper", "x": 1 if right else 0, "xanchor": "right" if right else "left", "y": name}
    return {**place, "text": text, "showarrow": False, "font": {"color": "--ink"}, "bgcolor": "--page"}


def _heat(surface: Surface, values: np.ndarray, low: float, high: float, scale: str) -> Figure:
    bar = {
        "orientation": "h",
        "thickness": 10,
        "y": -0.34,
        "yanchor": "top",
        "outlinewidth": 0,
        "nticks": 5,
        "tickformat": ".2~f",
    }
    hover = "spot %{x:.1f} % of strike<br>%{y:.0f} days left<br>position %{z:.2f}<extra></extra>"
    trace = {"type": "heatmap", "x": _list(surface.spot), "y": _list(surface.time_left), "colorscale": f"--{scale}"}
    trace |= {"z": [_list(row) for row in values], "zmin": low, "zmax": high, "colorbar": bar, "hovertemplate": hover}
    return _figure([trace], "Spot (% of strike)", "Days left", height=340)


def _figure(
    data: list[dict], x: str, y: str, height: int = 340, shapes: list | None = None, zero: bool = False, **axes: dict
) -> Figure:
    small = {"size": 12}
    both = {"gridcolor": "--grid", "linecolor": "--grid", "zerolinecolor": "--muted", "automargin": True}
    layout = {
        "height": height,
        "margin": {"l": 56, "r": 14, "t": 14, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "--muted", "family": "--font", "size": 12.5},
        "hoverlabel": {"bgcolor": "--page", "bordercolor": "--grid", "font": {"color": "--ink"}},
        "showlegend": False,
        "hovermode": "closest",
        "shapes": shapes or [],
        "xaxis": {**both, "title": {"text": x, "font": small}, "zeroline": zero, **axes.get("xaxis", {})},
        "yaxis": {**both, "title": {"text": y, "font": small}, "zeroline": False, **axes.get("yaxis", {})},
    }
    return {"data": [{"type": "scatter", **trace} for trace in data], "layout": layout}


def _line(x: float, line: dict) -> dict:
    return {"type": "line", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1, "line": line}


def _list(values: Any) -> list[float]:
    return [float(f"{v:.6g}") if np.isfinite(v) else None for v in np.asarray(values, float)]  # pyright: ignore


def _are_dates(times: Any) -> bool:
    return np.issubdtype(np.asarray(times).dtype, np.datetime64)


def _dates(times: Any) -> list:
    return np.asarray(times).astype("datetime64[D]").astype(str).tolist() if _are_dates(times) else _list(times)


def _safe(words: str) -> str:
    """Words for plotly, which reads a little HTML in its texts."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
