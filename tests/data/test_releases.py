import calendar
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data import RELEASE_LAGS, Origin, Release, days_to_next, fomc_calendar, lagged, release_calendar
from deephedge.data.releases import release_of

pl = pytest.importorskip("polars")
HAND = Origin("by hand")


def day(text):
    return np.array([text], "datetime64[D]")


@pytest.mark.parametrize("series", sorted(RELEASE_LAGS))
def test_known_times_are_those_of_the_calendar_and_the_clock(series):
    release = RELEASE_LAGS[series]
    days = np.arange("1999-01-01", "2026-12-31", 13, dtype="datetime64[D]")
    ends, known = release.ends(days), release.known(days)
    for one, end, when in zip(days.astype(object), ends.astype(object), known.astype(object), strict=True):
        month = {"month": one.month, "quarter": -(-one.month // 3) * 3}.get(release.every)
        last = one if month is None else date(one.year, month, calendar.monthrange(one.year, month)[1])
        hour, minute = map(int, release.time.split(":"))
        due = last + timedelta(release.lag_days)
        local = datetime(due.year, due.month, due.day, hour, minute, tzinfo=ZoneInfo(release.zone))
        assert end == last
        assert when == local.astimezone(ZoneInfo("UTC")).replace(tzinfo=None)


# Days on which figures did come out, by the publishers' own announcements.
PUBLISHED = [
    ("CPIAUCSL", "2022-09-01", "2022-10-13"), ("CPIAUCSL", "2024-01-01", "2024-02-13"),
    ("UNRATE", "2019-12-01", "2020-01-10"), ("UNRATE", "2020-03-01", "2020-04-03"),
    ("GDPC1", "2024-01-01", "2024-04-25"), ("GDPC1", "2019-10-01", "2020-01-30"),
    ("ICSA", "2021-01-09", "2021-01-14"), ("PCEPI", "2014-12-01", "2015-02-02"),
    ("PCEPILFE", "2024-05-01", "2024-06-28"), ("PERMIT", "2024-05-01", "2024-06-20"),
]  # fmt: skip


@pytest.mark.parametrize(("series", "period", "published"), PUBLISHED)
def test_a_figure_is_never_known_before_it_was_published_nor_weeks_after(series, period, published):
    late = (RELEASE_LAGS[series].known(day(period))[0].astype("datetime64[D]") - np.datetime64(published)).astype(int)
    assert 0 <= late <= 14


def test_files_without_release_dates_get_their_lag():
    days = np.array(["2024-01-01", "2024-02-01", "2024-03-01"], "datetime64[D]")
    records = lagged(days, np.array([1.0, np.nan, 3.0]), "CPIAUCSL", origin=HAND)
    assert [str(when) for when in records.frame["event_time"]] == [
        "2024-01-31 00:00:00+00:00",
        "2024-03-31 00:00:00+00:00",
    ]
    assert [str(when) for when in records.frame["known_time"]] == [
        "2024-02-24 13:30:00+00:00",
        "2024-04-24 12:30:00+00:00",
    ]
    assert records.frame["name"].unique().to_list() == ["us.cpi"]
    assert len(lagged(days[:0], np.zeros(0), "us.cpi", origin=HAND)) == 0
    with pytest.raises(DataError, match="two values for one month"):
        lagged(days[[0, 0]], np.ones(2), "CPIAUCSL", origin=HAND)
    with pytest.raises(DataError, match="needs a value"):
        lagged(days, np.ones(2), "CPIAUCSL", origin=HAND)


def test_a_release_that_is_not_known_says_what_to_do():
    with pytest.raises(DataError, match=r"did you mean 'UNRATE'\?\); give a Release, or read vintages"):
        release_of("UNRAT")
    own = Release("us.own", "month", 7, "a week after", "by hand")
    assert release_of(own) is own
    with pytest.raises(DataError, match="day after its period or later"):
        Release("us.own", "month", 0, "", "")
    with pytest.raises(DataError, match="comes every day, week"):
        Release("us.own", "year", 7, "", "")


def test_a_calendar_by_rule_is_known_a_year_ahead():
    due = release_calendar("CPIAUCSL", np.datetime64("2024-01-05"), np.datetime64("2024-03-02"))
    assert [str(when)[:10] for when in due.frame["event_time"]] == ["2024-02-24", "2024-03-24", "2024-04-24"]
    assert (due.frame["event_time"] - due.frame["known_time"]).unique().to_list() == [timedelta(366)]
    weekly = release_calendar("ICSA", np.datetime64("2024-01-06"), np.datetime64("2024-01-27"))
    assert {when.weekday() for when in weekly.frame["event_time"]} == {3} and len(weekly) == 4
    with pytest.raises(DataError, match="every day"):
        release_calendar("RRPONTSYD", np.datetime64("2024-01-06"), np.datetime64("2024-01-27"))


def test_days_to_the_next_event_are_those_of_a_plain_loop():
    rng = np.random.default_rng(0)
    hour = np.timedelta64(1, "h")
    happened = np.datetime64("2024-01-01", "us") + np.sort(rng.choice(5000, 60, replace=False)) * hour
    known = happened - rng.choice([0, 24, 2000], 60) * hour
    stamps = {
        name: pl.Series(when).dt.replace_time_zone("UTC")
        for name, when in (("event_time", happened), ("known_time", known))
    }
    from deephedge.data import Records

    events = Records.of("events", {**stamps, "name": ["x"] * 60}, origin=HAND)
    at = np.concatenate([happened[::5], np.datetime64("2023-12-01", "us") + rng.integers(0, 7000, 300) * hour])
    wanted = []
    for when in at:
        ahead = [h for h, k in zip(happened, known, strict=True) if k <= when <= h and k < h]
        wanted.append((min(ahead) - when) / np.timedelta64(1, "D") if ahead else np.nan)
    np.testing.assert_allclose(days_to_next(events, at), wanted, rtol=1e-14)
    assert np.isnan(wanted).any() and days_to_next(events, at[:0]).shape == (0,)
    assert np.isnan(days_to_next(events.known_by("2000-01-01"), at)).all()


def test_a_meeting_that_nobody_expected_is_not_counted_down_to():
    days = np.array(["2020-01-29", "2020-03-03", "2020-03-18"], "datetime64[D]")
    events = fomc_calendar(days, np.array([0, 1, 0]), origin=HAND)
    at = np.array(["2019-09-30T19:00", "2019-10-01", "2020-03-02T19:00"], "datetime64[us]")
    found = days_to_next(events, at)
    assert np.isnan(found[0]) and found[1] == 120 + 19 / 24
    assert found[2] == 16 - 1 / 24  # to 18 March, 14:00 in summer time, past 3 March
