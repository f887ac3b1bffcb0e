"""Dates beside QuantLib's calendar and loops over days."""

from datetime import date, timedelta

import numpy as np
import pytest
import QuantLib as ql

from deephedge.core.errors import DataError, GridError
from deephedge.data import History
from deephedge.data import transforms as t

DATES = np.arange("2008-01-02", "2008-12-31", dtype="datetime64[D]")
HISTORY = History.of(DATES, {"A": np.ones(DATES.size)}, source="made up")
EVENTS = ("2008-03-18", "2008-01-30", "2008-04-30")


def applied(transform):
    (values,) = t.Fitted(transform, {})(HISTORY).values()
    return values


def third_friday(year, month):
    """The third Friday, or the business day of the New York exchange before it, as QuantLib has it."""
    friday = ql.Date.nthWeekday(3, ql.Friday, month, year)
    day = ql.UnitedStates(ql.UnitedStates.NYSE).adjust(friday, ql.Preceding)
    return np.datetime64(day.ISO())


def test_monthly_expiries_are_third_fridays_or_the_session_before():
    found = t.monthly_expiries("2007-01-01", "2019-12-31")
    np.testing.assert_array_equal(found, [third_friday(y, m) for y in range(2007, 2020) for m in range(1, 13)])
    assert np.datetime64("2008-03-20") in found and np.datetime64("2014-04-17") in found  # Good Fridays


def test_monthly_expiries_keep_to_their_range():
    assert t.monthly_expiries("2008-03-20", "2008-04-18").tolist() == [date(2008, 3, 20), date(2008, 4, 18)]
    assert t.monthly_expiries("2008-03-21", "2008-04-17").size == 0
    with pytest.raises(GridError, match="exchange 'XNYX' is unknown"):
        t.monthly_expiries("2008-01-01", "2008-12-31", "XNYX")


def test_days_to_expiry():
    expiries = [third_friday(2008, month) for month in range(1, 13)] + [third_friday(2009, 1)]
    expected = [min(int((e - day).astype(int)) for e in expiries if e >= day) for day in DATES]
    np.testing.assert_array_equal(applied(t.DaysToExpiry()), expected)


def test_days_to_event_one_by_one():
    events = sorted(date.fromisoformat(day) for day in EVENTS)
    expected = [min(((e - day).days for e in events if e >= day), default=np.nan) for day in DATES.tolist()]
    np.testing.assert_array_equal(applied(t.DaysToEvent(EVENTS, "fomc")), expected)


@pytest.mark.parametrize(("before", "after"), [(0, 0), (5, 0), (0, 3), (60, 40)])
def test_event_flags_one_by_one(before, after):
    near = {date.fromisoformat(day) + timedelta(k) for day in EVENTS for k in range(-before, after + 1)}
    expected = [float(day in near) for day in DATES.tolist()]
    np.testing.assert_array_equal(applied(t.EventFlag(EVENTS, "roll", before, after)), expected)


def test_a_date_that_is_none_is_refused():
    with pytest.raises((DataError, GridError), match="a date is written as 2024-12-31"):
        t.EventFlag(("31.12.2024",), "x")
