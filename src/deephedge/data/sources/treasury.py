"""Yield curves of the US Treasury, a file a year."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from deephedge.core.errors import DataError, require
from deephedge.data.layouts.times import at, days
from deephedge.data.records import Origin, Records
from deephedge.data.sources.answers import csv_of, now, numbers
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport, Request

if TYPE_CHECKING:
    import polars as pl

URL = "https://home.treasury.gov/resource-center/data-chart-center/interest-rates/daily-treasury-rates.csv"
CURVES = {"par": ("daily_treasury_yield_curve", 1990), "real": ("daily_treasury_real_yield_curve", 2003)}
TENOR = r"(?i)^([\d.]+)\s*(mo|yr)(?:nth)?s?$"
ZONE = "America/New_York"


@dataclass(frozen=True)
class UsTreasury(AbstractSource):
    """Par yields (``"par"``, or ``"real"`` ones) at constant maturity, as fractions: ``us.par.3m``, ``us.par.10y``.

    The yields are those of about 15:30 New York and are taken to be known at ``published``: the Treasury says 18:00.
    Semiannual compounding. The bid yields of bills count from 2002 in all maturities; a maturity that was not quoted is
    absent.

    Source: home.treasury.gov, daily treasury rates, CSV.
    """

    curve: str = "par"
    published: str = "18:00"

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece a year; raises ``DataError`` for an answer of another form."""
        require(self.curve in CURVES, f"curve must be one of {', '.join(CURVES)}, was {self.curve!r}", DataError)
        code, first = CURVES[self.curve]
        start = first if span.start is None else max(first, span.start.year)
        end = now().year if span.end is None else min(now().year, (span.end - timedelta(microseconds=1)).year)
        for year in range(start, end + 1):
            asked = {"type": code, "field_tdr_date_value": str(year), "page": "", "_format": "csv"}
            found = csv_of(transport.get(Request(f"{URL}/{year}/all", asked)), ("Date",), f"US Treasury {year}")
            rows = self._rows(found, f"US Treasury {year}")
            origin = Origin(f"home.treasury.gov {self.curve} yields", "US Department of the Treasury", "public domain")
            yield Records.of("values", rows, origin=origin).between(span.start, span.end)

    def _rows(self, found: "pl.DataFrame", source: str) -> "pl.DataFrame":
        import polars as pl

        tenors = [column for column in found.columns if column != "Date"]
        odd = [tenor for tenor in tenors if not re.match(TENOR, tenor)]
        require(not odd, f"{source} has maturities that are not understood: {', '.join(odd)}", DataError)
        long = found.unpivot(tenors, index="Date").drop_nulls("value").filter(pl.col("value") != "N/A")
        day = days(long["Date"], source)
        tenor = pl.col("variable").str.extract(TENOR, 1) + pl.col("variable").str.extract(TENOR, 2).str.slice(0, 1)
        return long.select(
            event_time=at(day, "15:30", ZONE),
            known_time=at(day, self.published, ZONE),
            name=pl.concat_str(pl.lit(f"us.{self.curve}."), tenor.str.to_lowercase()),
            value=pl.Series(numbers(long["value"].to_list(), source) / 100.0),
            unit=pl.lit("fraction"),
        )
