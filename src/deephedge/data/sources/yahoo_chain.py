"""Option chains of Yahoo Finance, as they stand."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deephedge.core.errors import DataError, require
from deephedge.data.records import Origin, Records
from deephedge.data.sources.answers import json_of, listed, now, part
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.sources.yahoo import BROWSER
from deephedge.data.transport import AbstractTransport, Request, TransportError

COOKIE, CRUMB = "https://fc.yahoo.com/", "https://query1.finance.yahoo.com/v1/test/getcrumb"
URL = "https://query2.finance.yahoo.com/v7/finance/options"
SIDES = {"calls": "call", "puts": "put"}
NUMBERS = {
    "bid": "bid", "ask": "ask", "last": "lastPrice", "vol": "impliedVolatility", "volume": "volume",
    "open_interest": "openInterest", "strike": "strike",
}  # fmt: skip


@dataclass(frozen=True)
class YahooChain(AbstractSource):
    """The listed options of ``symbol``: a snapshot that happens, and is known, when it is fetched.

    Quotes are some 15 minutes old, zero when the market is closed, and the published volatilities then junk. A symbol
    with ``^`` has European options, others American ones. ``expiries``: how many, the nearest first. Each fetch is
    another snapshot: not for `Kept`. Yahoo wants a cookie first, which `Http` keeps.

    Source: the options endpoint of Yahoo's own pages, which is not documented and for personal use.
    """

    symbol: str
    expiries: int = 1_000
    clock: Callable[[], datetime] = field(default=now, repr=False)

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece an expiry, none unless the span covers this moment; raises ``DataError`` for another answer."""
        if not span.covers(self.clock()):
            return
        crumb = {"crumb": _crumb(transport)}
        first = self._asked({}, crumb, transport)
        yield self._records(first)
        for expiry in listed(first, "expirationDates", self._source)[1 : self.expiries]:
            yield self._records(self._asked({"date": str(expiry)}, crumb, transport))

    @property
    def _source(self) -> str:
        return f"Yahoo options of {self.symbol}"

    def _asked(self, asked: dict[str, str], crumb: dict[str, str], transport: AbstractTransport) -> Any:
        body = transport.get(Request(f"{URL}/{self.symbol}", asked, BROWSER, crumb))
        return part(json_of(body, self._source), "optionChain.result.0", self._source)

    def _records(self, found: Any) -> Records:
        taken = self.clock()
        chains = listed(found, "options", self._source)
        rows = [
            {
                "event_time": taken, "known_time": taken, "underlier": self.symbol, "right": right,
                "contract": part(one, "contractSymbol", self._source), "root": _root(one["contractSymbol"]),
                "expiry": datetime.fromtimestamp(part(one, "expiration", self._source), UTC).date(),
                "style": "european" if self.symbol.startswith("^") else "american", "unit": one.get("currency"),
                "multiplier": 100.0 if one.get("contractSize") == "REGULAR" else None,
                "underlier_price": _number(part(found, "quote", self._source).get("regularMarketPrice"), self._source),
                **{name: _number(one.get(key), self._source) for name, key in NUMBERS.items()},
            }
            for chain in chains
            for side, right in SIDES.items()
            for one in listed(chain, side, self._source)
        ]  # fmt: skip
        return Records.of("options", rows, origin=Origin(self._source, "Yahoo Finance", "personal use"))


def _crumb(transport: AbstractTransport) -> str:
    try:
        transport.get(Request(COOKIE, headers=BROWSER))
    except TransportError:
        pass  # it answers 404, and sets the cookie
    crumb = transport.get(Request(CRUMB, headers=BROWSER)).decode("utf-8", "replace").strip()
    refused = "Yahoo gave no crumb for its options, which it does when asked too often; wait a while"
    require(0 < len(crumb) < 40 and "<" not in crumb and " " not in crumb, refused, DataError)
    return crumb


def _root(contract: str) -> str:
    return contract[:-15]  # the symbol of the OCC ends in six digits of a day, C or P, eight of a strike


def _number(value: Any, source: str) -> float | None:
    told = f"{source} gave {type(value).__name__} where a number was expected; its form may have changed"
    require(value is None or isinstance(value, int | float), told, DataError)
    return None if value is None else float(value)
