"""Schedules against the legs that QuantLib builds of the same terms."""

import numpy as np
import pytest
import QuantLib as ql

from deephedge import Schedule
from deephedge.core.errors import GridError

TODAY = ql.Date(2, 1, 2025)


@pytest.mark.parametrize(
    "terms, start, end, months, calendar, count, roll",
    [
        ({"day_count": "30/360"}, "2024-03-31", "2027-03-31", 6, ql.TARGET(), ql.Thirty360(ql.Thirty360.BondBasis),
         ql.ModifiedFollowing),
        ({"day_count": "act/360", "calendar": "us sofr+uk", "pay_lag": 2}, "2025-02-28", "2026-11-30", 3,
         ql.JointCalendar(ql.UnitedStates(ql.UnitedStates.SOFR), ql.UnitedKingdom()), ql.Actual360(),
         ql.ModifiedFollowing),
        ({"day_count": "act/act icma", "roll": "unadjusted"}, "2024-08-15", "2034-05-15", 12, ql.TARGET(), None,
         ql.Unadjusted),
        ({"day_count": "act/act", "roll": "following", "forward": True}, "2025-01-10", "2026-08-20", 6, ql.TARGET(),
         ql.ActualActual(ql.ActualActual.ISDA), ql.Following),
    ],
)  # fmt: skip
def test_periods_are_those_of_quantlib(terms, start, end, months, calendar, count, roll):
    found = Schedule.from_dates(start, end, months, today="2025-01-02", fixing_lag=2, **terms)
    rule = ql.DateGeneration.Forward if terms.get("forward") else ql.DateGeneration.Backward
    first, last = (ql.DateParser.parseISO(day) for day in (start, end))
    dates = ql.Schedule(first, last, ql.Period(months, ql.Months), calendar, roll, roll, rule, False)
    count = count or ql.ActualActual(ql.ActualActual.ISMA, dates)
    index = ql.IborIndex("x", ql.Period(months, ql.Months), 2, ql.EURCurrency(), calendar, roll, False, count)
    leg = ql.IborLeg([1.0], dates, index, count, ql.Following, [2], paymentLag=terms.get("pay_lag", 0))
    leg = [each for each in map(ql.as_floating_rate_coupon, leg) if each.date() > TODAY]
    fields = {
        "starts": [each.accrualStartDate() - TODAY for each in leg],
        "ends": [each.accrualEndDate() - TODAY for each in leg],
        "fixings": [each.fixingDate() - TODAY for each in leg],
        "pays": [each.date() - TODAY for each in leg],
    }
    for name, days in fields.items():
        np.testing.assert_array_equal(np.round(np.asarray(getattr(found, name)) * 365), days, err_msg=name)
    np.testing.assert_allclose(found.accruals, [each.accrualPeriod() for each in leg], rtol=1e-6)


@pytest.mark.parametrize(
    "build, says",
    [
        (
            lambda **t: Schedule.from_dates("2025-01-02", "2026-01-02", 6, calendar="targt", **t),
            "did you mean 'target'",
        ),
        (
            lambda **t: Schedule.from_dates("2025-01-02", "2026-01-02", 6, day_count="30e", **t),
            "did you mean '30e/360'",
        ),
        (lambda **t: Schedule.from_dates("2025-01-02", "2026-01-02", 6, roll="next", **t), "roll 'next' is unknown"),
        (lambda **t: Schedule.from_dates("2025-01-02", "2026-01-02", 6, time="bus", **t), "time must be one of"),
        (lambda **t: Schedule.from_dates("2020-01-02", "2021-01-02", 6, **t), "nothing is left to pay"),
        (lambda **t: Schedule.from_dates("2026-01-02", "2021-01-02", 6, **t), "start must lie before end"),
        (lambda **t: Schedule.uniform(0.0, 1.0, periods=0), "periods must be a whole number"),
        (lambda **t: Schedule([0, 1], [1, 1], [1, 1], [0, 1], [1, 2]), "longer than 0 and in order"),
        (lambda **t: Schedule([0, 1], [1, 2], [1, 1], [0, 2], [1, 2]), "fixed by the start"),
        (lambda **t: Schedule([0], [1, 2], [1, 1], [0, 1], [1, 2]), "as many of each"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(GridError, match=says):
        build(today="2025-01-02")
