"""Yields, zero curves and fixings; percent become fractions."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout, lowered, plain
from deephedge.data.layouts.cells import numbers, numeric
from deephedge.data.layouts.series import dated, values
from deephedge.data.layouts.times import at, days

if TYPE_CHECKING:
    import polars as pl

NEW_YORK = "America/New_York"
TENOR = re.compile(r"^(\d+(?:\.\d+)?)[ _](mo|month|yr)s?(?:_r)?$")  # "10_YR", "1 Mo", "1.5 Month", "30_YR_R"


@dataclass(frozen=True)
class Treasury(AbstractLayout):
    """Daily par yields of the US Treasury (bond-equivalent): ``"us.par.10y"``, ``"us.par.3m"``, fractions.

    They are of about 15:30 New York and published in the evening of the day, here at ``published``.
    """

    name: ClassVar[str] = "us-treasury"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ("date",)
    published: str = "18:00"

    def fits(self, columns: list[str], file: str) -> bool:
        """A date and tenors, a bill's among them."""
        have = [plain(column) for column in columns]
        return _tenors(have) and any(" mo" in one.replace("_", " ") for one in have)

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a day and tenor that has a yield."""
        return _curve(frame, file, "us.par", self.published)


@dataclass(frozen=True)
class TreasuryReal(AbstractLayout):
    """Daily real par yields of the US Treasury, as `Treasury`: ``"us.real.10y"``; its tenors are years only."""

    name: ClassVar[str] = "us-treasury-real"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ("date",)
    published: str = "18:00"

    def fits(self, columns: list[str], file: str) -> bool:
        """A date and tenors from five years on."""
        have = [plain(column) for column in columns]
        return _tenors(have) and not any(" mo" in one.replace("_", " ") for one in have)

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a day and tenor that has a yield."""
        return _curve(frame, file, "us.real", self.published)


@dataclass(frozen=True)
class ZeroYields(AbstractLayout):
    """Continuously compounded zero yields of Gürkaynak, Sack and Wright (2007), percent: ``"us.zero.10y"``, fractions.

    The Federal Reserve publishes them some days later: known after ``lag_days``.
    """

    name: ClassVar[str] = "zero-yields"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ("date", "1y", "2y", "5y", "10y")
    lag_days: int = 7

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a day and maturity."""
        frame = lowered(frame, file)
        when = dated(frame["date"], file, "16:00", NEW_YORK, self.lag_days)
        years = [column for column in frame.columns if re.fullmatch(r"\d+y", column)]
        return values(when, {f"us.zero.{year}": numbers(frame[year], file) for year in years}, "percent")


@dataclass(frozen=True)
class Fixings(AbstractLayout):
    """Fixings by reference and date, as fractions (the form of OpenGamma's Strata).

    They come out at different hours, some on the next morning: known ``lag_days`` later.
    """

    name: ClassVar[str] = "fixings"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ("reference", "date", "value")
    lag_days: int = 1

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a fixing, called by its reference (``"USD-LIBOR-3M"``)."""
        import polars as pl

        frame = lowered(frame, file)
        when = dated(frame["date"], file, "12:00", "Europe/London", self.lag_days)
        rates = numeric(frame, file, value="value")
        named = frame["reference"].alias("name")
        return when.with_columns(named, *rates, pl.lit("fraction").alias("unit")).drop_nulls("value")


@dataclass(frozen=True)
class Curves(AbstractLayout):
    """Nodes of curves by valuation date, curve and label (the form of Strata's scenarios): ``"USD-Disc.10Y"``."""

    name: ClassVar[str] = "curves"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ("valuation date", "curve name", "date", "value", "label")

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a node, known in the evening of its valuation date."""
        import polars as pl

        frame = lowered(frame, file)
        when = dated(frame["valuation date"], file, "18:00", NEW_YORK, 0)
        named = (frame["curve name"] + "." + frame["label"]).alias("name")
        rates = numeric(frame, file, value="value")
        return when.with_columns(named, *rates, pl.lit("fraction").alias("unit")).drop_nulls("value")


def _tenors(columns: list[str]) -> bool:
    return len(columns) > 1 and columns[0] == "date" and all(TENOR.match(column) for column in columns[1:])


def _curve(frame: "pl.DataFrame", file: str, prefix: str, published: str) -> "pl.DataFrame":
    import polars as pl

    frame = lowered(frame, file)
    day = days(frame["date"], file)
    when = pl.DataFrame({"event_time": at(day, "15:30", NEW_YORK), "known_time": at(day, published, NEW_YORK)})
    tenors = {column: TENOR.match(column) for column in frame.columns}
    names = {column: f"{prefix}.{tenor[1]}{tenor[2][0]}" for column, tenor in tenors.items() if tenor}
    return values(when, {called: numbers(frame[column], file) for column, called in names.items()}, "percent")
