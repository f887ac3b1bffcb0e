"""Days and local times of files as moments in UTC."""

from typing import TYPE_CHECKING

from deephedge.core.errors import DataError, require

if TYPE_CHECKING:
    import polars as pl

DAYS = ("%Y-%m-%d", "%m/%d/%Y", "%Y%m%d", "%d-%b-%Y", "%m/%d/%y", "%d/%m/%Y")
SHOWN = 3


def days(column: "pl.Series", file: str) -> "pl.Series":
    """Days of a column of days, of moments, or of text in one of ``DAYS`` (the first that reads every row)."""
    import polars as pl

    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        result = column.dt.date()
    else:
        text = column.cast(pl.String).str.strip_chars().str.replace(r"^(\d{4}-\d{2}-\d{2})[T ].*$", "${1}")
        result = min((text.str.to_date(form, strict=False) for form in DAYS), key=lambda tried: tried.null_count())
    wrong = column.filter(result.is_null())
    shown = ", ".join(repr(one) for one in wrong[:SHOWN].to_list())
    told = f"{file}: {wrong.len():,} days of {column.name} not understood ({shown}); write them as 2013-12-31"
    require(wrong.is_empty(), told, DataError)
    return result


def at(day: "pl.Series", time: str, zone: str) -> "pl.Series":
    """The moment (UTC) at which clocks in ``zone`` show ``time`` (``"16:00"``) on each day; daylight saving is heeded.

    >>> import polars as pl
    >>> at(pl.Series([__import__("datetime").date(2024, 7, 1)]), "16:00", "America/New_York")[0].hour
    20
    """
    import polars as pl

    clock = pl.Series([time]).str.to_time("%H:%M")
    local = pl.select(day.dt.combine(clock[0], time_unit="us")).to_series()
    return local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
