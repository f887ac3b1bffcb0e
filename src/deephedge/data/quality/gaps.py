"""Sessions without rows, rows without a session, and holes within a day."""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from deephedge.core.calendars import sessions
from deephedge.core.errors import GridError
from deephedge.data.quality.base import SERIES, AbstractCheck, Finding, counted, series, things
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

WEEKENDS = 0.1  # share of days on weekends from which on a market never closes; 2 / 7 for one that does not
MANY = 0.25  # share of missing sessions that is no longer a gap but another calendar or half of a file
WEEKS = np.timedelta64(14, "D")  # in which there is a session
ZONES = {"XBOM": "Asia/Kolkata", "24/7": "UTC"}  # what a day is, where it is not New York's


@dataclass(frozen=True)
class Gaps(AbstractCheck):
    """Days of ``exchange`` without a row, between the first and the last of each thing; days that are no session.

    Without an exchange: 24/7 where there are rows on weekends, India's for rupees, New York's for other options and
    bars, and otherwise the thing's own rhythm, where a gap is longer than ``longest`` times the median step and than 5
    days (Easter). Within a day a gap is ``longest`` steps of the day and half an hour or more.
    """

    name: ClassVar[str] = "gaps"
    kinds: ClassVar[tuple[str, ...]] = SERIES
    exchange: str | None = None
    longest: float = 2.6

    def findings(self, records: Records) -> list[Finding]:
        table, result = series(records), []
        if records.kind.name == "futures":  # contracts come and go; their market has no gaps
            table = table.with_columns(about=records.frame["name"].gather(table["row"])).sort("about", "event_time")
            table = table.unique(["about", "event_time"], maintain_order=True)
        for about, part in things(table):
            if part.height < 3:
                continue
            exchange = self.exchange or exchange_of(records, part)
            days = with_days(part, exchange)
            steps = np.diff(np.unique(days["day"].to_numpy())).astype(int)
            daily = steps.size > 1 and np.median(steps) <= 1
            result += (
                self._calendar(about, days, exchange)
                if exchange and (daily or self.exchange)
                else self._rhythm(about, days, steps)
            )
            result += self._within(about, days)
        return result

    def _calendar(self, about: str, days: "pl.DataFrame", exchange: str) -> list[Finding]:
        import polars as pl

        have = np.unique(days["day"].to_numpy().astype("datetime64[D]"))
        want = session_days(exchange, have)
        if want is None:
            return self._rhythm(about, days, np.diff(have).astype(int))
        result = self._missing(about, np.setdiff1d(want, have), len(want), f"sessions of {exchange}")
        extra = np.setdiff1d(have, want)
        rows = days.filter(pl.col("day").is_in(pl.Series(extra, dtype=pl.Date).implode()))
        said = f"{counted(extra.size, 'day')} without a session of {exchange}: a copy, or another exchange?"
        return [*result, *self.found("note", about, said, rows, days.height)]

    def _rhythm(self, about: str, days: "pl.DataFrame", steps: np.ndarray) -> list[Finding]:
        if steps.size < 2:
            return []
        usual = float(np.median(steps))
        wide = steps > max(self.longest * usual, 5.0)
        have = np.unique(days["day"].to_numpy().astype("datetime64[D]"))
        missing = have[:-1][wide] + np.timedelta64(int(usual), "D")
        return self._missing(about, missing, steps.size, f"times by its own rhythm of {usual:g} days (gaps start)")

    def _missing(self, about: str, days: np.ndarray, total: int, what: str) -> list[Finding]:
        import polars as pl

        stand_in = pl.DataFrame({"row": np.zeros(days.size, np.int64), "event_time": days.astype("datetime64[us]")})
        stand_in = stand_in.with_columns(pl.col("event_time").dt.replace_time_zone("UTC"))
        severity = "error" if days.size > MANY * total else "warning"
        said = f"no row for {days.size:,} of {total:,} {what}; get them from the publisher or split the data there"
        made = self.found(severity, about, said, stand_in, total)
        return [_without_rows(one) for one in made]

    def _within(self, about: str, days: "pl.DataFrame") -> list[Finding]:
        import polars as pl

        step = pl.col("event_time").diff().dt.total_seconds()
        inside = days.with_columns(step.over("day").alias("step")).drop_nulls("step")
        usual = inside["step"].median() if inside.height > 20 * days["day"].n_unique() else None
        if not isinstance(usual, float):
            return []
        wide = inside.filter(pl.col("step") > max(self.longest * usual, 1800.0))
        said = f"{counted(wide.height, 'hole')} of half an hour or more within a day, whose step is {usual:g} s"
        return self.found("note", about, said, wide, inside.height)


def _without_rows(finding: Finding) -> Finding:
    return replace(finding, index=np.empty(0, np.int64))


def exchange_of(records: Records, part: "pl.DataFrame") -> str | None:
    """The exchange whose days these are, as far as the records say; ``part`` is one thing of `base.series`."""
    weekend = (part["event_time"].dt.weekday() >= 6).mean()
    if isinstance(weekend, float) and weekend > WEEKENDS:
        return "24/7"
    if records.kind.name not in ("options", "bars"):
        return None
    return "XBOM" if bool((records.frame["unit"] == "INR").any()) else "XNYS"


def with_days(part: "pl.DataFrame", exchange: str | None) -> "pl.DataFrame":
    """With ``day``, as the clocks of the exchange have it."""
    import polars as pl

    zone = ZONES.get(exchange or "", "America/New_York")
    return part.with_columns(pl.col("event_time").dt.convert_time_zone(zone).dt.date().alias("day"))


def session_days(exchange: str, days: np.ndarray) -> np.ndarray | None:
    """The sessions from the first to the last of ``days``; None where the calendar does not go so far."""
    first, last = days.min(), days.max()
    known = _sessions(exchange, str(first - WEEKS), str(last + WEEKS))
    return None if known is None else known[(known >= first) & (known <= last)]


@lru_cache(64)
def _sessions(exchange: str, first: str, last: str) -> np.ndarray | None:
    try:
        return sessions(first, last, exchange).days
    except GridError:  # an exchange that does not exist
        raise
    except ValueError:  # years whose holidays are not on record
        return None
