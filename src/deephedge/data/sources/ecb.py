"""Daily series of the European Central Bank: reference rates and all else on its data portal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from deephedge.core.errors import DataError, require
from deephedge.data.layouts.times import at, days
from deephedge.data.records import Origin, Records
from deephedge.data.sources.answers import csv_of, numbers
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport, Request

URL = "https://data-api.ecb.europa.eu/service/data"
ZONE = "Europe/Berlin"
BEFORE = timedelta(days=14)


@dataclass(frozen=True)
class Ecb(AbstractSource):
    """Daily series by their keys, ``{"EURUSD": "EXR/D.USD.EUR.SP00.A"}``, as the ECB quotes them (dollars for a euro).

    ``time`` and ``published`` are clocks of Frankfurt; the defaults are those of reference rates, which are set at
    14:15 and out by 16:00. ``lag_days``: how many days later a series is published; yield curves (``YC``) need 1.

    Source: ECB Data Portal, SDMX 2.1 REST, ``format=csvdata``.
    """

    series: Mapping[str, str]
    time: str = "14:15"
    published: str = "16:00"
    lag_days: int = 0
    unit: str | None = None

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece a series; raises ``DataError`` for an answer of another form or a series that is not daily."""
        import polars as pl

        for name, key in self.series.items():
            source = f"ECB {key}"
            asked = {"format": "csvdata", "detail": "dataonly"}
            if (
                span.start is not None
            ):  # the portal answers 404 where no day matches, so a span of a weekend asks for more
                asked["startPeriod"] = str((span.start - BEFORE).date())
            if span.end is not None:
                asked["endPeriod"] = str(span.end.date())
            body = transport.get(Request(f"{URL}/{key}", asked))
            found = csv_of(body, ("TIME_PERIOD", "OBS_VALUE"), source).drop_nulls("OBS_VALUE")
            several = found["KEY"].n_unique() if "KEY" in found.columns else 1
            require(several < 2, f"{source} is the key of {several} series; name one of them", DataError)
            day = days(found["TIME_PERIOD"], source)
            later = day.dt.offset_by(f"{self.lag_days}d")
            rows = found.select(
                event_time=at(day, self.time, ZONE),
                known_time=at(later, self.published, ZONE),
                name=pl.lit(name),
                value=pl.Series(numbers(found["OBS_VALUE"].to_list(), source)),
                unit=pl.lit(self.unit, pl.String),
            )
            origin = Origin(source, "European Central Bank", "free with attribution")
            yield Records.of("values", rows, origin=origin).between(span.start, span.end)
