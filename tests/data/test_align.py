from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deephedge import data
from deephedge.core.errors import DataError
from deephedge.data.columns import duration
from deephedge.data.sources import File, Span
from deephedge.data.transport import Recorded

pd = pytest.importorskip("pandas")
START = datetime(2024, 3, 4, tzinfo=UTC)
BY_HAND = data.Origin("by hand")


def minutes(*numbers) -> np.ndarray:
    return np.datetime64("2024-03-04", "us") + np.array(numbers, dtype="timedelta64[m]")


def values(rows, name="x"):
    """Records of (event minute, minutes until known, value)."""
    made = [
        {
            "event_time": START + timedelta(minutes=e),
            "known_time": START + timedelta(minutes=e + d),
            "name": name,
            "value": v,
        }
        for e, d, v in rows
    ]
    return data.Records.of("values", made, origin=BY_HAND)


def headlines(rows, name=""):
    made = [
        {
            "event_time": START + timedelta(minutes=e), "known_time": START + timedelta(minutes=e + d), "name": name,
            "source": "wire", "id": str(i), "headline": h,
        }
        for e, d, i, h in rows
    ]  # fmt: skip
    return data.Records.of("news", made, origin=BY_HAND)


def length(rows):
    return rows["headline"].str.len_chars().cast(float).to_numpy()


event = st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(0, 5).map(float))
item = st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(0, 3), st.sampled_from(["a", "bb", "ccc"]))
COLUMNS = {
    "x": data.Latest("values", {"name": "x"}),
    "young": data.Latest("values", {"name": "x"}, max_age="12min"),
    "count": data.Decayed(half_life="7min", window="20min"),
    "tone": data.Decayed(half_life="7min", window="20min", score=length, mean=True),
}


def latest_by_loop(rows, minute, max_age=None):
    """The definition, one row at a time: the newest event known, of that the newest version."""
    best = None
    for e, d, value in rows:
        if e + d <= minute and (best is None or (e, e + d, value) > best):
            best = (e, e + d, value)
    if best is None or (max_age is not None and minute - best[0] > max_age):
        return np.nan
    return best[2]


def decayed_by_loop(rows, minute, half_life, window, score):
    total = weights = 0.0
    seen = set()
    for e, d, i, text in sorted(rows, key=lambda one: (one[0] + one[1], one[0], str(one[2]), one[3])):
        known = e + d
        if minute - window < known <= minute and (e, i) not in seen:
            seen.add((e, i))
            weight = 2.0 ** (-(minute - known) / half_life)
            total, weights = total + weight * score(text), weights + weight
    return total, weights


@given(st.lists(event, max_size=25), st.lists(item, max_size=20))
@settings(max_examples=30, deadline=None)
def test_every_column_is_its_definition_in_a_plain_loop(rows, news):
    at = np.arange(-1, 75, 3)
    table = data.aligned([values(rows), headlines(news)], minutes(*at), COLUMNS)
    np.testing.assert_array_equal(table.column("x"), [latest_by_loop(rows, t) for t in at])
    np.testing.assert_array_equal(table.column("young"), [latest_by_loop(rows, t, 12) for t in at])
    sums = [decayed_by_loop(news, t, 7.0, 20, lambda text: 1.0) for t in at]
    np.testing.assert_allclose(table.column("count"), [total for total, _ in sums], rtol=1e-13)
    means = [decayed_by_loop(news, t, 7.0, 20, len) for t in at]
    wanted = [total / weights if weights else np.nan for total, weights in means]
    np.testing.assert_allclose(table.column("tone"), wanted, rtol=1e-13)


@given(st.lists(event, min_size=1, max_size=25, unique_by=lambda row: row[0]))
@settings(max_examples=12, deadline=None)
def test_without_late_revisions_it_is_an_as_of_merge(rows):
    """Where things become known in the order in which they happen, pandas gives the same."""
    rows = [(e, 3, v) for e, _, v in rows]
    at = minutes(*range(0, 60, 2))
    right = values(rows).frame.select("known_time", "value").to_pandas()
    left = pd.DataFrame({"known_time": pd.DatetimeIndex(at).tz_localize("UTC").as_unit("us")})
    merged = pd.merge_asof(left, right, on="known_time")["value"].to_numpy()
    np.testing.assert_array_equal(data.aligned([values(rows)], at, COLUMNS).column("x"), merged)


