"""What the checks of a data set found, as a page of the same look as the other reports."""

from html import escape

from deephedge.data.quality.base import SEVERITIES, Finding
from deephedge.data.quality.report import Report, verdict, when, worst
from deephedge.reports.contents import ReportContents
from deephedge.reports.html import html_table, page
from deephedge.reports.tables import Cell, Table

COLUMNS = ("Check", "About", "Found", "Rows", "When", "Repair")
HEADS = {"error": "Errors", "warning": "Warnings", "note": "Notes"}
MEANING = {
    "error": "These make results wrong.",
    "warning": "These may make results wrong: look before use.",
    "note": "These are for whoever uses the rows.",
}
MOST = 50  # findings of one check that are shown


def quality_page(report: Report) -> str:
    """The whole page, which needs nothing else. Pure: the same report gives the same text.

    >>> from deephedge.data import Origin, Records
    >>> from deephedge.data.quality import checked
    >>> shown = quality_page(checked(Records.of("quotes", [], origin=Origin("a <file>.csv"))))
    >>> "<h1>Data quality: a &lt;file&gt;.csv</h1>" in shown
    True
    """
    title = f"Data quality: {report.source}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="subtitle">{escape(report.title)}</p>',
        f'<div class="verdict"><p>{escape(verdict(report))}</p></div>',
        *(_section(report, severity, title) for severity in SEVERITIES),
        _list("Proposed repairs", [str(rule) for rule in report.rules]),
        _list("Repairs made already", list(report.repairs)),
        _list("What this does not show", _limits(report)),
    ]
    return page(title, "\n".join(filter(None, parts)))


def _section(report: Report, severity: str, title: str) -> str:
    groups = [(group, left) for group, left in worst(report, MOST) if group[0].severity == severity]
    if not groups:
        return ""
    rows = tuple(row for group, left in groups for row in (*map(_row, group), *_rest(left)))
    shown = html_table(Table("", COLUMNS, rows), ReportContents(title=title), "findings")
    return f"<h2>{HEADS[severity]}</h2>\n<p>{MEANING[severity]}</p>\n{shown}"


def _row(one: Finding) -> tuple[Cell, ...]:
    repair = "" if one.repair is None else str(one.repair)
    return (
        Cell(one.check), Cell(one.about), Cell(one.sentence), Cell(f"{one.rows:,}", f"{one.share:.2%}"),
        Cell(when(one)), Cell(repair),
    )  # fmt: skip


def _rest(left: int) -> tuple[tuple[Cell, ...], ...]:
    if not left:
        return ()
    return ((Cell(""), Cell(""), Cell(f"and {left:,} more like these, each with a smaller share"), *[Cell("")] * 3),)


def _list(title: str, lines: list[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h2>{escape(title)}</h2>\n<ul>{items}</ul>" if items else ""


def _limits(report: Report) -> list[str]:
    return [
        f"Checked were {', '.join(report.checks)}; nothing else.",
        "Whether what is missing was left out by chance: names that died are not in a file of those that lived.",
        "Whether a number that looks right is right.",
    ]
