from datetime import UTC, date, datetime

import pytest

from deephedge.core.errors import DataError
from deephedge.data.sources import Yahoo, YahooChain
from deephedge.data.transport import TransportError

OPEN = [int(datetime(2024, 1, day, 14, 30, tzinfo=UTC).timestamp()) for day in (2, 3, 4)]
NOW = datetime(2024, 1, 4, 18, tzinfo=UTC)  # in the middle of the third session


def chart(**more):
    session = {"start": OPEN[2], "end": OPEN[2] + 23400}
    found = {
        "meta": {"currency": "USD", "symbol": "SPY", "currentTradingPeriod": {"regular": session}},
        "timestamp": OPEN,
        "indicators": {
            "quote": [
                {"open": [1.0, None, 3.0], "high": [1.5, None, 3.5], "low": [0.5, None, 2.5],
                 "close": [1.2, None, 3.2], "volume": [100, None, 300]}
            ]
        },
    }  # fmt: skip
    return {"chart": {"result": [found | more], "error": None}}


def test_a_day_happens_at_its_close_and_is_known_when_it_is_shown(serve, fetch):
    server = serve(chart())
    [bars] = fetch(Yahoo(("SPY",), clock=lambda: NOW), server, "2024-01-02")
    # the day without a price and the one that has not ended are left out
    assert bars.frame.select("event_time", "known_time", "name", "close", "volume", "unit").rows() == [
        (datetime(2024, 1, 2, 21, tzinfo=UTC), datetime(2024, 1, 2, 21, 15, tzinfo=UTC), "SPY", 1.2, 100.0, "USD")
    ]
    asked = server.asked[0]
    assert asked.url.endswith("/v8/finance/chart/SPY") and asked.params["period2"] == str(int(NOW.timestamp()))


def test_minutes_end_after_their_interval(serve, fetch):
    [bars] = fetch(Yahoo(("SPY",), "5m", lag="0min", clock=lambda: NOW), serve(chart()), "2024-01-02")
    assert bars.frame["event_time"].dt.minute().to_list() == [35, 35]


def test_spans_without_bars(serve, fetch):
    empty = chart()
    del empty["chart"]["result"][0]["timestamp"]
    assert [len(piece) for piece in fetch(Yahoo(("SPY",)), serve(empty), "2024-01-06", "2024-01-07")] == [0]
    assert fetch(Yahoo(("SPY",), clock=lambda: NOW), serve({}), "2025-01-01", "2025-02-01") == []
    with pytest.raises(DataError, match="Yahoo needs a start"):
        fetch(Yahoo(("SPY",)), serve({}))


def test_what_yahoo_says_is_passed_on(serve, fetch):
    refused = {
        "chart": {
            "result": None,
            "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
        }
    }
    with pytest.raises(DataError, match="Yahoo SPQ: No data found, symbol may be delisted"):
        fetch(Yahoo(("SPQ",)), serve(refused), "2024-01-01")
    short = chart(timestamp=OPEN[:2])
    with pytest.raises(DataError, match="gave 2 times and"):
        fetch(Yahoo(("SPY",)), serve(short), "2024-01-01")
    with pytest.raises(DataError, match="interval must be one of 1d"):
        fetch(Yahoo(("SPY",), "7m"), serve(short), "2024-01-01")


EXPIRIES = [int(datetime(2024, 1, day, tzinfo=UTC).timestamp()) for day in (19, 26)]


def listed(expiry):
    day = datetime.fromtimestamp(expiry, UTC)
    one = {"contractSymbol": f"SPY{day:%y%m%d}C00470000", "strike": 470.0, "currency": "USD", "lastPrice": 5.1,
            "volume": 12,
           "openInterest": 40, "bid": 5, "ask": 5.2, "contractSize": "REGULAR", "expiration": expiry,
           "impliedVolatility": 0.12}  # fmt: skip
    put = {key: value for key, value in one.items() if key not in ("volume", "bid")}
    return {"expirationDate": expiry, "calls": [one], "puts": [put | {"contractSymbol": f"SPY{day:%y%m%d}P00470000"}]}


def options(request):
    if "getcrumb" in request.url:
        return b"aB.c3/d"
    if "fc.yahoo" in request.url:
        raise TransportError("status 404")  # as it does, while it sets the cookie
    assert request.secret == {"crumb": "aB.c3/d"} and "aB.c3" not in str(request)
    found = {"underlyingSymbol": "SPY", "expirationDates": EXPIRIES, "quote": {"regularMarketPrice": 471.5}}
    return {
        "optionChain": {
            "result": [found | {"options": [listed(int(request.params.get("date", EXPIRIES[0])))]}],
            "error": None,
        }
    }


def test_a_chain_is_a_snapshot_of_all_its_expiries(serve, fetch):
    near, far = fetch(YahooChain("SPY", clock=lambda: NOW), serve(options))
    fields = (
        "event_time",
        "root",
        "expiry",
        "right",
        "strike",
        "bid",
        "ask",
        "vol",
        "underlier_price",
        "style",
        "multiplier",
    )
    assert near.frame.sort("right").select(fields).rows() == [
        (NOW, "SPY", date(2024, 1, 19), "call", 470.0, 5.0, 5.2, 0.12, 471.5, "american", 100.0),
        (NOW, "SPY", date(2024, 1, 19), "put", 470.0, None, 5.2, 0.12, 471.5, "american", 100.0),
    ]
    assert far.frame["expiry"].unique().to_list() == [date(2024, 1, 26)]
    assert len(fetch(YahooChain("SPY", 1, clock=lambda: NOW), serve(options))) == 1
    assert fetch(YahooChain("SPY", clock=lambda: NOW), serve(options), "2023-01-01", "2023-02-01") == []


def test_no_crumb_and_odd_contracts_are_refused(serve, fetch):
    for crumb in (b"", b"<html>", b"Too Many Requests"):
        with pytest.raises(DataError, match="Yahoo gave no crumb"):
            fetch(YahooChain("SPY", clock=lambda: NOW), serve(crumb))

    def odd(request):
        found = options(request)
        if not isinstance(found, bytes):
            found["optionChain"]["result"][0]["options"][0]["calls"][0]["bid"] = "5"
        return found

    with pytest.raises(DataError, match="gave str where a number was expected"):
        fetch(YahooChain("SPY", clock=lambda: NOW), serve(odd))
