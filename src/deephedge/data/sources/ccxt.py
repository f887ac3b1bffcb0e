"""Crypto exchanges through ccxt, whose requests go through our transport."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.extras import extra
from deephedge.data.records import Origin, Records
from deephedge.data.sources.answers import json_of, now
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport, Request

WHAT = ("bars", "quotes", "options")
PAGE = 500
OPTION = re.compile(r"(\w+)/(\w+):(\w+)-(\d{6})-([\d.d]+)-([CP])")  # BTC/USD:BTC-240628-42000-C


@dataclass(frozen=True)
class Ccxt(AbstractSource):
    """``what`` of an ``exchange`` that ccxt knows, such as deribit, okx or binance; public data, without a key.

    ``"bars"``: ``symbols`` as ccxt writes them (``"BTC/USDT"``), of ``timeframe``; a bar happens, and is known, at its
    end. ``"quotes"``: best bid and ask now. ``"options"``: the chain of ``symbols`` (``("BTC",)``) now, quoted in coins
    where it settles in them, expiring at 08:00 UTC. Snapshots are known when fetched: not for `Kept`. Retries, pace and
    recordings are those of the transport; requests that are no GET are refused.

    Source: ccxt, unified API.
    """

    exchange: str
    symbols: tuple[str, ...]
    what: str = "bars"
    timeframe: str = "1d"
    clock: Callable[[], datetime] = field(default=now, repr=False)

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece a symbol, or a page of bars; raises ``DataError`` for what the exchange does not have."""
        require(self.what in WHAT, f"what must be one of {', '.join(WHAT)}, was {self.what!r}", DataError)
        library = extra("ccxt", "ccxt")
        known = library.exchanges
        require(
            self.exchange in known,
            f"ccxt has no exchange {self.exchange!r}: {nearest(self.exchange, known)}",
            DataError,
        )
        client = through(getattr(library, self.exchange)({"enableRateLimit": False}), transport)
        kind = {"bars": self._bars, "quotes": self._quotes, "options": self._options}[self.what]
        if self.what != "bars" and not span.covers(self.clock()):
            return
        origin = Origin(f"{self.exchange} {self.what}", self.exchange, "terms of the exchange")
        try:
            for symbol in self.symbols:
                for rows in kind(client, symbol, span):
                    yield Records.of(self.what, rows, origin=origin).between(span.start, span.end)
        except library.BaseError as error:
            raise DataError(f"{self.exchange} has no {self.what} as asked for: {str(error)[:200]}") from error

    def _bars(self, client: Any, symbol: str, span: Span) -> Iterator[list[dict[str, Any]]]:
        if span.start is None:
            raise DataError(f"bars of {self.exchange} need a start: it gives them page by page from there")
        length = timedelta(seconds=client.parse_timeframe(self.timeframe))
        since, end = span.start - length, min(span.end or self.clock(), self.clock() + timedelta(microseconds=1))
        while since + length < end:
            page = client.fetch_ohlcv(symbol, self.timeframe, int(since.timestamp() * 1000), PAGE)
            starts = [datetime.fromtimestamp(bar[0] / 1000, UTC) for bar in page]
            fresh = [(start, bar) for start, bar in zip(starts, page, strict=True) if start >= since]
            if not fresh:
                return
            yield [
                {
                    "event_time": start + length, "known_time": start + length, "name": symbol,
                    **dict(zip(("open", "high", "low", "close", "volume"), bar[1:6], strict=True)),
                }
                for start, bar in fresh
                if start + length < end
            ]  # fmt: skip
            since = max(starts) + timedelta(milliseconds=1)

    def _quotes(self, client: Any, symbol: str, span: Span) -> Iterator[list[dict[str, Any]]]:
        found, fetched = client.fetch_ticker(symbol), self.clock()
        numbers = {"bid": "bid", "ask": "ask", "bid_size": "bidVolume", "ask_size": "askVolume"}
        row = {name: found.get(key) for name, key in numbers.items()}
        yield [{"event_time": _happened(found, fetched), "known_time": fetched, "name": symbol, **row}]

    def _options(self, client: Any, symbol: str, span: Span) -> Iterator[list[dict[str, Any]]]:
        found, fetched = client.fetch_option_chain(symbol), self.clock()
        yield [self._option(one, fetched) for one in found.values()]

    def _option(self, one: dict[str, Any], fetched: datetime) -> dict[str, Any]:
        form = OPTION.fullmatch(one["symbol"])
        if form is None:
            raise DataError(f"{self.exchange} lists an option {one['symbol']!r}; expected BTC/USD:BTC-240628-42000-C")
        base, _, settled, day, strike, right = form.groups()
        numbers = {
            "bid": "bidPrice", "ask": "askPrice", "last": "lastPrice", "mark": "markPrice", "vol": "impliedVolatility",
            "underlier_price": "underlyingPrice", "open_interest": "openInterest", "volume": "baseVolume",
        }  # fmt: skip
        return {
            "event_time": _happened(one, fetched), "known_time": fetched, "underlier": base,
            "expiry": datetime.strptime(day, "%y%m%d").date(), "strike": float(strike.replace("d", ".")),
            "right": {"C": "call", "P": "put"}[right], "style": "european", "contract": one["symbol"],
            "unit": "coin" if settled == base else settled, **{name: one.get(key) for name, key in numbers.items()},
        }  # fmt: skip


def through(client: Any, transport: AbstractTransport) -> Any:
    """A ccxt client whose requests go through ``transport``."""

    def fetch(url: str, method: str = "GET", headers: Any = None, body: Any = None) -> Any:
        require(method == "GET", f"only public data is read, {client.id} wanted to {method}", DataError)
        answer = transport.get(Request(url, headers=headers or {}))
        found = json_of(answer, str(client.id))
        client.handle_errors(200, "OK", url, method, {}, answer.decode("utf-8", "replace"), found, headers or {}, body)
        return found

    client.fetch = fetch
    return client


def _happened(found: dict[str, Any], fetched: datetime) -> datetime:
    said = found.get("timestamp")
    return fetched if said is None else min(datetime.fromtimestamp(said / 1000, UTC), fetched)
