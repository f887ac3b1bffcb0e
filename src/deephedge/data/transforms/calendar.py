"""Dates that are known ahead: expiries, rolls, meetings, releases."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from deephedge.core.calendars import DAY, Day, as_day, sessions
from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import AbstractFormula, Days, whole

AHEAD = np.timedelta64(62, "D")  # beyond the last day lies an expiry within this


@dataclass(frozen=True)
class DaysToEvent(AbstractFormula):
    """Calendar days to the next of ``dates``: 0 on it, NaN after the last.

    The dates must have been announced before the first day that reads them: scheduled FOMC meetings and CPI releases,
    never an unscheduled meeting, which nobody could count down to.

    >>> days = Days((), np.array(["2024-01-30", "2024-01-31", "2024-02-01"], "datetime64[D]"), np.empty((0, 3)))
    >>> DaysToEvent(("2024-01-31",), "fomc.days").apply(days, {})
    {'fomc.days': array([ 1.,  0., nan])}
    """

    dates: tuple[str, ...]
    name: str

    def __post_init__(self):
        _sorted(self.dates)

    @property
    def inputs(self) -> tuple[str, ...]:
        """None: no quote is read."""
        return ()

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Under its name."""
        return {self.name: _until(days.dates, _sorted(self.dates))}


@dataclass(frozen=True)
class EventFlag(AbstractFormula):
    """1 from ``before`` calendar days before one of ``dates`` to ``after`` days after it, else 0.

    For the days of an event themselves, or for the week in which futures are rolled. The dates must be known ahead, as
    for `DaysToEvent`; of what came unscheduled leave ``before`` at 0, and give the first day that could know it.

    >>> days = Days((), np.array(["2024-01-29", "2024-01-30", "2024-01-31"], "datetime64[D]"), np.empty((0, 3)))
    >>> EventFlag(("2024-01-31",), "CL.roll", before=1).apply(days, {})
    {'CL.roll': array([0., 1., 1.])}
    """

    dates: tuple[str, ...]
    name: str
    before: int = 0
    after: int = 0

    def __post_init__(self):
        _sorted(self.dates)
        whole(self.before, 0, "before")
        whole(self.after, 0, "after")

    @property
    def inputs(self) -> tuple[str, ...]:
        """None: no quote is read."""
        return ()

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Under its name."""
        events = _sorted(self.dates)
        nearest = np.searchsorted(events, days.dates - self.after * DAY)
        reached = np.append(events, np.datetime64("9999-01-01"))[nearest] <= days.dates + self.before * DAY
        return {self.name: reached.astype(float)}


@dataclass(frozen=True)
class DaysToExpiry(AbstractFormula):
    """Calendar days to the next monthly option expiry (`monthly_expiries` of ``exchange``): 0 on it.

    The rule and the holidays are known years ahead; one-off closures are not, and the calendar has them from the start.

    >>> days = Days((), np.array(["2024-03-14", "2024-03-15", "2024-03-18"], "datetime64[D]"), np.empty((0, 3)))
    >>> DaysToExpiry().apply(days, {})
    {'expiry.days': array([ 1.,  0., 32.])}
    """

    exchange: str = "XNYS"
    name: str = "expiry.days"

    @property
    def inputs(self) -> tuple[str, ...]:
        """None: no quote is read."""
        return ()

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Under its name."""
        return {self.name: _until(days.dates, monthly_expiries(days.dates[0], days.dates[-1] + AHEAD, self.exchange))}


def monthly_expiries(start: Day, end: Day, exchange: str = "XNYS") -> np.ndarray:
    """The third Friday of each month from ``start`` to ``end``, or the last session before it where it is a holiday.

    >>> monthly_expiries("2024-02-01", "2025-04-30")[[0, 1, -1]].astype(str).tolist()  # 2025-04-18 is Good Friday
    ['2024-02-16', '2024-03-15', '2025-04-17']
    """
    first, last = as_day(start), as_day(end)
    expiries = _expiries(first.astype("datetime64[M]"), last.astype("datetime64[M]"), exchange)
    return expiries[(expiries >= first) & (expiries <= last)]


@lru_cache(maxsize=32)  # a calendar takes a third of a second to make
def _expiries(first: np.datetime64, last: np.datetime64, exchange: str) -> np.ndarray:
    months = np.arange(first, last + 1)
    fridays = np.busday_offset(months.astype("datetime64[D]"), 2, roll="forward", weekmask="Fri")
    open_days = sessions(fridays[0] - 10 * DAY, fridays[-1], exchange).days
    return open_days[np.searchsorted(open_days, fridays, side="right") - 1]


def _sorted(dates: tuple[str, ...]) -> np.ndarray:
    require(len(dates) > 0, "an event needs at least one date", DataError)
    return np.unique(np.array([as_day(date) for date in dates], "datetime64[D]"))


def _until(days: np.ndarray, events: np.ndarray) -> np.ndarray:
    place = np.searchsorted(events, days)
    ahead = (events[np.minimum(place, events.size - 1)] - days) / DAY
    return np.where(place < events.size, ahead, np.nan)