@given(st.lists(event, max_size=25), st.lists(item, max_size=20), st.integers(0, 70), st.randoms())
@settings(max_examples=30, deadline=None)
def test_neither_the_future_nor_the_order_of_records_changes_a_row(rows, news, now, shuffle):
    """The law: rows up to t of everything are those of what was known by t, bit for bit."""
    at = minutes(*range(0, now + 1))
    records = [values(rows), headlines(news)]
    cut = [one.known_by(at[-1]) for one in records]
    mixed = [values(shuffle.sample(rows, len(rows))), headlines(shuffle.sample(news, len(news)))]
    first = data.aligned(records, minutes(*range(0, 80)), COLUMNS)
    for other in (data.aligned(cut, at, COLUMNS), data.aligned(mixed[::-1], at, COLUMNS)):
        for name in COLUMNS:
            np.testing.assert_array_equal(first.column(name)[: at.size], other.column(name))


def test_a_revision_of_an_old_period_never_replaces_a_newer_one():
    rows = [(0, 10, 1.0), (30, 10, 2.0), (0, 55, 1.5)]  # the first period is revised after the second came
    table = data.aligned([values(rows)], minutes(9, 10, 39, 40, 55, 99), COLUMNS)
    np.testing.assert_array_equal(table.column("x"), [np.nan, 1.0, 1.0, 2.0, 2.0, 2.0])
    revised = data.aligned([values([*rows, (30, 50, 2.5)])], minutes(79, 80), COLUMNS)
    np.testing.assert_array_equal(revised.column("x"), [2.0, 2.5])


def test_a_version_without_a_number_says_that_it_is_not_known():
    table = data.aligned([values([(0, 0, 1.0), (5, 0, None)])], minutes(4, 5), COLUMNS)
    np.testing.assert_array_equal(table.column("x"), [1.0, np.nan])


def test_age_is_that_of_the_event_and_its_limit_is_included():
    table = data.aligned([values([(0, 10, 1.0)])], minutes(10, 12, 13), COLUMNS)
    np.testing.assert_array_equal(table.column("young"), [1.0, 1.0, np.nan])
    shared = data.aligned([values([(0, 10, 1.0)])], minutes(10, 13), {"x": COLUMNS["x"]}, max_age=timedelta(minutes=10))
    np.testing.assert_array_equal(shared.column("x"), [1.0, np.nan])


def test_no_records_no_times_and_times_in_any_order():
    assert np.isnan(data.aligned([], minutes(0, 1), COLUMNS).column("x")).all()
    assert data.aligned([], minutes(0, 1), COLUMNS).column("count").tolist() == [0.0, 0.0]
    assert len(data.aligned([values([(0, 0, 1.0)])], minutes(), COLUMNS)) == 0
    rows = [values([(0, 0, 1.0), (5, 0, 2.0)]), headlines([(0, 0, 1, "a"), (4, 0, 2, "bb")])]
    forth, back = (data.aligned(rows, minutes(*at), COLUMNS) for at in (range(9), range(8, -1, -1)))
    for name in COLUMNS:
        np.testing.assert_array_equal(forth.column(name), back.column(name)[::-1])


def test_headlines_without_an_id_are_told_apart_by_their_words():
    rows = [{"event_time": START, "known_time": START, "name": "", "headline": text} for text in ("a", "b", "b")]
    news = data.Records.of("news", rows, origin=BY_HAND)
    assert data.aligned([news], minutes(0), COLUMNS).column("count").tolist() == [2.0]


def test_what_is_ambiguous_or_unknown_is_refused():
    two = values([(0, 0, 1.0)]).joined(values([(0, 0, 2.0)], name="y"))
    with pytest.raises(
        DataError, match=r"1 values of \{\} share the event_time of another; say which in where, by name"
    ):
        data.aligned([two], minutes(0), {"x": data.Latest("values", {})})
    with pytest.raises(DataError, match=r"no number 'valu': did you mean 'value'"):
        data.aligned([two], minutes(0), {"x": data.Latest("values", {"name": "x"}, of="valu")})
    with pytest.raises(DataError, match=r"no column 'nam': did you mean 'name'"):
        data.aligned([two], minutes(0), {"x": data.Latest("values", {"nam": "x"})})
    with pytest.raises(DataError, match=r"a value of another type than the records: \{'value': 'x'\}"):
        data.aligned([two], minutes(0), {"x": data.Latest("values", {"value": "x"})})
    with pytest.raises(DataError, match="decision times are a row of datetime64"):
        data.aligned([two], np.array([1.0]), COLUMNS)
    with pytest.raises(DataError, match="written like 15min or 90d, was '15 minutes'"):
        data.aligned([two], minutes(0), {"x": data.Latest("values", {"name": "x"}, max_age="15 minutes")})
    with pytest.raises(DataError, match="did you mean 'x'"):
        data.aligned([two], minutes(0), COLUMNS).column("xx")
    assert duration("-2w") == np.timedelta64(-14, "D")


