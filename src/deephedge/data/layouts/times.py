"""Days and local times of files as moments in UTC."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from deephedge.core.errors import DataError, require

if TYPE_CHECKING:
    import polars as pl

# month first: a file that writes the day first is refused on its first 13th, and is to be mapped with its format
DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%Y%m%d", "%d-%b-%Y")
CLOCKS = ("%H:%M:%S%.f", "%H:%M")
YEARS = (np.datetime64("1800-01-01"), np.datetime64("2200-01-01"))
CLOCK = r"[T ](\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(?: ?(?:Z|[+-]\d{2}:?\d{2}))?$"
SHOWN = 3


def days(column: "pl.Series", file: str, formats: tuple[str, ...] = DAYS) -> "pl.Series":
    """Days of a column of days, of moments, or of text in one of ``formats`` (the first that reads every row).

    A time of day is dropped where all rows have the same one. Raises ``DataError`` where they have not, for a day that
    is not understood and for one outside of ``YEARS``.
    """
    import polars as pl

    if isinstance(column.dtype, pl.Datetime):
        result, clocks = column.dt.date(), column.dt.time().drop_nulls()
    elif column.dtype == pl.Date:
        result, clocks = column, column.clear()
    else:
        text = column.cast(pl.String).str.strip_chars()
        clocks = text.str.extract(CLOCK).drop_nulls()
        text = text.str.replace(CLOCK, "")
        result = _first(text.str.to_date(form, strict=False) for form in formats)
    result = _sane(result, column, file, "days", "write them as 2013-12-31")
    told = f"{file}: {column.name} has times of day, which days would lose; read it as ticks or bars, or map it"
    require(clocks.n_unique() <= 1, told, DataError)
    return result


def at(day: "pl.Series", time: str, zone: str, lag_days: int = 0) -> "pl.Series":
    """The moment (UTC) at which clocks in ``zone`` show ``time`` (``"16:00"``) on each day, or ``lag_days`` later;
    daylight saving is heeded.

    >>> import polars as pl
    >>> at(pl.Series([__import__("datetime").date(2024, 7, 1)]), "16:00", "America/New_York")[0].hour
    20
    """
    import polars as pl

    clock = pl.Series([time]).str.to_time("%H:%M")
    shifted = day if lag_days == 0 else day.dt.offset_by(f"{lag_days}d")
    return _utc(pl.select(shifted.dt.combine(clock[0], time_unit="us")).to_series(), zone)


def moments(column: "pl.Series", file: str, zone: str | None, formats: tuple[str, ...] | None = None) -> "pl.Series":
    """Moments (UTC) of a column of moments or of text; ``zone`` is of those that carry no offset.

    A local time that is shown twice, when clocks are set back, is taken to be the later one: a desk never knows it too
    early. Raises ``DataError`` without a zone where one is needed, and for what is not understood.
    """
    import polars as pl

    if isinstance(column.dtype, pl.Datetime):
        aware = column.dtype.time_zone is not None
        local = column.dt.cast_time_unit("us")
        result = local.dt.convert_time_zone("UTC") if aware else _utc(local, _given(zone, column, file))
    else:
        result = _text(column, file, zone, formats)
    return _sane(result, column, file, "times", "write them as 2013-12-31 15:30:00, which their time zone has")


def _text(column: "pl.Series", file: str, zone: str | None, formats: tuple[str, ...] | None) -> "pl.Series":
    import polars as pl

    text = column.cast(pl.String).str.strip_chars().str.replace(r"Z$", "+00:00").str.replace("T", " ", literal=True)
    stamped = text.str.contains(r":\d{2}(\.\d+)? ?[+-]\d{2}:?\d{2}$")
    offset = text.str.replace(r" ?([+-]\d{2}):?(\d{2})$", "${1}:${2}")
    forms = formats or tuple(f"{day} {clock}" for day in DAYS for clock in CLOCKS)
    with_offset = pl.select(pl.when(stamped).then(offset)).to_series()
    without = pl.select(pl.when(~stamped).then(text)).to_series()
    result = _first(with_offset.str.to_datetime(f"{form}%:z", time_unit="us", strict=False) for form in forms)
    local = _first(without.str.to_datetime(form, time_unit="us", strict=False) for form in forms)
    if local.null_count() == local.len():
        return result.dt.convert_time_zone("UTC")
    return result.dt.convert_time_zone("UTC").fill_null(_utc(local, _given(zone, column, file)))


def _given(zone: str | None, column: "pl.Series", file: str) -> str:
    told = f"{file}: {column.name} has times of day in no stated time zone; say it, such as zone = 'Europe/Berlin'"
    require(zone is not None, told, DataError)
    return str(zone)


def _utc(local: "pl.Series", zone: str) -> "pl.Series":
    import polars as pl

    try:
        local = local.dt.replace_time_zone(zone, ambiguous="latest", non_existent="null")
    except pl.exceptions.PolarsError as error:
        raise DataError(f"unknown time zone {zone!r}; zones are called like 'Europe/Berlin' or 'UTC'") from error
    return local.dt.convert_time_zone("UTC")


def _first(tried: "Iterable[pl.Series]") -> "pl.Series":
    """Of several readings the one that reads most, the first of equals."""
    return min(tried, key=lambda one: one.null_count())


def _sane(result: "pl.Series", column: "pl.Series", file: str, what: str, hint: str) -> "pl.Series":
    import polars as pl

    low, high = (pl.lit(bound.astype("datetime64[us]").item()).cast(pl.Date) for bound in YEARS)
    sane = pl.select(result.cast(pl.Date).is_between(low, high)).to_series().fill_null(False)
    wrong = column.filter(~sane)
    shown = ", ".join(repr("" if one is None else str(one)) for one in wrong[:SHOWN].to_list())
    told = f"{file}: {wrong.len():,} {what} of {column.name} not understood ({shown}); {hint}"
    require(wrong.is_empty(), told, DataError)
    return result
