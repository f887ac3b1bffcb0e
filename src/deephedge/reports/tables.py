"""Tables: built once from numbers, shown on a console or on a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.table import Table as RichTable
from rich.text import Text

from deephedge.evaluation.compare import Comparison, Estimate
from deephedge.evaluation.metrics import METRICS
from deephedge.evaluation.verdict import Unit, bracket, label, meaning, number, scale
from deephedge.reports.contents import Agreement

MARKS = {"better": "✓", "worse": "✗"}
CONSOLE = ("mean", "std", "cvar", "cost", "price")  # metrics that fit on a console of 100 columns
WORDY = ("Value", "Real is")  # columns of words
STYLES = {"better": "bold green", "worse": "bold red", "": ""}


@dataclass(frozen=True)
class Cell:
    """A text, a second one under it, and whether it is good or bad news (``"better"``, ``"worse"`` or neither)."""

    text: str
    detail: str = ""
    mark: str = ""


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns; the first column names the row. ``hints`` explain columns."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    note: str = ""
    hints: tuple[str, ...] = ()


def results(
    comparison: Comparison,
    *,
    unit: Unit = Unit(),
    labels: Mapping[str, str] | None = None,
    title: str = "Results",
    metrics: Sequence[str] | None = None,
) -> Table:
    """The metrics of every policy with their intervals; all of them, or those in ``metrics``."""
    columns = told(comparison, metrics)
    rows = tuple(
        (
            Cell((labels or {}).get(name, name)),
            *(estimated(found[m], m, scale(comparison, m, unit)[0]) for m in columns),
        )
        for name, found in comparison.estimates.items()
    )
    return _table(title, columns, rows, comparison, unit, _how(comparison))


def differences(
    comparison: Comparison,
    *,
    unit: Unit = Unit(),
    labels: Mapping[str, str] | None = None,
    title: str = "",
    metrics: Sequence[str] | None = None,
) -> Table:
    """The metrics less those of the reference, paired, with intervals; marked where those leave out zero."""
    columns = told(comparison, metrics)
    called = (labels or {}).get
    rows = tuple(
        (
            Cell(called(name, name)),
            *(estimated(found[m], m, scale(comparison, m, unit)[0], judged=True) for m in columns),
        )
        for name, found in comparison.differences.items()
    )
    note = (
        f"Each number is the policy's less that of {called(comparison.reference, comparison.reference)}, on the same "
        f"paths and the same resamples. {MARKS['better']} better and {MARKS['worse']} worse where the interval leaves "
        f"out zero. {len(rows) * len(columns)} intervals are shown: about "
        f"{max(1, round((1 - comparison.confidence) * len(rows) * len(columns)))} would leave out zero by chance alone."
    )
    title = title or f"Difference to {called(comparison.reference, comparison.reference)}"
    return _table(title, columns, rows, comparison, unit, note)


def agreement(rows: Sequence[Agreement], title: str = "Simulated and real paths") -> Table:
    """Statistics of real paths beside simulated ones."""
    built = []
    for row in rows:
        inside = row.low <= row.real <= row.high
        simulated = bracket(Estimate(row.simulated, row.low, row.high, float("nan")))
        value, _, interval = simulated.partition(" ")
        verdict = Cell("inside", mark="better") if inside else Cell("outside", mark="worse")
        built.append((Cell(row.statistic), Cell(number(row.real)), Cell(value, interval), verdict))
    note = "In brackets, where the middle 90 % of simulated samples as long as the real one lie."
    return Table(title, ("Statistic", "Real", "Simulated", "Real is"), tuple(built), note)


def settings(values: Mapping[str, Any], title: str = "", names: tuple[str, str] = ("Setting", "Value")) -> Table:
    """A nested mapping as rows of dotted names and values."""
    return Table(title, names, tuple((Cell(name), Cell(text)) for name, text in _flat(values)))


def to_rich(table: Table) -> RichTable:
    """The table for a console."""
    built = RichTable(title=table.title or None, caption=table.note or None, caption_justify="left")
    for n, column in enumerate(table.columns):
        numbers = n > 0 and column not in WORDY
        built.add_column(column, justify="right" if numbers else "left", no_wrap=n == 0, overflow="fold")
    for row in table.rows:
        built.add_row(*(_text(cell) for cell in row))
    return built


def _text(cell: Cell) -> Text:
    words = f"{cell.text} {MARKS[cell.mark]}" if cell.mark in MARKS else cell.text
    return Text(words + (f"\n{cell.detail}" if cell.detail else ""), style=STYLES[cell.mark])


def told(comparison: Comparison, metrics: Sequence[str] | None = None) -> list[str]:
    """The metrics to show: objective and price are left out where they are the CVaR shown already."""
    found = [m for m in next(iter(comparison.estimates.values())) if metrics is None or m in metrics]
    every = list(comparison.estimates.values())

    def twice(metric: str) -> bool:
        return all(np.isclose(one[metric].value, one["cvar"].value, rtol=1e-4, atol=1e-12) for one in every)

    empty = [m for m in found if all(not np.isfinite(one[m].value) for one in every)]
    return [m for m in found if m not in empty and not (m in ("risk", "price") and twice(m))]


def estimated(estimate: Estimate, metric: str, factor: float, judged: bool = False) -> Cell:
    """A number over its interval; ``judged`` marks a difference whose interval leaves out zero."""
    value, _, interval = bracket(estimate, factor).partition(" ")
    mark = ""
    if judged and np.isfinite(estimate.low) and estimate.significant:
        mark = "better" if estimate.value * METRICS[metric].better > 0 else "worse"
    return Cell(value, interval, mark)


def _table(title: str, columns: list[str], rows: tuple, comparison: Comparison, unit: Unit, note: str) -> Table:
    heads = ("Policy", *(label(m, comparison.level) for m in columns))
    hints = ("", *(meaning(m, comparison.level) for m in columns))
    units = f"Wealth, losses, costs and prices in {unit.name}; losses are positive."
    units += " Turnover in units of the instruments." if "turnover" in columns else ""
    apart = "risk" in columns and not comparison.risk_in_cash
    units += f" Risk in {scale(comparison, 'risk', unit)[1]}." if apart else ""
    return Table(title, heads, rows, f"{units} {note}", hints)


def _how(comparison: Comparison) -> str:
    kind = "independent paths" if comparison.block == 1 else f"blocks of {comparison.block} windows"
    return (
        f"In brackets, {100 * comparison.confidence:g} % intervals from {comparison.resamples:,} resamples of {kind}; "
        "the worst loss has none."
    )


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple) and any(isinstance(one, Mapping) for one in value):
            rows += _flat({str(n): one for n, one in enumerate(value)}, f"{prefix}{name}.")
        else:
            rows.append(
                (f"{prefix}{name}", ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))
            )
    return rows
