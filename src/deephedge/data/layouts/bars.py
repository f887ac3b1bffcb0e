"""Bars: open, high, low, close and volume, of days or of minutes, of one name or of many."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from deephedge.core.errors import DataError, require
from deephedge.data.layouts.base import AbstractLayout, either, lowered, plain
from deephedge.data.layouts.cells import numbers, numeric, stem
from deephedge.data.layouts.times import CLOCK, at, days, moments

if TYPE_CHECKING:
    import polars as pl

DATES = ("date", "datetime", "timestamp", "timestamp_utc", "day")
NAMES = ("symbol", "ticker", "name")
CLOSES = ("close", "price")
ADJUSTED = ("adj close", "adj_close", "adjusted")
PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class Bars(AbstractLayout):
    """Bars by a date, a moment, or a date and a time; the name is a column's, ``called``, or the file's.

    Days end at ``close`` of ``zone`` (New York unless given). Times of day without an offset are in ``zone``, which
    must be given unless the column is called ``timestamp_utc``. ``ends_after``: minutes from a bar's time to its end;
    give 0 where times are those of the ends. Unless given it is the commonest step of the file, so that no bar is known
    before it ended (and those stamped by their ends are known one step late).

    ``adjusted``: all four prices times adjusted close over close. Adjusted prices know the dividends and splits of
    later years: use their returns, not their levels.
    """

    name: ClassVar[str] = "bars"
    kind: ClassVar[str] = "bars"
    needs: ClassVar[tuple[str, ...]] = ("open", "high", "low")
    called: str | None = None
    unit: str | None = None
    close: str = "16:00"
    zone: str | None = None
    ends_after: int | None = None
    adjusted: bool = False

    def fits(self, columns: list[str], file: str) -> bool:
        """Open, high, low, a close and a date."""
        have = {plain(column) for column in columns}
        return have >= set(self.needs) and bool(have & set(CLOSES)) and bool(have & set(DATES)) and "strike" not in have

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a bar; prices are as published unless ``adjusted``."""
        import polars as pl

        frame = lowered(frame, file)
        end = self._ends(frame, file)
        named = next((pl.col(name) for name in NAMES if name in frame.columns), pl.lit(self.called or stem(file)))
        close = either(frame, file, *CLOSES).name
        prices = numeric(frame, file, open="open", high="high", low="low", close=close)
        if self.adjusted:
            ratio = numbers(either(frame, file, *ADJUSTED), file) / prices[-1]
            prices = [price * ratio for price in prices]
        interest = "openinterest" if "openinterest" in frame.columns else "open_interest"
        return frame.select(
            end.alias("event_time"), end.alias("known_time"), named.alias("name"), *prices,
            *numeric(frame, file, volume="volume", open_interest=interest),
            pl.lit(self.unit, pl.String).alias("unit"),
        )  # fmt: skip

    def _ends(self, frame: "pl.DataFrame", file: str) -> "pl.Series":
        stamp = either(frame, file, *DATES)
        if "time" in frame.columns:
            import polars as pl

            clock = frame["time"].cast(pl.String).str.strip_chars()
            stamp = (days(stamp, file).dt.strftime("%Y-%m-%d ") + clock).alias(f"{stamp.name} and time")
        elif _daily(stamp):
            return at(days(stamp, file), self.close, self.zone or "America/New_York")
        begun = moments(stamp, file, "UTC" if stamp.name.endswith("_utc") else self.zone)
        minutes = self.ends_after if self.ends_after is not None else step(begun, file)
        return begun + timedelta(minutes=minutes)


def step(times: "pl.Series", file: str) -> float:
    """Minutes between neighbouring times, the commonest; raises ``DataError`` where there is one time only."""
    steps = times.unique().sort().diff().drop_nulls()
    told = (
        f"{file}: one time does not tell how long its bar is; give ends_after, in minutes from a bar's time to its end"
    )
    require(not steps.is_empty(), told, DataError)
    return steps.mode().min().total_seconds() / 60.0  # pyright: ignore


def _daily(stamp: "pl.Series") -> bool:
    """Whether a column has days, or moments that are all midnight where they are."""
    import polars as pl

    if stamp.dtype == pl.Date:
        return True
    text = stamp.dt.strftime(" %H:%M:%S") if isinstance(stamp.dtype, pl.Datetime) else stamp.cast(pl.String)
    return not text.str.strip_chars_end().str.extract(CLOCK).str.contains("[1-9]").any()