def test_a_rolled_contract_may_change_under_one_column():
    rows = [
        {"event_time": f"2024-03-{day:02}", "known_time": f"2024-03-{day:02}", "name": "CL", "contract": contract,
         "expiry": "2024-04-22", "nearby": nearby, "price": price}
        for day, contract, nearby, price in ((4, "J", 1.0, 80.0), (4, "K", 2.0, 79.0), (5, "K", 1.0, 78.0))
    ]  # fmt: skip
    futures = data.Records.of("futures", rows, origin=BY_HAND)
    front = data.Latest("futures", {"name": "CL", "nearby": 1.0}, "price")
    table = data.aligned([futures], np.array(["2024-03-04", "2024-03-05"], "datetime64[us]"), {"front": front})
    assert table.column("front").tolist() == [80.0, 78.0]


def test_a_daily_history_stands_on_the_sessions_of_its_exchange():
    """Two closes, known a quarter of an hour after them, over Easter 2024: 28 March, then 1 April."""
    rows = [
        {"event_time": f"{day} 20:00", "known_time": f"{day} 20:15", "name": "SPX", "value": price}
        for day, price in (("2024-03-27", 5248.49), ("2024-03-28", 5254.35), ("2024-04-01", 5243.77))
    ]
    spx = data.Records.of("values", rows, origin=data.Origin("table", "publisher", "free")).told("checked")
    history = data.daily_history([spx], lag="15min")
    assert [str(day) for day in history.dates] == ["2024-03-27", "2024-03-28", "2024-04-01"]
    assert history.quote("SPX").tolist() == [5248.49, 5254.35, 5243.77]
    assert history.provenance.repairs == ("checked",) and history.provenance.licence == "free"
    early = data.daily_history([spx]).quote("SPX")  # at the close itself the close is not out yet
    np.testing.assert_array_equal(early, [np.nan, 5248.49, 5254.35])
    opened = data.daily_history([spx], at="open", start="2024-03-28", end="2024-04-01").quote("SPX")
    assert opened.tolist() == [5248.49, 5254.35]
    with pytest.raises(DataError, match="nothing was known of x at the close"):
        data.daily_history([spx], {"x": COLUMNS["x"]})
    with pytest.raises(DataError, match="at is 'open' or 'close'"):
        data.daily_history([spx], at="noon")
    with pytest.raises(DataError, match="needs records"):
        data.daily_history([])


def test_real_closes_land_on_the_sessions_of_their_days(equity):
    """S&P 500, 2018 to 2020: the file's days are the exchange's, and three hours after any close all are known."""
    path = equity / "pypi_skfolio_sp500_close_1990_2022.csv.gz"
    pieces = list(File(path).records(Span.of("2018-01-01", "2021-01-01"), Recorded({})))
    history = data.daily_history(pieces, lag="3h")
    table = pd.read_csv(path, parse_dates=["Date"]).set_index("Date")["SP500"].loc["2018-01-01":"2020-12-31"]
    np.testing.assert_array_equal(history.dates, table.index.to_numpy().astype("datetime64[D]"))
    np.testing.assert_array_equal(history.quote("SP500"), table.to_numpy())
    # at the close itself a day that ends early has no close yet: the file says 16:00
    early = data.daily_history(pieces, lag="0min").quote("SP500")
    late = np.flatnonzero(early != history.quote("SP500"))
    assert [str(day) for day in history.dates[late]] == [
        "2018-07-03", "2018-11-23", "2018-12-24", "2019-07-03", "2019-11-29", "2019-12-24", "2020-11-27", "2020-12-24",
    ]  # fmt: skip
