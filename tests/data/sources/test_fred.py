from datetime import UTC, datetime

import pytest

from deephedge.core.errors import DataError
from deephedge.data.sources import Alfred, Fred
from deephedge.data.transport import Kept

ROWS = [  # GDP of the first quarter of 2014 in its first three versions, and the next quarter's first
    ("2014-04-30", "2014-05-28", "2014-01-01", "17149.6"),
    ("2014-05-29", "2014-06-24", "2014-01-01", "17101.3"),
    ("2014-06-25", "2014-07-29", "2014-01-01", "17016.0"),
    ("2014-07-30", "9999-12-31", "2014-04-01", "17294.7"),
    ("2014-10-30", "9999-12-31", "2014-07-01", "."),
]


@pytest.fixture(autouse=True)
def key(monkeypatch):
    monkeypatch.setenv("FRED_API_KEY", "hush")


def pages(size):
    """A server of the documented form that gives ``size`` observations a page."""

    def answer(request):
        first_only = request.params.get("output_type") == "4"
        rows = [row for n, row in enumerate(ROWS) if not (first_only and any(row[2] == r[2] for r in ROWS[:n]))]
        start = int(request.params["offset"])
        fields = ("realtime_start", "realtime_end", "date", "value")
        found = [dict(zip(fields, row, strict=True)) for row in rows[start : start + size]]
        return {"count": len(rows), "offset": start, "limit": size, "observations": found}

    return answer


@pytest.mark.parametrize("size", [1, 2, 100])
def test_every_version_is_a_row_known_on_the_day_it_came_out(serve, fetch, size):
    server = serve(pages(size))
    [gdp] = fetch(Alfred({"us.gdp": "GDP"}), server)
    assert gdp.frame["value"].to_list() == [17149.6, 17101.3, 17016.0, 17294.7]
    # the end of 30 April 2014 in Chicago, summer time
    assert gdp.frame["known_time"][0] == datetime(2014, 5, 1, 4, 59, tzinfo=UTC)
    assert gdp.as_of("2014-06-01").frame["value"].to_list() == [17101.3]
    assert gdp.as_of("2014-04-30 23:00").frame["value"].to_list() == []
    assert len(server.asked) == -(-len(ROWS) // size)
    assert {one.params["realtime_start"] for one in server.asked} == {"1776-07-04"}


def test_first_releases_only(serve, fetch):
    [gdp] = fetch(Fred({"us.gdp": "GDP"}, unit="percent"), serve(pages(100)))
    assert gdp.frame["value"].to_list() == [17149.6 / 100, 17294.7 / 100]
    assert gdp.frame["unit"].to_list() == ["fraction"] * 2


def test_market_series_are_known_after_their_lag(serve, fetch):
    rows = [
        {"date": day, "value": v, "realtime_start": "2024-06-01"}
        for day, v in (("2024-01-02", "13.2"), ("2024-01-03", "."))
    ]
    [vix] = fetch(
        Fred({"VIX": "VIXCLS"}, "percent", lag_days=1, time="09:00"), serve({"count": 2, "observations": rows})
    )
    assert vix.frame["value"].to_list() == [0.132]
    assert vix.frame["known_time"][0] == datetime(2024, 1, 3, 14, tzinfo=UTC)


def test_spans_are_asked_for_and_kept_to(serve, fetch):
    server = serve(pages(100))
    [gdp] = fetch(Alfred({"us.gdp": "GDP"}), server, "2014-01-01", "2014-04-01")
    assert gdp.frame["event_time"].dt.date().unique().to_list() == [datetime(2014, 1, 1).date()]
    assert server.asked[0].params["observation_start"] == "2013-12-31"
    assert server.asked[0].params["observation_end"] == "2014-04-01"
    [none] = fetch(Alfred({"us.gdp": "GDP"}), serve({"count": 0, "observations": []}), "2030-01-01")
    assert len(none) == 0


def test_the_key_is_sent_apart_and_kept_nowhere(serve, fetch, tmp_path, monkeypatch):
    server = serve(pages(100))
    fetch(Alfred({"us.gdp": "GDP"}), Kept(server, tmp_path))
    assert server.asked[0].secret == {"api_key": "hush"} and "hush" not in str(server.asked[0])
    assert not [path for path in tmp_path.iterdir() if "hush" in path.name or b"hush" in path.read_bytes()]
    monkeypatch.delenv("FRED_API_KEY")
    with pytest.raises(DataError, match="FRED_API_KEY is not set"):
        fetch(Fred({"us.gdp": "GDP"}), server)


def test_other_answers_are_refused(serve, fetch):
    text = {"count": 1, "observations": [{"date": "2024-01-02", "value": "high", "realtime_start": "2024-01-03"}]}
    with pytest.raises(DataError, match="FRED GDP gave text where numbers were expected"):
        fetch(Fred({"us.gdp": "GDP"}), serve(text))
    for answer, told in (({"error_code": 400}, "has no observations"), ({"observations": [{}]}, "has no (date|count)")):
        with pytest.raises(DataError, match=told):
            fetch(Fred({"us.gdp": "GDP"}), serve(answer))
