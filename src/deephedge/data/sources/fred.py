"""FRED, the database of the Federal Reserve Bank of St. Louis: figures as they were first published."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from deephedge.data.layouts import Series
from deephedge.data.layouts.times import at, days
from deephedge.data.records import Origin, Records
from deephedge.data.sources.answers import json_of, listed, numbers, part
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport, Request, key_from_environment

if TYPE_CHECKING:
    import polars as pl

URL = "https://api.stlouisfed.org/fred/series/observations"
EVER = {"realtime_start": "1776-07-04", "realtime_end": "9999-12-31"}  # every vintage: no realtime_start is cut off
FIRST, ALL = "4", "1"  # output types: first releases only, every period in which a value stood
PAGE = 100_000
ZONE = "America/Chicago"


@dataclass(frozen=True)
class Fred(AbstractSource):
    """Each figure as it was first published, known at ``time`` (Chicago) of the day on which it was.

    ``series``: our name of each to its FRED id, such as ``{"us.cpi": "CPIAUCSL"}``. ``event_time`` is the first moment
    of FRED's date, which for a month or a quarter is its first day. What was already old when its archive began counts
    as known then: late, never early. ``unit="percent"`` makes rates fractions. Needs FRED_API_KEY.

    ``lag_days``: for daily market series, of which FRED keeps more vintages than it gives (2,000): the values as they
    stand today, known so many days after their date at ``time`` of New York. Revisions are then lost: not for macro.

    Source: FRED API, fred/series/observations, ``output_type=4``.
    """

    series: Mapping[str, str]
    unit: str | None = None
    lag_days: int | None = None
    time: str = "23:59"

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece a series; raises ``DataError`` without a key or for an answer of another form."""
        import polars as pl

        for name, code in self.series.items():
            if self.lag_days is None:
                rows = released(
                    observed(code, {**EVER, "output_type": FIRST}, span, transport), name, self.unit, self.time
                )
            else:
                found = observed(code, {}, span, transport)
                shown = pl.DataFrame({"date": found["date"], code: found["value"].cast(pl.String)})
                rows = Series(name, self.unit, self.lag_days, self.time).rows(shown, origin(code).source)
            yield Records.of("values", rows, origin=origin(code)).between(span.start, span.end)


def observed(code: str, params: Mapping[str, str], span: Span, transport: AbstractTransport) -> "pl.DataFrame":
    """All observations of a series: date, value (those that are ``"."`` left out) and realtime_start, page by page."""
    import polars as pl

    source, secret = (
        origin(code).source,
        {"api_key": key_from_environment("FRED_API_KEY", "fredaccount.stlouisfed.org")},
    )
    asked = {"series_id": code, "file_type": "json", "limit": str(PAGE), **params}
    if span.start is not None:  # dates of observations; a day more on each side, cut to the moment by the caller
        asked["observation_start"] = str(span.start.date() - timedelta(days=1))
    if span.end is not None:
        asked["observation_end"] = str(span.end.date())
    rows: list[dict[str, Any]] = []
    while True:
        answer = json_of(transport.get(Request(URL, {**asked, "offset": str(len(rows))}, secret=secret)), source)
        page = listed(answer, "observations", source)
        rows += page
        if not page or len(rows) >= part(answer, "count", source):
            break
    columns = {key: [part(row, key, source) for row in rows] for key in ("date", "value", "realtime_start")}
    frame = pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String), strict=False).filter(pl.col("value") != ".")
    return frame.with_columns(pl.Series("value", numbers(frame["value"].to_list(), source)))


def released(found: "pl.DataFrame", name: str, unit: str | None, time: str) -> "pl.DataFrame":
    """Rows of values known on the day of ``realtime_start``."""
    import polars as pl

    percent = unit == "percent"
    return found.select(
        event_time=at(days(found["date"], name), "00:00", ZONE),
        known_time=at(days(found["realtime_start"], name), time, ZONE),
        name=pl.lit(name),
        value=pl.Series(found["value"].to_numpy() / (100.0 if percent else 1.0)),
        unit=pl.lit("fraction" if percent else unit, pl.String),
    )


def origin(code: str) -> Origin:
    """Where a series comes from."""
    return Origin(f"FRED {code}", "Federal Reserve Bank of St. Louis", "terms of FRED and of the series' publisher")
