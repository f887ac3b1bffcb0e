"""Sessions and day counts against QuantLib; grids and clocks against hours counted by hand."""

from datetime import date, timedelta

import numpy as np
import pytest
import QuantLib as ql

from deephedge.core.calendars import business_clock, business_grid, intraday_grid, sessions, year_fraction
from deephedge.core.errors import GridError

NYSE = ql.UnitedStates(ql.UnitedStates.NYSE)
HOUR = 1 / (365 * 24)


def theirs(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


def test_sessions_are_the_business_days_of_quantlib():
    start = date(2019, 12, 30)
    days = [start + timedelta(n) for n in range(6 * 365)]
    expected = [day for day in days if NYSE.isBusinessDay(theirs(day))]
    found = sessions(days[0], days[-1])
    assert found.days.astype(object).tolist() == expected
    assert (found.opens < found.closes).all() and (found.opens[1:] > found.closes[:-1]).all()


@pytest.mark.parametrize(
    ("name", "convention"),
    [
        ("30/360", ql.Thirty360(ql.Thirty360.BondBasis)),
        ("30e/360", ql.Thirty360(ql.Thirty360.European)),
        ("act/act", ql.ActualActual(ql.ActualActual.ISDA)),
        ("act/360", ql.Actual360()),
        ("act/365", ql.Actual365Fixed()),
    ],
)
def test_day_counts_are_those_of_quantlib(name, convention):
    rng, start = np.random.default_rng(0), date(2019, 1, 1)
    offsets = np.concatenate([rng.integers(0, 2500, (200, 2)), [[30, 58], [30, 89], [59, 89], [424, 789], [58, 424]]])
    for one, other in offsets.tolist():
        first, last = start + timedelta(one), start + timedelta(other)
        first, last = min(first, last), max(first, last)
        expected = convention.yearFraction(theirs(first), theirs(last))
        assert year_fraction(first, last, name) == pytest.approx(expected, abs=1e-12), (first, last)
        assert year_fraction(last, first, name) == pytest.approx(-expected, abs=1e-12)


def test_business_252_counts_the_sessions_of_quantlib():
    for first, last in ((date(2023, 12, 22), date(2024, 7, 4)), (date(2024, 7, 4), date(2024, 7, 8)),
                        (date(2024, 7, 6), date(2024, 7, 7)), (date(2024, 3, 1), date(2024, 3, 1))):  # fmt: skip
        expected = ql.Business252(NYSE).yearFraction(theirs(first), theirs(last))
        assert year_fraction(first, last, "business/252") == pytest.approx(expected, abs=1e-12)


def test_a_grid_of_business_days_has_long_steps_over_weekends_and_holidays():
    grid = business_grid("2024-06-28", date(2024, 7, 9))  # Friday; Independence Day is a Thursday
    np.testing.assert_allclose(np.asarray(grid.dt) * 365, [3, 1, 1, 2, 3, 1], rtol=1e-4)
    np.testing.assert_allclose(
        business_grid("2024-06-28", "2024-07-09", day_count="business/252").dt, 1 / 252, rtol=1e-4
    )
    london = business_grid("2024-05-03", "2024-05-07", "XLON")  # a bank holiday on Monday
    np.testing.assert_allclose(np.asarray(london.dt) * 365, [4], rtol=1e-4)


def test_a_grid_within_days_knows_nights_weekends_early_closes_and_the_clocks_going_forward():
    grid = intraday_grid("2024-03-08", "2024-03-11", steps=13)  # clocks go forward on Sunday night
    np.testing.assert_allclose(grid.dt[:13], 0.5 * HOUR, rtol=1e-3)
    np.testing.assert_allclose(float(grid.dt[13]), (72 - 6.5 - 1) * HOUR, rtol=1e-4)
    np.testing.assert_allclose(grid.dt[14:], 0.5 * HOUR, rtol=1e-3)
    early = intraday_grid("2024-07-03", "2024-07-03", steps=7)
    np.testing.assert_allclose(early.dt, 0.5 * HOUR, rtol=1e-3)


def test_a_business_clock_counts_hours_by_their_weight():
    years, business = business_clock("2024-06-27", "2024-07-02", overnight=0.2, weekend=0.05)  # Thursday to Tuesday
    np.testing.assert_allclose(years * 365, [0, 1, 4, 5])
    hours = np.array([6.5 + 0.2 * 17.5, 6.5 + 0.05 * 65.5, 6.5 + 0.2 * 17.5])
    np.testing.assert_allclose(np.diff(business), 5 / 365 * hours / hours.sum())
    years, business = business_clock("2024-06-27", "2024-06-28", overnight=0.1, weekend=0.1, intraday=True)
    np.testing.assert_allclose(years / HOUR, [0, 6.5, 24, 30.5])
    hours = np.array([6.5, 1.75, 6.5])
    np.testing.assert_allclose(np.diff(business), 30.5 * HOUR * hours / hours.sum())
    even = business_clock("2024-06-24", "2024-07-05", overnight=1.0, weekend=1.0, intraday=True)
    np.testing.assert_allclose(even[0], even[1])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: sessions("2024-01-01", "2024-02-01", "XNYC"), "XNYS"),
        (lambda: sessions("2024-02-01", "2024-01-01"), "start"),
        (lambda: sessions("2024-07-06", "2024-07-07"), "no session"),
        (lambda: sessions("2024-07-06", "soon"), "date"),
        (lambda: business_grid("2024-01-01", "2024-02-01", day_count="30/365"), "day_count"),
        (lambda: year_fraction("2024-01-01", "2024-02-01", "30/365"), "day_count"),
        (lambda: intraday_grid("2024-01-01", "2024-02-01", steps=0), "steps"),
        (lambda: business_clock("2024-01-01", "2024-02-01", overnight=-1.0, weekend=0.0), "overnight"),
        (lambda: business_clock("2024-07-01", "2024-07-01", overnight=0.5, weekend=0.5), "two sessions"),
        (lambda: business_clock("2024-07-01", "2024-07-09", overnight=0.5, weekend=0.0, intraday=True), "above 0"),
    ],
)
def test_what_is_no_calendar_is_refused(make, says):
    with pytest.raises(GridError, match=says):
        make()
