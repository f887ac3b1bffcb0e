"""Records: the schema is kept, times are moments in UTC, and as_of knows what a desk knew."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deephedge.core.errors import DataError
from deephedge.data import KINDS, Origin, Records
from deephedge.data.records import moment

HERE = Origin("by hand")


def figures(*rows: tuple[str, str, str, float]) -> Records:
    names = ("event_time", "known_time", "name", "value")
    return Records.of("values", [dict(zip(names, row, strict=True)) for row in rows], origin=HERE)


GDP = figures(
    ("2024-03-31", "2024-04-25 12:30", "gdp", 1.6),
    ("2024-03-31", "2024-05-30 12:30", "gdp", 1.3),
    ("2024-03-31", "2024-06-27 12:30", "gdp", 1.4),
    ("2024-06-30", "2024-07-25 12:30", "gdp", 2.8),
    ("2024-04-30", "2024-05-15 12:30", "cpi", 3.4),
)


@pytest.mark.parametrize(
    ("when", "known"),
    [
        ("2024-04-25 12:29", {}), ("2024-04-25 12:30", {"gdp": [1.6]}), ("2024-05-30", {"gdp": [1.6], "cpi": [3.4]}),
        ("2024-06-01", {"gdp": [1.3], "cpi": [3.4]}), ("2025-01-01", {"gdp": [1.4, 2.8], "cpi": [3.4]}),
    ],
)  # fmt: skip
def test_as_of_holds_the_last_version_known_by_then(when, known):
    frame = GDP.as_of(when).frame.sort("event_time")
    assert {name: frame.filter(name=name)["value"].to_list() for name in frame["name"].unique()} == known


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 9), st.sampled_from("ab"), st.integers(0, 99))))
def test_as_of_is_the_plain_loop(rows):
    """Against a dictionary filled in order of what became known; of two at one moment the later given one holds."""
    start = datetime(2024, 1, 1, tzinfo=UTC)
    table = [
        {"event_time": start + timedelta(e), "known_time": start + timedelta(e + lag), "name": n, "value": float(v)}
        for e, lag, n, v in rows
    ]
    records = Records.of("values", table, origin=HERE)
    for day in (3, 8, 20):
        held = {}
        for row in sorted(table, key=lambda row: row["known_time"]):
            if row["known_time"] <= start + timedelta(day):
                held[row["event_time"], row["name"]] = row["value"]
        found = records.as_of(start + timedelta(day)).frame
        assert dict(zip(zip(found["event_time"], found["name"], strict=True), found["value"], strict=True)) == held


def test_the_order_of_rows_and_of_columns_changes_nothing():
    frame = GDP.frame
    for other in (frame.reverse(), frame.select(frame.columns[::-1]), frame.sample(fraction=1.0, shuffle=True, seed=1)):
        again = Records.of("values", other, origin=Origin("another file"))
        assert again.frame.equals(frame) and again.digest == GDP.digest


@pytest.mark.parametrize("column", ["event_time", "known_time", "name", "value", "unit"])
def test_any_change_of_content_changes_the_digest(column):
    other = {"event_time": datetime(2024, 1, 1, tzinfo=UTC), "known_time": datetime(2025, 1, 1, tzinfo=UTC)}
    value = other.get(column, 7.0 if column == "value" else "x")
    changed = GDP.frame.with_columns(pl.lit(value, GDP.frame.schema[column]).alias(column))
    assert Records.of("values", changed, origin=HERE).digest != GDP.digest


def test_nothing_known_is_not_a_zero_and_not_another_text():
    def digest(**columns):
        row = {"event_time": "2024-01-01", "known_time": "2024-01-01", "name": "a", **columns}
        return Records.of("values", [row], origin=HERE).digest

    assert len({digest(value=0.0), digest(value=None), digest(value=0.0, unit="")}) == 3
    assert digest(value=float("nan")) == digest(value=None) and digest(value=-0.0) == digest(value=0.0)


def test_times_of_other_zones_are_the_same_moments():
    east = timezone(timedelta(hours=-5))
    row = {"event_time": datetime(2024, 1, 2, 16, tzinfo=east), "known_time": datetime(2024, 1, 2, 22), "name": "a"}
    frame = Records.of("values", [row | {"value": 1}], origin=HERE).frame
    assert frame["event_time"][0] == datetime(2024, 1, 2, 21, tzinfo=UTC)
    assert moment(np.datetime64("2024-01-02T03:04")) == datetime(2024, 1, 2, 3, 4, tzinfo=UTC)


def test_parts_of_records():
    assert len(GDP.between("2024-04-01", "2024-06-30")) == 1
    assert len(GDP.about(name="gdp")) == 4
    assert len(GDP.known_by("2024-06-01")) == 3
    assert GDP.about(name="cpi").joined(GDP.about(name="gdp")).frame.equals(GDP.frame)
    assert repr(GDP) == "Records(values: 5 rows from 2024-03-31 to 2024-06-30)"
    assert repr(GDP.about(name="x")) == "Records(values: no rows)"


ROW = {"event_time": "2024-01-02", "known_time": "2024-01-02", "name": "a", "value": 1.0}


@pytest.mark.parametrize(
    ("kind", "row", "told"),
    [
        ("value", ROW, "did you mean 'values'"),
        ("values", ROW | {"valeu": 1.0}, "did you mean 'value'"),
        ("values", {k: v for k, v in ROW.items() if k != "known_time"}, "have no known_time"),
        ("values", ROW | {"name": None}, "have no name"),
        ("values", ROW | {"known_time": "2024-01-01"}, "known before they happen"),
        ("values", ROW | {"value": "dear"}, "value must be Float64"),
        ("values", ROW | {"value": float("inf")}, "infinite"),
        ("values", ROW | {"event_time": "yesterday"}, "a time is written like 2024-01-02"),
        ("options", ROW, "no column 'name'"),
    ],
)
def test_what_does_not_fit_is_refused(kind, row, told):
    with pytest.raises(DataError, match=told):
        Records.of(kind, [row], origin=HERE)


def test_a_calendar_is_known_ahead():
    row = {"event_time": "2024-06-12 18:00", "known_time": "2023-06-01", "name": "fomc"}
    assert len(Records.of("events", [row], origin=HERE)) == 1


def test_records_of_two_kinds_do_not_join():
    with pytest.raises(DataError, match="one kind"):
        GDP.joined(Records.of("news", {}, origin=HERE))
    with pytest.raises(DataError, match="did you mean 'name'"):
        GDP.about(nam="gdp")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_an_empty_table(kind):
    empty = Records.of(kind, {}, origin=HERE)
    assert len(empty) == 0 and empty.frame.columns == [*KINDS[kind].columns]
    assert len(empty.as_of("2024-01-01")) == 0
