"""One number a day: FRED's files and their like."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout
from deephedge.data.layouts.times import at, days

if TYPE_CHECKING:
    import polars as pl

DATES = ("date", "day", "observation_date")


@dataclass(frozen=True)
class Series(AbstractLayout):
    """A date and one number, which is known ``lag_days`` after its day, at ``time`` in ``zone``.

    Macro figures carry the period they are about, not the day of their release: give the lag of the release, or read
    vintages. ``unit`` is ``"percent"`` for rates in percent, which become fractions; anything else is passed on.
    """

    name: ClassVar[str] = "series"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ()
    called: str | None = None
    unit: str | None = None
    lag_days: int = 0
    time: str = "16:00"
    zone: str = "America/New_York"

    def fits(self, columns: list[str], file: str) -> bool:
        """Two columns, the first a date."""
        return len(columns) == 2 and columns[0].strip().lower() in DATES

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a day; days without a number are left out."""
        import polars as pl

        date, value = frame.columns
        day = days(frame[date], file)
        number = frame[value].cast(pl.Float64, strict=False)
        percent = self.unit == "percent"
        known = at(pl.select(day.dt.offset_by(f"{self.lag_days}d")).to_series(), self.time, self.zone)
        found = pl.DataFrame(
            {
                "event_time": at(day, self.time, self.zone), "known_time": known,
                "name": pl.Series([self.called or value.strip()] * frame.height, dtype=pl.String),
                "value": number / 100.0 if percent else number,
                "unit": pl.Series(["fraction" if percent else self.unit] * frame.height, dtype=pl.String),
            }
        )  # fmt: skip
        return found.drop_nulls("value")
