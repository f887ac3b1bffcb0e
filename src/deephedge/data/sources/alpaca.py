"""Bars, quotes and news of Alpaca's market data."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deephedge.core.errors import DataError, require
from deephedge.data.columns import Duration, duration
from deephedge.data.records import Origin, Records
from deephedge.data.sources.answers import json_of, listed, numbers, part, times
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport, Request, key_from_environment

if TYPE_CHECKING:
    import polars as pl

URL = "https://data.alpaca.markets"
PLACES = {"bars": "/v2/stocks/bars", "quotes": "/v2/stocks/quotes", "news": "/v1beta1/news"}
PAGES = {"bars": "10000", "quotes": "10000", "news": "50"}
LENGTHS = {"Min": "min", "T": "min", "Hour": "h", "H": "h", "Day": "d", "D": "d"}
BAR = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v"}
QUOTE = {"bid": "bp", "ask": "ap", "bid_size": "bs", "ask_size": "as"}
WHERE = "alpaca.markets"


@dataclass(frozen=True)
class Alpaca(AbstractSource):
    """``what``: ``"bars"`` (of ``timeframe``, unadjusted), ``"quotes"`` or ``"news"`` of ``symbols`` of US shares.

    A bar names its start: it happened at its end, for days 24 hours later, which is after any close. News is known when
    its text was last changed, for the text is that one; an article on several symbols is a row for each. ``feed``:
    ``"sip"`` (all exchanges) or ``"iex"`` (free). Needs APCA_API_KEY_ID and APCA_API_SECRET_KEY.

    Source: Alpaca Market Data API, v2 and v1beta1.
    """

    symbols: tuple[str, ...]
    what: str = "bars"
    timeframe: str = "1Day"
    feed: str = "sip"
    lag: Duration = "0min"

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece a page; raises ``DataError`` without keys or for an answer of another form."""
        require(self.what in PLACES, f"what must be one of {', '.join(PLACES)}, was {self.what!r}", DataError)
        told = Origin(f"Alpaca {self.what} {self.feed}", "Alpaca", "for the subscriber")
        asked = {"symbols": ",".join(self.symbols), "limit": PAGES[self.what], "sort": "asc"}
        if self.what != "news":
            asked["feed"] = self.feed
        if self.what == "bars":
            asked |= {"timeframe": self.timeframe, "adjustment": "raw"}
        if span.start is not None:  # bars are asked for by their start and kept by their end
            early = self._length() if self.what == "bars" else duration("0s").astype(object)
            asked["start"] = (span.start - early).isoformat().replace("+00:00", "Z")
        if span.end is not None:
            asked["end"] = span.end.isoformat().replace("+00:00", "Z")
        headers = {
            "APCA-API-KEY-ID": key_from_environment("APCA_API_KEY_ID", WHERE),
            "APCA-API-SECRET-KEY": key_from_environment("APCA_API_SECRET_KEY", WHERE),
        }
        page: dict[str, str] = {}
        while True:
            body = transport.get(Request(URL + PLACES[self.what], {**asked, **page}, headers=headers))
            answer = json_of(body, told.source)
            rows = self._news(answer) if self.what == "news" else self._prices(answer)
            yield Records.of(self.what, rows, origin=told).between(span.start, span.end)
            if not part(answer, "next_page_token", told.source):
                return
            page = {"page_token": str(answer["next_page_token"])}

    def _prices(self, answer: Any) -> "pl.DataFrame | list[Any]":
        import polars as pl

        tables, fields = [], BAR if self.what == "bars" else QUOTE
        for symbol, found in (part(answer, self.what, "Alpaca") or {}).items():
            columns = {name: [part(row, key, "Alpaca") for row in found] for name, key in {"t": "t", **fields}.items()}
            start = times(columns.pop("t"), "Alpaca")
            event = start + self._length() if self.what == "bars" else start
            values = {name: numbers(column, "Alpaca") for name, column in columns.items()}
            known = event + duration(self.lag).astype(object)
            frame = pl.DataFrame({"event_time": event, "known_time": known, **values})
            tables.append(frame.with_columns(name=pl.lit(symbol), unit=pl.lit("USD")))
        return pl.concat(tables) if tables else []

    def _news(self, answer: Any) -> list[dict[str, Any]]:
        return [
            {
                "event_time": part(item, "created_at", "Alpaca"), "known_time": part(item, "updated_at", "Alpaca"),
                "name": symbol, "source": item.get("source"), "id": str(part(item, "id", "Alpaca")),
                "headline": part(item, "headline", "Alpaca"), "text": item.get("content") or item.get("summary"),
                "url": item.get("url"),
            }
            for item in listed(answer, "news", "Alpaca")
            for symbol in part(item, "symbols", "Alpaca")
            if symbol in self.symbols
        ]  # fmt: skip

    def _length(self) -> Any:
        count = self.timeframe.rstrip("MinTHourDay")
        unit = self.timeframe[len(count) :]
        told = f"timeframe must be like 1Min, 1Hour or 1Day, was {self.timeframe!r}"
        require(count.isdigit() and unit in LENGTHS, told, DataError)
        return duration(f"{count}{LENGTHS[unit]}").astype(object)
