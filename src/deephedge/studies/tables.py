"""Tables for the screen: few numbers, the ones that decide first."""

from collections.abc import Mapping, Sequence

import numpy as np
from rich import box
from rich.table import Table
from rich.text import Text

from deephedge.evaluation import METRICS, Comparison, Estimate, Unit
from deephedge.evaluation.verdict import bracket, number, scale
from deephedge.reports.tables import told
from deephedge.studies.checkup import Finding
from deephedge.studies.pricing import Quote
from deephedge.studies.simulation import Likeness

SHOWN = ("mean", "std", "var", "cvar", "worst", "cost", "turnover", "price")
SPARED = ("worst", "turnover", "price")  # where the screen is narrow
NARROW = 112  # characters
SHORT = {"std": "st. dev.", "var": "VaR", "cvar": "CVaR"}


def likeness(rows: Sequence[Likeness], called: Mapping[str, str], underlier: str) -> Table:
    """Simulated beside real years, and rival markets."""
    table = plain(f"Simulated and real years of {underlier}", "statistic")
    parts = list(dict.fromkeys(part for row in rows for part in row.real))
    rivals = list(dict.fromkeys(name for row in rows for name in row.rivals))
    for column in (
        "simulated",
        "90 % of years",
        *(called.get(p, p) for p in parts),
        *(called.get(r, r) for r in rivals),
    ):
        table.add_column(column, justify="right")
    for row in rows:
        values = [_inside(row, part) for part in parts]
        others = [number(row.rivals[name]) if name in row.rivals else "" for name in rivals]
        table.add_row(
            row.statistic, number(row.simulated), f"{number(row.low)} to {number(row.high)}", *values, *others
        )
    return table


def results(
    found: Comparison,
    title: str,
    unit: Unit,
    called: Mapping[str, str],
    learnt: Sequence[str],
    width: int = 160,
    judged: str = "cvar",
) -> Table:
    """One row a policy: its metrics, and the difference to the reference in the one that is judged, with interval."""
    table = plain(f"{title} ({unit.name}, VaR and CVaR at {100 * found.level:g} %)", "policy")
    wide = [metric for metric in SHOWN if metric == judged or width >= NARROW or metric not in SPARED]
    shown = told(found, wide if judged in wide else [*wide, judged])
    for metric in shown:
        table.add_column(SHORT.get(metric, metric), justify="right", style="bold" if metric == judged else "")
        if metric == judged:
            table.add_column(f"vs {found.reference}", justify="right", no_wrap=True)
    for name, metrics in found.estimates.items():
        cells = [Text(called.get(name, name), style="cyan" if name in learnt else "")]
        for metric in shown:
            cells.append(Text(_value(metrics.get(metric), scale(found, metric, unit)[0])))
            if metric == judged:
                cells.append(_gap(found, name, unit, judged))
        table.add_row(*cells, end_section=name == (learnt[-1] if learnt else None))
    table.caption, table.caption_justify = _how(found, bool(learnt)), "left"
    return table


def across(found: Comparison, unit: Unit) -> Table:
    """Policies of several runs on the same windows, each against the reference of the first."""
    return results(found, "The same test windows", unit, {}, ())


def side_by_side(rows: Sequence[Mapping[str, str]]) -> Table:
    """Runs that share no test: plain columns."""
    table = plain("Runs", "run")
    for column in list(rows[0])[1:]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*row.values())
    return table


def quotes(found: Sequence[Quote], unit: Unit, called: Mapping[str, str], premium: float) -> Table:
    """Indifference prices with their standard errors."""
    table = plain(f"Indifference price ({unit.name})", "side")
    for column in ("price", "standard error", "hedged by"):
        table.add_column(column, justify="right")
    for quote in found:
        values = number(quote.price * unit.factor, 4), number(quote.error * unit.factor, 2)
        table.add_row(quote.side, *values, called.get(quote.policy, quote.policy))
    if premium:
        table.add_row("premium in the study", number(premium * unit.factor, 4), "", "", style="dim")
    return table


def findings(found: Sequence[Finding]) -> Table:
    """What the doctor saw."""
    table = plain("", "")
    table.add_column("")
    table.add_column("")
    for one in found:
        table.add_row(
            one.name, Text(one.found), Text("ok", style="green") if one.healthy else Text("mend", style="bold red")
        )
    table.show_header = False
    return table


def plain(title: str, *columns: str) -> Table:
    """An empty table of the house's look."""
    table = Table(title=title or None, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column)
    return table


def _value(estimate: Estimate | None, factor: float) -> str:
    if estimate is None or not np.isfinite(estimate.value):
        return ""
    return number(estimate.value * factor)


def _gap(found: Comparison, name: str, unit: Unit, metric: str) -> Text:
    if name == found.reference:
        return Text("")
    gap = found.differences[name][metric]
    words = bracket(gap, scale(found, metric, unit)[0])
    if not (np.isfinite(gap.low) and gap.significant):
        return Text(f"{words}  ")
    good = gap.value * METRICS[metric].better > 0
    return Text(f"{words} {'✓' if good else '✗'}", style="green" if good else "red")


def _how(found: Comparison, chosen: bool) -> str:
    kind = "independent paths" if found.block == 1 else f"blocks of {found.block} windows"
    often = f"{100 * found.confidence:g} % intervals, {found.resamples:,} resamples of {kind}"
    words = f"{often}; ✓ ✗ where 0 is outside"
    return f"{words}; the first row was chosen on validation" if chosen else words


def _inside(row: Likeness, part: str) -> Text:
    if part not in row.real:
        return Text("")
    value = row.real[part]
    return Text(number(value), style="green" if row.low <= value <= row.high else "yellow")
