"""Schedules: the periods of a leg, as years on the grid. Dates, calendars and rolls are QuantLib's."""

from itertools import pairwise
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.calendars import CONVENTIONS, DAY, Day, as_day, year_fraction
from deephedge.core.errors import GridError, nearest, require
from deephedge.core.grid import DAY_COUNTS
from deephedge.core.types import as_float, concrete

EPOCH = 25569  # QuantLib's number for 1970-01-01
# Names of ours and the calls that make QuantLib's; several calendars are joined by "+".
CALENDARS = {
    "none": ("NullCalendar",), "weekends": ("WeekendsOnly",), "target": ("TARGET",),
    "us": ("UnitedStates", "Settlement"), "us bonds": ("UnitedStates", "GovernmentBond"),
    "us sofr": ("UnitedStates", "SOFR"), "uk": ("UnitedKingdom",), "japan": ("Japan",),
    "switzerland": ("Switzerland",), "canada": ("Canada",), "australia": ("Australia",),
}  # fmt: skip
ROLLS = {"unadjusted": "Unadjusted", "following": "Following", "modified following": "ModifiedFollowing",
         "preceding": "Preceding", "modified preceding": "ModifiedPreceding"}  # fmt: skip
ACCRUALS = (*(name for name in CONVENTIONS if name != "business/252"), "act/act icma")


class Schedule(eqx.Module):
    """Periods of a leg: years from the start of the grid at which each starts, ends, has its rate fixed and is paid.

    ``accruals`` are the years that each counts for under the leg's day count. Dates before the grid are negative.
    Raises ``GridError`` for periods that are empty or do not follow one another.

    >>> Schedule.uniform(1.0, 3.0, periods=4).ends.tolist()
    [1.5, 2.0, 2.5, 3.0]
    """

    starts: Float[Array, " tenor"] = eqx.field(converter=as_float)
    ends: Float[Array, " tenor"] = eqx.field(converter=as_float)
    accruals: Float[Array, " tenor"] = eqx.field(converter=as_float)
    fixings: Float[Array, " tenor"] = eqx.field(converter=as_float)
    pays: Float[Array, " tenor"] = eqx.field(converter=as_float)

    def __check_init__(self):
        parts = (self.starts, self.ends, self.accruals, self.fixings, self.pays)
        shapes = {each.shape for each in parts}
        require(len(shapes) == 1 and self.starts.size > 0, f"a schedule needs as many of each, was {shapes}", GridError)
        require(all(concrete(each, np.isfinite) for each in parts), "a schedule must be finite years", GridError)
        sound = concrete(self.ends - self.starts, lambda gap: gap > 0)
        rising = concrete(self.ends, lambda ends: np.diff(ends, axis=-1) > 0)
        require(sound and rising, f"periods must be longer than 0 and in order, end at {self.ends}", GridError)
        ahead = concrete(self.fixings - self.starts, lambda gap: gap <= 1e-6)
        require(ahead, f"rates must be fixed by the start of their period, were at {self.fixings}", GridError)

    @classmethod
    def uniform(cls, start: float, end: float, periods: int) -> "Schedule":
        """``periods`` equal ones between two times (years), fixed when they start and paid when they end."""
        require(bool(int(periods) == periods >= 1), f"periods must be a whole number from 1, was {periods}", GridError)
        edges = start + (end - start) * np.arange(int(periods) + 1) / int(periods)
        return cls(edges[:-1], edges[1:], np.diff(edges), edges[:-1], edges[1:])

    @classmethod
    def from_dates(
        cls,
        start: Day,
        end: Day,
        months: int,
        *,
        today: Day,
        calendar: str = "target",
        day_count: str = "act/365",
        roll: str = "modified following",
        pay_lag: int = 0,
        fixing_lag: int = 0,
        end_of_month: bool = False,
        forward: bool = False,
        time: str = "act/365",
    ) -> "Schedule":
        """Periods of ``months`` from ``start`` to ``end``, counted from the end (``forward=True``: from the start).

        ``calendar`` is a name of `CALENDARS`, or several joined by ``+``; ``roll`` (of `ROLLS`) moves the dates of
        periods, and what is due on a holiday is paid on the next business day. ``day_count`` (of `ACCRUALS`) makes
        the accruals. ``pay_lag`` and ``fixing_lag`` are business days after the end and before the start. ``time``
        is the day count of the grid, whose first point is ``today``. Periods that were paid by then are left out.

        Raises ``GridError`` for a name that is unknown, or where nothing is left to pay.

        >>> bond = Schedule.from_dates("2024-01-15", "2026-01-15", 6, today="2025-01-02", day_count="30/360")
        >>> [round(x * 365) for x in bond.pays.tolist()], bond.accruals.round(4).tolist()
        ([13, 194, 378], [0.5, 0.5, 0.5])
        """
        import QuantLib as ql  # some 30 MB, so only where it is used

        require(day_count in ACCRUALS, f"day_count {day_count!r} is unknown: {nearest(day_count, ACCRUALS)}", GridError)
        require(roll in ROLLS, f"roll {roll!r} is unknown: {nearest(roll, ROLLS)}", GridError)
        require(time in DAY_COUNTS, f"time must be one of {sorted(DAY_COUNTS)}, was {time!r}", GridError)
        known, way = _calendar(calendar), getattr(ql, ROLLS[roll])
        rule = ql.DateGeneration.Forward if forward else ql.DateGeneration.Backward
        first, last = (ql.Date(int(as_day(day).astype(int)) + EPOCH) for day in (start, end))
        require(first < last, f"start must lie before end, were {start} and {end}", GridError)
        made = ql.Schedule(first, last, ql.Period(int(months), ql.Months), known, way, way, rule, end_of_month)
        edges = [edge for edge in made]
        pays = [known.advance(edge, pay_lag, ql.Days, ql.Following) for edge in edges[1:]]
        fixings = [known.advance(edge, -fixing_lag, ql.Days, ql.Preceding) for edge in edges[:-1]]
        if day_count == "act/act icma":
            count = ql.ActualActual(ql.ActualActual.ISMA, made)
            accruals = [count.yearFraction(*pair) for pair in pairwise(edges)]
        else:
            days = [_numpy(edge) for edge in edges]
            accruals = [year_fraction(*pair, day_count) for pair in pairwise(days)]
        years = [_years(each, today, time) for each in (edges[:-1], edges[1:], fixings, pays)]
        due = years[3] > 0
        require(bool(due.any()), f"nothing is left to pay after {today}", GridError)
        starts, ends, fixed, paid = (each[due] for each in years)
        return cls(starts, ends, np.asarray(accruals)[due], fixed, paid)


def _calendar(names: str) -> Any:
    import QuantLib as ql

    found = []
    for name in names.lower().split("+"):
        require(name in CALENDARS, f"calendar {name!r} is unknown: {nearest(name, CALENDARS)}", GridError)
        kind, *market = CALENDARS[name]
        maker = getattr(ql, kind)
        found.append(maker(*(getattr(maker, each) for each in market)))
    return found[0] if len(found) == 1 else ql.JointCalendar(*found)


def _numpy(date: Any) -> np.datetime64:
    return np.datetime64(date.serialNumber() - EPOCH, "D")


def _years(dates: list[Any], today: Day, time: str) -> np.ndarray:
    return np.array([(_numpy(date) - as_day(today)) / DAY / DAY_COUNTS[time] for date in dates])
