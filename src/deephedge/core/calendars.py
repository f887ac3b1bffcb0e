"""Exchange calendars: sessions, grids of business days and of times within them, day counts, and a business clock."""

from datetime import date
from typing import NamedTuple

import numpy as np

from deephedge.core.errors import GridError, nearest, require
from deephedge.core.grid import DAY_COUNTS, TimeGrid

Day = date | str | np.datetime64
SECOND, DAY = np.timedelta64(1, "s"), np.timedelta64(1, "D")
YEAR = 365.0 * 86400.0  # seconds: calendar time within days is act/365
CONVENTIONS = (*DAY_COUNTS, "30/360", "30e/360", "act/act", "business/252")


class Sessions(NamedTuple):
    """Days on which an exchange is open, and from when to when (UTC)."""

    days: np.ndarray
    opens: np.ndarray
    closes: np.ndarray


def sessions(start: Day, end: Day, exchange: str = "XNYS") -> Sessions:
    """The sessions of ``exchange`` (an identifier such as ``XNYS``) from ``start`` to ``end``, both included.

    Weekends, holidays, one-off closures, early closes and daylight saving are those of the package
    ``exchange_calendars``, which is imported here, when it is first needed. A lunch break is part of its session.

    Raises ``GridError`` for an unknown exchange, or where there is no session.

    >>> week = sessions("2024-07-01", "2024-07-07")
    >>> [str(day) for day in week.days], str(week.closes[2])
    (['2024-07-01', '2024-07-02', '2024-07-03', '2024-07-05'], '2024-07-03T17:00:00')
    """
    import exchange_calendars  # brings pandas along, so only where it is used

    first, last = as_day(start), as_day(end)
    known = exchange_calendars.get_calendar_names()
    require(exchange in known, f"exchange {exchange!r} is unknown: {nearest(exchange, known)}", GridError)
    require(bool(first <= last), f"start must not lie after end, were {start} and {end}", GridError)
    # A calendar is built for a range that holds sessions, so one wider by more than the longest closure.
    margin = 30 * DAY
    table = exchange_calendars.get_calendar(exchange, start=str(first - margin), end=str(last + margin)).schedule
    days = table.index.to_numpy().astype("datetime64[D]")
    inside = (days >= first) & (days <= last)
    require(bool(inside.any()), f"{exchange} has no session from {first} to {last}", GridError)
    opens, closes = (
        table[column].dt.tz_localize(None).to_numpy().astype("datetime64[s]")[inside] for column in ("open", "close")
    )
    return Sessions(days[inside], opens, closes)


def business_grid(start: Day, end: Day, exchange: str = "XNYS", day_count: str = "act/365") -> TimeGrid:
    """One point for each session's close, in years of ``day_count`` after the first: a step over a weekend is longer.

    >>> (business_grid("2024-07-03", "2024-07-08").times * 365).round(2).tolist()  # Wednesday, Friday, Monday
    [0.0, 2.0, 5.0]
    """
    days = sessions(start, end, exchange).days
    require(day_count in CONVENTIONS, f"day_count must be one of {CONVENTIONS}, was {day_count!r}", GridError)
    if day_count == "business/252":
        return TimeGrid(np.arange(len(days)) / 252.0)
    return TimeGrid([year_fraction(days[0], day, day_count) for day in days])


def intraday_grid(start: Day, end: Day, exchange: str = "XNYS", *, steps: int) -> TimeGrid:
    """``steps`` equal steps in each session, from its open to its close, and one step from each close to the next open.

    Times are calendar years (act/365, to the second) after the first open: steps over nights and weekends are as long
    as they are, and those of a session that closes early are shorter.

    >>> grid = intraday_grid("2024-07-03", "2024-07-05", steps=2)
    >>> (grid.dt * 365 * 24).round(2).tolist()  # a session of 3.5 hours, 44.5 hours closed, a session of 6.5
    [1.75, 1.75, 44.5, 3.25, 3.25]
    """
    require(bool(int(steps) == steps and steps >= 1), f"steps must be a whole number from 1, was {steps}", GridError)
    found = sessions(start, end, exchange)
    opens, closes = ((edge - found.opens[0]) / SECOND for edge in (found.opens, found.closes))
    share = np.arange(int(steps) + 1) / int(steps)
    return TimeGrid((opens[:, None] + (closes - opens)[:, None] * share).ravel() / YEAR)


