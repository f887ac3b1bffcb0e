"""Reference rates of the European Central Bank: units of each currency for one euro."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout
from deephedge.data.layouts.cells import numbers
from deephedge.data.layouts.series import values
from deephedge.data.layouts.times import at, days

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Ecb(AbstractLayout):
    """``eurofxref-hist.csv``: the rate of 14:15 Frankfurt, published at about 16:00 of the same day.

    Names are pairs, ``"EURUSD"``; ``unit`` is the currency of the number. ``N/A`` is a currency that was not yet, or is
    no more. There is no bid and ask: these are references, not prices at which one could deal.
    """

    name: ClassVar[str] = "ecb"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ("date", "usd", "jpy", "gbp", "chf", "sek", "nok")
    published: str = "16:00"

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a day and currency that has a rate."""
        import polars as pl

        date, *currencies = (column for column in frame.columns if column.strip())
        day = days(frame[date], file)
        zone = "Europe/Berlin"
        when = pl.DataFrame({"event_time": at(day, "14:15", zone), "known_time": at(day, self.published, zone)})
        found = values(when, {f"EUR{one.strip()}": numbers(frame[one], file) for one in currencies}, None)
        return found.with_columns(pl.col("name").str.slice(3).alias("unit"))
