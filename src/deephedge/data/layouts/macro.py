"""Meetings of the Federal Open Market Committee, what they did to rates, and economic policy uncertainty."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout, lowered
from deephedge.data.layouts.cells import numbers
from deephedge.data.layouts.series import dated, values
from deephedge.data.layouts.times import at, days

if TYPE_CHECKING:
    import polars as pl

NEW_YORK = "America/New_York"
STATEMENT = "14:15"
MISSING = 1e10
EACH_MEETING = 2000


@dataclass(frozen=True)
class FomcDates(AbstractLayout):
    """Dates of meetings, with a flag for the unscheduled: events called ``"fomc"``, at 14:15 New York.

    Scheduled meetings are known from the first day of their year (the calendar comes out the year before, on a day that
    the file does not say), the unscheduled when they happen. The surprises of the same file are `FomcSurprises`.
    """

    name: ClassVar[str] = "fomc-dates"
    kind: ClassVar[str] = "events"
    needs: ClassVar[tuple[str, ...]] = ("date", "mp1", "unscheduled")

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a meeting."""
        import polars as pl

        frame = lowered(frame, file)
        unscheduled = numbers(frame["unscheduled"], file) != 0
        note = pl.when(unscheduled).then(pl.lit("unscheduled")).otherwise(pl.lit("scheduled"))
        return _meetings(days(frame["date"], file), ~unscheduled).with_columns(
            pl.lit("fomc").alias("name"), note.alias("note")
        )


@dataclass(frozen=True)
class FomcSurprises(AbstractLayout):
    """The surprise of a meeting, percentage points that become a fraction: ``"fomc.mp1"``; ask for it by its name.

    It is measured in the half hour around the statement and here known in the evening. 1e10 is a missing one.
    """

    name: ClassVar[str] = "fomc-surprises"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ("date", "mp1")
    asked: ClassVar[bool] = True

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a meeting whose surprise is there."""
        import polars as pl

        frame = lowered(frame, file)
        surprise = numbers(frame["mp1"], file)
        kept = pl.select(pl.when(surprise < MISSING).then(surprise)).to_series()
        return values(dated(frame["date"], file, "18:00", NEW_YORK, 0), {"fomc.mp1": kept}, "percent")


@dataclass(frozen=True)
class FomcActions(AbstractLayout):
    """What the Federal Reserve did and published, by day: ``"fomc"`` for statements, ``"fomc.minutes"`` and so on.

    Statements of scheduled meetings are known as in `FomcDates` from the year 2000 on, since when each meeting ends
    with one; everything else when it happens.
    """

    name: ClassVar[str] = "fomc-actions"
    kind: ClassVar[str] = "events"
    needs: ClassVar[tuple[str, ...]] = ("date", "type", "scheduled fomc", "unscheduled fomc")

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row an action; ``note`` is its type as published."""
        import polars as pl

        frame = lowered(frame, file)
        day = days(frame["date"], file)
        expected = (numbers(frame["scheduled fomc"], file) != 0) & (frame["type"] == "FOMC Statement")
        said = pl.col("type").str.to_lowercase().str.replace_all(r"[^a-z]+", "_").str.strip_chars("_")
        called = pl.when(pl.col("type") == "FOMC Statement").then(pl.lit("fomc")).otherwise("fomc." + said)
        found = frame.select(called.alias("name"), pl.col("type").alias("note"))
        return pl.concat([_meetings(day, expected & (day.dt.year() >= EACH_MEETING)), found], how="horizontal")


@dataclass(frozen=True)
class PolicyUncertainty(AbstractLayout):
    """Economic policy uncertainty (Baker, Bloom and Davis 2016) by month, as an index: ``"us.epu"``.

    A month is dated by its first day and known ``lag_days`` after that. Columns that rate it against a threshold over
    the whole sample know the future and are not read.
    """

    name: ClassVar[str] = "policy-uncertainty"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ("date", "index", "above", "abovemulti")
    lag_days: int = 40

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a month."""
        frame = lowered(frame, file)
        when = dated(frame["date"], file, "16:00", NEW_YORK, self.lag_days)
        return values(when, {"us.epu": numbers(frame["index"], file)}, "index")


def _meetings(day: "pl.Series", scheduled: "pl.Series") -> "pl.DataFrame":
    import polars as pl

    happened, year = at(day, STATEMENT, NEW_YORK), at(day.dt.truncate("1y"), "00:00", NEW_YORK)
    known = pl.when(scheduled).then(year).otherwise(happened)
    return pl.select(happened.alias("event_time"), known.alias("known_time"))