def business_clock(
    start: Day,
    end: Day,
    exchange: str = "XNYS",
    *,
    overnight: float,
    weekend: float,
    intraday: bool = False,
) -> np.ndarray:
    """Rows (calendar years, business years) for `markets.BusinessTime`: how much variance has passed by when.

    A second of a session counts 1, one of an ordinary night ``overnight``, one of a weekend or holiday ``weekend``, 0
    or more; business time is scaled so that the whole span has as many business as calendar years, and a volatility
    per root year stays one. The knots are the points of `business_grid` (act/365), or, with ``intraday``, the opens and
    closes of `intraday_grid`, where no weight may be 0; business time runs evenly between them.

    >>> clock = business_clock("2024-07-05", "2024-07-09", overnight=0.2, weekend=0.05)  # Friday, Monday, Tuesday
    >>> (clock * 365).round(3).tolist()
    [[0.0, 3.0, 4.0], [0.0, 1.977, 4.0]]
    """
    for name, weight in (("overnight", overnight), ("weekend", weekend)):
        require(bool(np.isfinite(weight) and weight >= 0), f"{name} must be 0 or more, was {weight}", GridError)
    found = sessions(start, end, exchange)
    require(len(found.days) > 1 or intraday, "a clock of closes needs two sessions or more", GridError)
    open_for, closed_for = (found.closes - found.opens) / SECOND, (found.opens[1:] - found.closes[:-1]) / SECOND
    weights = np.where(np.diff(found.days) > DAY, weekend, overnight)
    require(
        not intraday or bool((weights > 0).all()), "weights must be above 0 where there are steps over them", GridError
    )
    if intraday:
        edges = np.stack([found.opens, found.closes], axis=1).ravel()
        passed = np.insert(open_for, np.arange(1, len(open_for)), weights * closed_for)
        years = (edges - edges[0]) / SECOND / YEAR
    else:
        passed = open_for[1:] + weights * closed_for
        years = (found.days - found.days[0]) / DAY / 365.0
    business = np.concatenate([[0.0], np.cumsum(passed)])
    return np.stack([years, business * (years[-1] / business[-1])])


def year_fraction(start: Day, end: Day, day_count: str, exchange: str = "XNYS") -> float:
    """Years from ``start`` to ``end`` under a day count.

    ``act/365``, ``act/360``, ``act/365.25``; ``30/360`` (bond basis: a 31st is a 30th, at the end only if the start is
    a 30th) and ``30e/360`` (a 31st is a 30th); ``act/act`` (ISDA: days of each calendar year over its length);
    ``business/252`` (sessions of ``exchange`` from ``start`` on and before ``end``).

    Source: ISDA (2006) Definitions, section 4.16.

    >>> [round(year_fraction("2023-11-01", "2024-05-01", name), 5) for name in ("30/360", "act/act", "business/252")]
    [0.5, 0.49772, 0.49206]
    """
    require(day_count in CONVENTIONS, f"day_count must be one of {CONVENTIONS}, was {day_count!r}", GridError)
    first, last = as_day(start), as_day(end)
    if first > last:
        return -year_fraction(last, first, day_count, exchange)
    if day_count in DAY_COUNTS:
        return float((last - first) / DAY) / DAY_COUNTS[day_count]
    if day_count in ("30/360", "30e/360"):
        return _thirty(first.astype(date), last.astype(date), european=day_count == "30e/360")
    if day_count == "act/act":
        return _position(last.astype(date)) - _position(first.astype(date))
    days = sessions(first - 30 * DAY, last + 30 * DAY, exchange).days
    return float(np.sum((days >= first) & (days < last))) / 252.0


def _thirty(first: date, last: date, european: bool) -> float:
    start = min(first.day, 30)
    end = min(last.day, 30) if european or start == 30 else last.day
    return (last.year - first.year) + (last.month - first.month) / 12.0 + (end - start) / 360.0


def _position(day: date) -> float:
    """The year, and the share of its days that have passed."""
    length = date(day.year + 1, 1, 1) - date(day.year, 1, 1)
    return day.year + (day - date(day.year, 1, 1)) / length


def as_day(value: Day) -> np.datetime64:
    """A date, however it is written; raises ``GridError`` for what is none."""
    try:
        day = np.datetime64(value, "D")
    except ValueError as error:
        raise GridError(f"a date is written as 2024-12-31, was {value!r}") from error
    require(not np.isnat(day), f"a date is written as 2024-12-31, was {value!r}", GridError)
    return day
