from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from deephedge import data
from deephedge.core.errors import DataError

BY_HAND = data.Origin("by hand")
DAYS = np.busday_offset("2024-01-02", np.arange(40))
TIMES = DAYS.astype("datetime64[us]") + np.timedelta64(21 * 60 + 15, "m")  # a quarter of an hour after the close
OPENS = DAYS.astype("datetime64[us]") + np.timedelta64(14 * 60 + 30, "m")
LOOK = [TIMES[10], TIMES[25], TIMES[33]]


def stamped(day, minutes):
    return datetime.combine(day, datetime.min.time(), UTC) + timedelta(minutes=minutes)


@pytest.fixture(scope="module")
def records():
    draw = np.random.default_rng(0)
    days = DAYS.tolist()
    prices = [
        {"event_time": stamped(day, 21 * 60), "known_time": stamped(day, 21 * 60), "name": "SPX", "value": float(price)}
        for day, price in zip(days, 100 + np.cumsum(draw.normal(size=40)), strict=True)
    ]
    # each figure is about a day, comes out two days later, and is revised ten days after that
    macro = [
        {"event_time": stamped(day, 0), "known_time": stamped(day, lag * 1440 + 810), "name": "us.cpi", "value": value}
        for day in days[::5]
        for lag, value in ((2, float(draw.normal())), (12, float(draw.normal())))
    ]
    # the day is all that is said of a headline: it is known when the day is over
    news = [
        {
            "event_time": stamped(day, 0),
            "known_time": stamped(day, 1440 + 300),
            "name": "",
            "id": str(n),
            "headline": "x" * n,
        }
        for n, day in enumerate(days)
    ]
    return [
        data.Records.of(kind, rows, origin=BY_HAND)
        for kind, rows in (("values", prices), ("values", macro), ("news", news))
    ]


SPX = {"SPX": data.Latest("values", {"name": "SPX"})}
HONEST = SPX | {
    "us.cpi": data.Latest("values", {"name": "us.cpi"}),
    "news": data.Decayed(score=lambda rows: rows["headline"].str.len_chars().cast(float).to_numpy()),
}


def with_column(table, name, values):
    return data.Table(table.times, {**table.columns, name: values})


def honest(records):
    """Prices, vintages, news and an expanding z-score."""
    table = data.aligned(records, TIMES, HONEST)
    price, counted = table.column("SPX"), np.arange(1, 41)
    mean = np.cumsum(price) / counted
    spread = np.sqrt(np.maximum(np.cumsum(price**2) / counted - mean**2, 0)) + 1.0
    return with_column(table, "scaled", (price - mean) / spread)


def test_an_honest_pipeline_passes(records):
    assert data.lookahead(honest, records, LOOK) == []
    assert data.lookahead(lambda given: data.aligned(given, OPENS, HONEST), records, LOOK) == []


def findings(pipeline, records, column, looked=tuple(LOOK)):
    """Every look finds this column and no other."""
    found = data.lookahead(pipeline, records, looked)
    assert [one.column for one in found] == [column] * len(looked)
    assert all(one.rows >= 1 and one.full != one.known for one in found)
    return found


def test_a_column_shifted_from_the_future_is_caught(records):
    def leak(given):
        table = honest(given)
        return with_column(table, "next", np.append(table.column("SPX")[1:], np.nan))

    found = findings(leak, records, "next")
    # tomorrow's price is not there today: the first row that differs is the day of the cut itself
    assert [one.row for one in found] == [one.cut for one in found] == [str(cut) for cut in LOOK]
    assert "next: on what was known by 2024-01-16T21:15" in str(found[0])


def test_a_revised_figure_used_before_its_vintage_is_caught(records):
    """The last revision of each period, dated by the first release: what a download of today's figures gives."""

    def leak(given):
        table = honest(given)
        last = given[1].frame.unique("event_time", keep="last", maintain_order=True).drop("known_time")
        first = (
            given[1].frame.unique("event_time", keep="first", maintain_order=True).select("event_time", "known_time")
        )
        revised = data.Records.of("values", first.join(last, on="event_time"), origin=BY_HAND)
        return with_column(table, "revised", data.aligned([revised], TIMES, HONEST).column("us.cpi"))

    findings(leak, records, "revised")


def test_a_scaler_fitted_on_everything_is_caught(records):
    def leak(given):
        table = honest(given)
        price = table.column("SPX")
        seen = price[: len(given[0])]
        return with_column(table, "z", (price - seen.mean()) / seen.std())

    found = findings(leak, records, "z")
    assert [one.rows for one in found] == [11, 26, 34]  # all of them


def test_a_headline_used_on_its_own_morning_is_caught(records):
    def leak(given):
        early = data.Records.of("news", given[2].frame.with_columns(known_time="event_time"), origin=BY_HAND)
        return with_column(data.aligned(given, OPENS, SPX), "news", data.aligned([early], OPENS, HONEST).column("news"))

    findings(leak, records, "news")


def test_rows_that_only_the_future_lets_in_are_caught(records):
    """A shift whose last row is dropped hides in what is missing."""

    def leak(given):
        table = honest(given)
        following = np.append(table.column("SPX")[1:], np.nan)
        kept = np.flatnonzero(table.column("SPX") != following)[: len(given[0]) - 1]
        return data.Table(table.times[kept], {"next": following[kept]})

    assert {one.column for one in data.lookahead(leak, records, LOOK)} >= {"(rows)"}


def test_a_daily_history_is_looked_at_by_the_end_of_its_days(records):
    span = {"start": DAYS[0], "end": DAYS[-1]}

    def clean(given):
        return data.daily_history(given, SPX, **span)

    def leak(given):
        history = clean(given)
        price = history.quote("SPX")
        mean = np.full(len(history), np.nanmean(price))
        return data.History.of(history.dates, {"SPX": price, "mean": mean}, source="x")

    assert data.lookahead(clean, records, LOOK) == []
    assert {one.column for one in data.lookahead(leak, records, LOOK)} == {"mean"}


def test_columns_that_come_and_go_and_times_before_the_first_row(records):
    def odd(given):
        table = honest(given)
        return with_column(table, f"n{len(given[0])}", table.column("SPX"))

    assert {one.column for one in data.lookahead(odd, records, LOOK[:1])} == {"n40", "n11"}
    with pytest.raises(DataError, match="no row by 2020-01-01"):
        data.lookahead(honest, records, ["2020-01-01"])
    assert data.lookahead(honest, records, []) == []
