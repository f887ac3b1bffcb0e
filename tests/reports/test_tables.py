"""Tables: the numbers in them are the metrics, to the digits shown."""

import io

import numpy as np
import pytest
from rich.console import Console

from deephedge.evaluation import METRICS, Unit
from deephedge.evaluation.verdict import label
from deephedge.reports import tables


def read(text):
    return float(text.replace("−", "-").replace(",", ""))


def close(text, value, factor):
    decimals = len(text.partition(".")[2])
    digits = 0.5 * 10.0**-decimals if decimals else max(0.5, 0.005 * abs(value * factor))
    return abs(read(text) - value * factor) <= digits * 1.001


@pytest.mark.parametrize("build, part", [(tables.results, "estimates"), (tables.differences, "differences")])
def test_numbers_are_the_metrics(contents, build, part):
    table = build(contents.comparison, unit=contents.unit, labels=contents.labels)
    metrics = {label(m, 0.95): m for m in METRICS}
    found = getattr(contents.comparison, part)
    assert [row[0].text for row in table.rows] == [contents.label(name) for name in found]
    for row, estimates in zip(table.rows, found.values(), strict=True):
        for column, cell in zip(table.columns[1:], row[1:], strict=True):
            estimate, factor = estimates[metrics[column]], 1.0 if column == "Turnover" else 1e4
            assert close(cell.text, estimate.value, factor), column
            if np.isfinite(estimate.low):
                low, high = cell.detail.strip("[]").split(", ")
                assert close(low, estimate.low, factor) and close(high, estimate.high, factor), column
            else:
                assert cell.detail == "" and metrics[column] == "worst"


def test_marks_say_which_way_is_better(contents):
    table = tables.differences(contents.comparison, unit=contents.unit)
    row = {cells[0].text: cells for cells in table.rows}["none"]
    at = table.columns.index("Standard deviation")
    assert row[at].mark == "worse" and not row[at].text.startswith("−")
    gaps = contents.comparison.differences
    for cells in table.rows:
        for column, cell in zip(table.columns[1:], cells[1:], strict=True):
            estimate = gaps[cells[0].text][next(m for m in METRICS if label(m) == column)]
            assert bool(cell.mark) == bool(estimate.significant)


def test_columns_can_be_chosen_and_the_objective_is_not_shown_twice(contents):
    few = tables.results(contents.comparison, metrics=("cvar", "cost"))
    assert few.columns == ("Policy", "CVaR 95\xa0%", "Mean cost")
    assert "Risk" in tables.results(contents.comparison).columns
    assert "Risk" not in tables.results(contents.simulated).columns


def test_agreement_says_what_lies_outside(contents):
    table = tables.agreement(contents.agreement)
    assert [row[-1].text for row in table.rows] == ["inside", "outside"]
    assert [cell.text for cell in table.rows[1]] == ["Kurtosis", "20.0", "6.00", "outside"]


def test_settings_are_flat():
    table = tables.settings({"a": {"b": 1, "c": [1, 2]}, "d": [{"e": None}]})
    assert [[cell.text for cell in row] for row in table.rows] == [["a.b", "1"], ["a.c", "1, 2"], ["d.0.e", "None"]]


def test_console_shows_the_same(contents):
    table = tables.results(contents.comparison, unit=Unit("bp", 1e4), labels={"mlp": "[bold]MLP[/bold]"})
    out = io.StringIO()
    Console(file=out, width=200).print(tables.to_rich(table))
    shown = out.getvalue()
    assert "[bold]MLP[/bold]" in shown  # words are never read as markup
    for row in table.rows:
        assert all(cell.text in shown and cell.detail in shown for cell in row)
