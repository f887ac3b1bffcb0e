"""Bars of Yahoo Finance, from its chart endpoint."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from deephedge.core.errors import DataError, require
from deephedge.data.columns import Duration, duration
from deephedge.data.records import Origin, Records
from deephedge.data.sources.answers import json_of, listed, now, numbers, part, times
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport, Request

if TYPE_CHECKING:
    import polars as pl

URL = "https://query1.finance.yahoo.com/v8/finance/chart"
BROWSER = {"User-Agent": "Mozilla/5.0"}  # Yahoo refuses clients that name themselves
LENGTHS = {"1m": "1min", "2m": "2min", "5m": "5min", "15m": "15min", "30m": "30min", "60m": "1h", "1h": "1h"}
FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class Yahoo(AbstractSource):
    """Bars of ``symbols`` such as ``("SPY", "^GSPC", "EURUSD=X")``, of a day or of minutes (``interval``).

    A bar names its start; it happened at its end (a day's at that of a whole session, late on short days) and is known
    ``lag`` later. A bar that has not ended is left out. Prices are adjusted for splits, not for dividends, with the
    splits known today: their ratios are those of the time, their levels are not.

    Source: the chart endpoint of Yahoo's own pages, which is not documented and for personal use.
    """

    symbols: tuple[str, ...]
    interval: str = "1d"
    lag: Duration = "15min"
    clock: Callable[[], datetime] = field(default=now, repr=False)

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece a symbol; raises ``DataError`` for a span without a start or an answer of another form."""
        told = f"interval must be one of 1d, {', '.join(LENGTHS)}, was {self.interval!r}"
        require(self.interval == "1d" or self.interval in LENGTHS, told, DataError)
        if span.start is None:
            raise DataError("Yahoo needs a start; daily bars of some symbols begin in 1927, minutes 7 to 730 days ago")
        end, early = min(span.end or self.clock(), self.clock()), span.start - timedelta(days=1)
        asked = {
            "interval": self.interval,
            "period1": str(int(early.timestamp())),
            "period2": str(int(end.timestamp())),
        }
        for symbol in self.symbols:
            if span.start >= end:
                return
            source = f"Yahoo {symbol}"
            answer = json_of(transport.get(Request(f"{URL}/{symbol}", asked, BROWSER)), source)
            error = part(answer, "chart.error", source)
            require(error is None, f"{source}: {error.get('description', error) if error else ''}", DataError)
            rows = self._rows(part(answer, "chart.result.0", source), symbol)
            origin = Origin(f"{source} {self.interval}", "Yahoo Finance", "personal use")
            yield Records.of("bars", rows, origin=origin).between(span.start, end)

    def _rows(self, found: Any, symbol: str) -> "pl.DataFrame | list[Any]":
        import polars as pl

        source = f"Yahoo {symbol}"
        if "timestamp" not in found:  # no bar in the span
            return []
        quote = part(found, "indicators.quote.0", source)
        values = {name: numbers(listed(quote, name, source), source) for name in FIELDS}
        start = times(listed(found, "timestamp", source), source)
        sizes = {name: len(column) for name, column in values.items() if len(column) != len(start)}
        require(
            not sizes, f"{source} gave {len(start)} times and {sizes} numbers; its form may have changed", DataError
        )
        if self.interval == "1d":
            session = part(found, "meta.currentTradingPeriod.regular", source)
            length = timedelta(seconds=part(session, "end", source) - part(session, "start", source))
        else:
            length = duration(LENGTHS[self.interval]).astype(object)
        event = start + length
        rows = pl.DataFrame({"event_time": event, "known_time": event + duration(self.lag).astype(object), **values})
        rows = rows.with_columns(name=pl.lit(symbol), unit=pl.lit(part(found, "meta.currency", source), pl.String))
        return rows.filter(pl.col("known_time") <= self.clock(), pl.col("close").is_not_nan())
