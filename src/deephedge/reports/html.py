"""The report as one HTML file that needs nothing else: style, script and data are inside."""

import json
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from pathlib import Path

import numpy as np

from deephedge.core.errors import OutputError
from deephedge.evaluation.verdict import label
from deephedge.reports import behind, plots, tables
from deephedge.reports.contents import ReportContents
from deephedge.reports.tables import MARKS, Cell, Table

# the browser itself refuses anything from elsewhere
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"


def write(contents: ReportContents, path: str | Path) -> Path:
    """Write the report and return its path; raises ``OutputError`` where that cannot be written."""
    path = Path(path)
    text = render(contents)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(f"the report cannot be written to {path}: {error.strerror}; choose another place") from error
    return path


def render(contents: ReportContents) -> str:
    """The whole page. Pure: the same contents give the same text.

    >>> page = render(ReportContents(title="Nothing <yet>"))
    >>> "<h1>Nothing &lt;yet&gt;</h1>" in page
    True
    """
    body = "\n".join(filter(None, (section(contents) for section in SECTIONS)))
    return page(contents.title, body, charts="data-chart=" in body)


def page(title: str, body: str, charts: bool = False) -> str:
    """A whole page around ``body``, which is HTML; ``charts`` brings what draws them."""
    own = files("deephedge.reports")
    scripts = ""
    if charts:
        from plotly.offline import get_plotlyjs  # slow to load: only where there is something to draw

        scripts = f"<script>{get_plotlyjs()}</script>\n<script>{own.joinpath('page.js').read_text('utf-8')}</script>"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<style>{own.joinpath("page.css").read_text("utf-8")}</style>
