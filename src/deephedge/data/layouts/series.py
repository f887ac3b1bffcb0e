"""One number a day: FRED's files and their like, and tables of such columns."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.core.errors import DataError, require
from deephedge.data.layouts.base import AbstractLayout, plain
from deephedge.data.layouts.cells import numbers, stem
from deephedge.data.layouts.times import DAYS, at, days

if TYPE_CHECKING:
    import polars as pl

DATES = ("date", "day", "observation_date", "time")
WEEK = 5  # days from one date to the next, at least, of what is not daily
NAMELESS = ("value", "price", "close", "last")
# columns of tables that are something else, which must not be taken for a table of series
OTHERS = {"strike", "expiry", "expiration", "bid", "ask", "open", "high", "low", "symbol", "ticker", "timestamp"}


@dataclass(frozen=True)
class Series(AbstractLayout):
    """A date and one number, which is known ``lag_days`` after its day, at ``time`` in ``zone``.

    Macro figures carry the period they are about, not the day of their release: give the lag of the release, or read
    vintages. Unless given, the lag is 0 for daily series, and two of its own steps for those of weeks and more: a
    figure dated by the first of its month is then known a month after that month has ended.

    ``called`` is the name; the column's unless given, or the file's where that says nothing (``Price``). ``unit`` is
    ``"percent"`` for rates in percent, which become fractions; anything else is passed on.
    """

    name: ClassVar[str] = "series"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ()
    called: str | None = None
    unit: str | None = None
    lag_days: int | None = None
    time: str = "16:00"
    zone: str = "America/New_York"

    def fits(self, columns: list[str], file: str) -> bool:
        """Two columns, the first a date."""
        return len(columns) == 2 and plain(columns[0]) in DATES

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a day; days without a number are left out."""
        date, value = frame.columns
        called = self.called or (stem(file) if plain(value) in NAMELESS else value.strip())
        when = dated(frame[date], file, self.time, self.zone, self.lag_days)
        return values(when, {called: numbers(frame[value], file)}, self.unit)


@dataclass(frozen=True)
class Wide(AbstractLayout):
    """A date and a column of numbers for each name, all of one unit; else as `Series`.

    ``template`` makes names of columns: ``"{}.vol"`` calls the column AAPL ``AAPL.vol``.
    """

    name: ClassVar[str] = "wide"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ()
    template: str = "{}"
    unit: str | None = None
    lag_days: int | None = None
    time: str = "16:00"
    zone: str = "America/New_York"

    def fits(self, columns: list[str], file: str) -> bool:
        """Three columns or more, the first a date, none of them known to mean something else."""
        have = [plain(column) for column in columns]
        return len(have) > 2 and have[0] in DATES and not OTHERS & set(have)

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a day and name; cells without a number are left out."""
        date, *others = (column for column in frame.columns if column.strip())
        when = dated(frame[date], file, self.time, self.zone, self.lag_days)
        columns = {self.template.format(column.strip()): numbers(frame[column], file) for column in others}
        return values(when, columns, self.unit)


def dated(
    column: "pl.Series", file: str, time: str, zone: str, lag_days: int | None, formats: tuple[str, ...] = DAYS
) -> "pl.DataFrame":
    """When what is dated by days happened, and when, ``lag_days`` later at the same ``time``, it was known."""
    import polars as pl

    day = days(column, file, formats)
    lag = _lag(day, file) if lag_days is None else lag_days
    return pl.DataFrame({"event_time": at(day, time, zone), "known_time": at(day, time, zone, lag)})


def _lag(day: "pl.Series", file: str) -> int:
    """Days until a figure is known, by how far apart its dates are."""
    steps = day.unique().sort().diff().drop_nulls().dt.total_days()
    told = f"{file}: one date does not tell how often there is a figure; give lag_days, from its date to its release"
    require(not steps.is_empty(), told, DataError)
    step = int(steps.mode().min())  # pyright: ignore
    return 0 if step < WEEK else 2 * step


def values(when: "pl.DataFrame", columns: "dict[str, pl.Series]", unit: str | None) -> "pl.DataFrame":
    """Rows of the kind ``values``, one a time and column that has a number; percent become fractions."""
    import polars as pl

    scale, unit = (0.01, "fraction") if unit == "percent" else (1.0, unit)
    wide = when.with_columns(column.alias(called) for called, column in columns.items())
    rows = wide.unpivot(index=["event_time", "known_time"], variable_name="name", value_name="value").drop_nulls(
        "value"
    )
    number = pl.col("value") if scale == 1.0 else pl.col("value") / 100.0
    return rows.with_columns(number, pl.lit(unit, pl.String).alias("unit"))
