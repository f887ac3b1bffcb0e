from datetime import UTC, date, datetime

import pytest

from deephedge.core.errors import DataError
from deephedge.data.sources import Ccxt

pytest.importorskip("ccxt")
NOW = datetime(2024, 1, 4, 12, tzinfo=UTC)
DAY = [int(datetime(2024, 1, day, tzinfo=UTC).timestamp() * 1000) for day in (1, 2, 3, 4)]
SPOT = {
    "instType": "SPOT", "instId": "BTC-USDT", "baseCcy": "BTC", "quoteCcy": "USDT", "state": "live", "tickSz": "0.1",
    "lotSz": "0.00000001", "minSz": "0.00001", "settleCcy": "", "uly": "", "ctVal": "", "expTime": "", "stk": "",
    "optType": "", "listTime": "1611907686000",
}  # fmt: skip


def okx(request):
    """The documented answers of OKX: instruments, candles (newest first, from before= on), a ticker."""
    if "/public/instruments" in request.url:
        return {"code": "0", "msg": "", "data": [SPOT] if "SPOT" in request.url else []}
    if "candles" in request.url:
        rows = [[str(ts), "1", "4", "0.5", str(n), "10", "11", "12", "1"] for n, ts in enumerate(DAY)]
        since = int(request.url.split("before=")[1].split("&")[0])
        return {"code": "0", "msg": "", "data": [row for row in reversed(rows) if int(row[0]) > since]}
    if "/market/ticker" in request.url:
        found = {"instType": "SPOT", "instId": "BTC-USDT", "last": "2", "askPx": "2.1", "askSz": "5", "bidPx": "1.9",
                 "bidSz": "6", "ts": str(DAY[3])}  # fmt: skip
        return {"code": "0", "msg": "", "data": [found]}
    return {"code": "50011", "msg": "Too Many Requests", "data": []}


def deribit(request):
    """Currencies, instruments and the book summary of Deribit, for one coin with two options."""
    names = {"call": "BTC-28JUN24-42000-C", "put": "BTC-28JUN24-42000-P"}
    if "get_currencies" in request.url:
        return {"jsonrpc": "2.0", "result": [{"currency": "BTC", "currency_long": "Bitcoin", "coin_type": "BITCOIN"}]}
    if "get_instruments" in request.url:
        common = {"kind": "option", "base_currency": "BTC", "quote_currency": "BTC", "settlement_currency": "BTC",
                  "counter_currency": "USD", "strike": 42000.0, "expiration_timestamp": 1719561600000,
                  "is_active": True, "contract_size": 1.0, "tick_size": 0.0005, "min_trade_amount": 0.1,
                  "maker_commission": 0.0003, "taker_commission": 0.0003, "creation_timestamp": 0}  # fmt: skip
        return {
            "jsonrpc": "2.0",
            "result": [common | {"instrument_name": n, "option_type": t} for t, n in names.items()],
        }
    summary = {"base_currency": "BTC", "underlying_price": 68827.27, "mark_price": 0.4075, "open_interest": 364.1,
               "volume": 0.1, "creation_timestamp": 1711101594477, "last": 0.423}  # fmt: skip
    sides = {"call": {"ask_price": 0.411, "bid_price": 0.404}, "put": {"ask_price": 0.002, "bid_price": None}}
    return {"jsonrpc": "2.0", "result": [summary | sides[t] | {"instrument_name": n} for t, n in names.items()]}


def test_bars_happen_at_their_end_page_by_page(serve, fetch):
    pieces = fetch(Ccxt("okx", ("BTC/USDT",), clock=lambda: NOW), serve(okx), "2024-01-02", "2024-02-01")
    rows = [row for piece in pieces for row in piece.frame.select("event_time", "close", "name").rows()]
    # the day of the fourth has not ended
    assert rows == [(datetime(2024, 1, day + 1, tzinfo=UTC), day - 1.0, "BTC/USDT") for day in (1, 2, 3)]


def test_quotes_are_known_when_they_are_fetched(serve, fetch):
    [quotes] = fetch(Ccxt("okx", ("BTC/USDT",), "quotes", clock=lambda: NOW), serve(okx))
    assert quotes.frame.select("event_time", "known_time", "bid", "ask", "bid_size").rows() == [
        (datetime(2024, 1, 4, tzinfo=UTC), NOW, 1.9, 2.1, 6.0)
    ]
    assert fetch(Ccxt("okx", ("BTC/USDT",), "quotes", clock=lambda: NOW), serve(okx), "2023-01-01", "2023-02-01") == []


def test_a_chain_is_in_coins(serve, fetch):
    [chain] = fetch(Ccxt("deribit", ("BTC",), "options", clock=lambda: NOW), serve(deribit))
    fields = ("known_time", "underlier", "expiry", "strike", "right", "bid", "ask", "mark", "unit", "underlier_price")
    assert sorted(chain.frame.select(fields).rows()) == [
        (NOW, "BTC", date(2024, 6, 28), 42000.0, "call", 0.404, 0.411, 0.4075, "coin", 68827.27),
        (NOW, "BTC", date(2024, 6, 28), 42000.0, "put", None, 0.002, 0.4075, "coin", 68827.27),
    ]


def test_what_an_exchange_does_not_have_is_one_sentence(serve, fetch):
    for source, told in (
        (Ccxt("okx", ("NO/SUCH",)), "okx has no bars as asked for: okx does not have market symbol NO/SUCH"),
        (Ccxt("okex5", ("BTC/USDT",)), "ccxt has no exchange 'okex5'"),
        (Ccxt("okx", ("BTC/USDT",), "trades"), "what must be one of bars, quotes, options"),
        (Ccxt("binance", ("BTC",), "options"), "binance has no options as asked for"),
    ):
        with pytest.raises(DataError, match=told):
            fetch(source, serve(okx), "2024-01-01", None)
    with pytest.raises(DataError, match="need a start"):
        fetch(Ccxt("okx", ("BTC/USDT",)), serve(okx))
    with pytest.raises(DataError, match="okx answered with a web page where JSON was expected"):
        fetch(Ccxt("okx", ("BTC/USDT",)), serve(b"<html>"), "2024-01-01")
    with pytest.raises(DataError, match="Too Many Requests"):
        fetch(Ccxt("okx", ("BTC/USDT",)), serve({"code": "50011", "msg": "Too Many Requests"}), "2024-01-01")