</head>
<body>
<main>
{body}
<footer>Made by deephedge. This file needs no network; every number and picture is inside it.</footer>
</main>
{scripts}
</body>
</html>
"""


def _head(contents: ReportContents) -> str:
    parts = [f"<h1>{escape(contents.title)}</h1>"]
    if contents.subtitle:
        parts.append(f'<p class="subtitle">{escape(contents.subtitle)}</p>')
    if contents.verdict:
        lines = "".join(f"<p>{escape(line)}</p>" for line in contents.verdict.splitlines())
        parts.append(f'<div class="verdict">{lines}</div>')
    if contents.glance:
        parts.append(html_table(tables.settings(contents.glance), contents, "words glance"))
    return "\n".join(parts)


def _results(contents: ReportContents) -> str:
    found = contents.comparison
    if found is None:
        return ""
    asked = f"The objective of the study is {contents.objective}." if contents.objective else ""
    shown = tables.results(found, unit=contents.unit, labels=contents.labels)
    parts = [f"<p>{escape(asked)}</p>" if asked else "", html_table(shown, contents)]
    if found.differences:
        less = tables.differences(found, unit=contents.unit, labels=contents.labels)
        title = f"<h2>Against {escape(contents.label(found.reference))}</h2>"
        caption = (
            f"{label(contents.metric, found.level)} less that of {contents.label(found.reference)}, with its interval."
        )
        parts += [
            title,
            _figure("intervals", plots.intervals(contents, found), caption, contents),
            html_table(less, contents),
        ]
    return "<h2>Results</h2>\n" + "\n".join(filter(None, parts))


def _wealth(contents: ReportContents) -> str:
    if not any(name in contents.wealth for name in contents.pair):
        return ""
    level = f" Broken lines: minus {label('cvar', contents.comparison.level)}." if contents.comparison else ""
    figure = plots.histogram(contents)
    return f"<h2>Terminal wealth</h2>\n{_figure('histogram', figure, 'How the paths ended.' + level, contents)}"


def _backtest(contents: ReportContents) -> str:
    if contents.dates is None or not contents.wealth:
        return ""
    dates = np.asarray(contents.dates).astype("datetime64[D]").astype(str)
    found = contents.comparison
    often = f"1/{found.window} of the contract" if found and found.window else "the contract"
    when = "every trading day" if np.unique(dates).size == dates.size else "whenever a window starts"
    worst = f"; circles mark the worst of {contents.label(contents.chosen)}, without overlap" if contents.chosen else ""
    caption = (
        f"Windows that start from {dates[0]} to {dates[-1]}. Above: how each ended{worst}. Below: what a desk has "
        f"earned that sells {often} {when}."
    )
    return f"<h2>Through time</h2>\n{_figure('backtest', plots.backtest(contents), caption, contents)}"


def _behind(contents: ReportContents) -> str:
    """Where wealth came from, in which times, and whether forecasts of risk held."""
    parts, how = [], {"unit": contents.unit, "labels": contents.labels}
    if contents.explained:
        parts += ["<h2>Where wealth came from</h2>", html_table(behind.explained(contents.explained, **how), contents)]
    if contents.regimes:
        shown = html_table(behind.regimes(contents.regimes, contents.metric, **how), contents)
        parts += ["<h2>Calm and crisis</h2>", f"<p>{escape(contents.split)}</p>", shown]
    if contents.forecasts and contents.comparison:
        shown = html_table(behind.forecasts(contents.forecasts, contents.comparison.level, **how), contents)
        words = (
            "What simulated paths say of the risk of each policy, one forecast for all years, beside the windows of "
            "the test that do not overlap."
        )
        parts += ["<h2>Did forecasts of risk hold?</h2>", f"<p>{words}</p>", shown]
    return "\n".join(parts)


def _surface(contents: ReportContents) -> str:
    surface = contents.surface
    if surface is None or not any(name in surface.positions for name in contents.pair):
        return ""
    maps = "".join(
        _figure(f"surface-{n}", figure, title, contents)
        for n, (title, figure) in enumerate(plots.surfaces(contents, surface))
    )
    held = f" {surface.held}" if surface.held else ""
    words = f"The position wanted, in units, over the spot and the time left.{held}"
    return f'<h2>What the policies hold</h2>\n<p>{escape(words)}</p>\n<div class="maps">{maps}</div>'


def _story(contents: ReportContents) -> str:
    told = contents.story
    if told is None:
        return ""
    caption = f"{told.caption}{' Dotted: the strike.' if told.strike is not None else ''}".strip()
    return f"<h2>One path</h2>\n{_figure('story', plots.story(contents, told), caption, contents)}"


def _training(contents: ReportContents) -> str:
    if not contents.training:
        return ""
    lines = [contents.label(name) for name in contents.yardsticks]
    caption = "Risk on the validation paths during training; a dot where the weights were kept."
    caption += f" Broken lines: {', '.join(lines)}." if lines else ""
    return f"<h2>Training</h2>\n{_figure('training', plots.training(contents), caption, contents)}"


def _simulated(contents: ReportContents) -> str:
    parts = []
    if contents.simulated is not None:
        words = "The same policies on fresh simulated paths from the market they were trained in."
        shown = tables.results(contents.simulated, unit=contents.unit, labels=contents.labels)
        parts += ["<h2>On simulated paths</h2>", f"<p>{words}</p>", html_table(shown, contents)]
    if contents.agreement:
        parts += ["<h2>Simulated and real paths</h2>", html_table(tables.agreement(contents.agreement), contents)]
    return "\n".join(parts)


def _settings(contents: ReportContents) -> str:
    parts = []
    for title, values, opened in (
        ("Data", contents.provenance, " open"),
        ("Settings", contents.settings, ""),
        ("Versions and seeds", contents.versions, ""),
    ):
        if values:
            rows = html_table(tables.settings(values), contents, "words")
            parts.append(f"<details{opened}><summary>{title}</summary>\n{rows}</details>")
    return "<h2>How it was made</h2>\n" + "\n".join(parts) if parts else ""


def _limits(contents: ReportContents) -> str:
    items = "".join(f"<li>{escape(one)}</li>" for one in contents.limits)
    return f"<h2>What this does not show</h2>\n<ul>{items}</ul>" if items else ""


SECTIONS = (
    _head, _results, _backtest, _wealth, _behind, _surface, _story, _training, _simulated, _limits, _settings,
)  # fmt: skip


def _figure(name: str, figure: plots.Figure, caption: str, contents: ReportContents) -> str:
    data = json.dumps(figure, separators=(",", ":")).replace("<", "\\u003c")
    drawn = list(dict.fromkeys(trace["meta"] for trace in figure["data"] if "meta" in trace))
    legend = _legend(name, drawn, figure, contents) if len(drawn) > 1 and name != "intervals" else ""
    height = figure["layout"]["height"]
    return (
        f"<figure>{f'<figcaption>{escape(caption)}</figcaption>' if caption else ''}{legend}"
        f'<div data-chart="{name}-data" style="min-height:{height}px"></div>'
        f'<script type="application/json" id="{name}-data">{data}</script></figure>'
    )


def _legend(name: str, drawn: Iterable[str], figure: plots.Figure, contents: ReportContents) -> str:
    style = plots.styles(contents)
    off = {trace["meta"] for trace in figure["data"] if trace.get("visible") is False}
    buttons = "".join(
        f'<button type="button" data-policy="{escape(one)}" aria-pressed="{str(one not in off).lower()}">'
        f'<i style="--c:var({style[one]["color"]})"{"" if style[one]["dash"] == "solid" else " class=broken"}></i>'
        f"{escape(contents.label(one))}</button>"
        for one in drawn
    )
    return f'<div class="legend" data-legend="{name}-data">{buttons}</div>'


def html_table(table: Table, contents: ReportContents, kind: str = "numbers") -> str:
    """A table; ``kind`` is its class in the style sheet."""
    chosen = contents.label(contents.chosen) if contents.chosen else None
    hints = table.hints or ("",) * len(table.columns)
    head = "".join(
        f'<th scope="col"{f" title={chr(34)}{escape(hint)}{chr(34)}" if hint else ""}>{escape(column)}</th>'
        for column, hint in zip(table.columns, hints, strict=True)
    )
    rows = "".join(
        f"<tr{' class=chosen' if row[0].text == chosen else ''}>"
        f'<th scope="row">{escape(row[0].text)}</th>{"".join(map(_cell, row[1:]))}</tr>\n'
        for row in table.rows
    )
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    inner = f"<thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody>"
    return f'<div class="scroll"><table class="{kind}">{inner}</table></div>{note}'


def _cell(cell: Cell) -> str:
    mark = f" {MARKS[cell.mark]}" if cell.mark else ""
    detail = f"<small>{escape(cell.detail)}</small>" if cell.detail else ""
    return f"<td{f' class={cell.mark}' if cell.mark else ''}>{escape(cell.text)}{mark}{detail}</td>"
