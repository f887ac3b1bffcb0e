from datetime import UTC, datetime

import pytest

from deephedge.core.errors import DataError
from deephedge.data.sources import Alpaca
from deephedge.data.transport import Kept

BARS = [
    {"bars": {"AAPL": [{"t": "2024-01-02T05:00:00Z", "o": 187.15, "h": 188.44, "l": 183.89, "c": 185.64, "v": 82496943,
                        "n": 1009074, "vw": 185.8}]}, "next_page_token": "QUFQTA=="},
    {"bars": {"AAPL": [{"t": "2024-01-03T05:00:00Z", "o": 184.22, "h": 185.88, "l": 183.43, "c": 184.25, "v": 58418916,
                        "n": 656956, "vw": 184.3}]}, "next_page_token": None},
]  # fmt: skip


@pytest.fixture(autouse=True)
def keys(monkeypatch):
    monkeypatch.setenv("APCA_API_KEY_ID", "hush-id")
    monkeypatch.setenv("APCA_API_SECRET_KEY", "hush-secret")


def paged(pages):
    return lambda request: pages[1 if "page_token" in request.params else 0]


def test_bars_come_page_by_page_and_happen_at_their_end(serve, fetch):
    server = serve(paged(BARS))
    first, second = fetch(Alpaca(("AAPL",)), server, "2024-01-03", "2024-01-05")
    assert first.frame.select("event_time", "name", "close", "volume").rows() == [
        (datetime(2024, 1, 3, 5, tzinfo=UTC), "AAPL", 185.64, 82496943.0)
    ]
    assert second.frame["close"].to_list() == [184.25]
    asked = server.asked[0].params
    assert (asked["start"], asked["end"], asked["adjustment"]) == (
        "2024-01-02T00:00:00Z",
        "2024-01-05T00:00:00Z",
        "raw",
    )
    assert server.asked[1].params["page_token"] == "QUFQTA=="


def test_quotes_keep_their_microseconds(serve, fetch):
    quote = {
        "t": "2024-01-03T14:30:00.012345678Z",
        "ax": "Q",
        "ap": 184.3,
        "as": 2,
        "bx": "P",
        "bp": 184.2,
        "bs": 1,
        "c": ["R"],
    }
    [quotes] = fetch(
        Alpaca(("AAPL",), "quotes", lag="1s"), serve({"quotes": {"AAPL": [quote]}, "next_page_token": None})
    )
    assert quotes.frame.select("event_time", "known_time", "bid", "ask", "bid_size").rows() == [
        (datetime(2024, 1, 3, 14, 30, 0, 12345, UTC), datetime(2024, 1, 3, 14, 30, 1, 12345, UTC), 184.2, 184.3, 1.0)
    ]


def test_news_is_known_when_its_text_last_changed(serve, fetch):
    item = {"id": 36465, "headline": "Apple falls", "author": "A", "created_at": "2024-01-02T13:00:00Z",
            "updated_at": "2024-01-02T13:05:00Z", "summary": "s", "content": "", "url": "https://example.org",
            "symbols": ["AAPL", "MSFT", "QQQ"], "source": "wire"}  # fmt: skip
    [news] = fetch(Alpaca(("AAPL", "MSFT"), "news"), serve({"news": [item], "next_page_token": None}))
    assert news.frame.select("known_time", "name", "id", "headline", "text").rows() == [
        (datetime(2024, 1, 2, 13, 5, tzinfo=UTC), name, "36465", "Apple falls", "s") for name in ("AAPL", "MSFT")
    ]


def test_empty_spans_keys_and_odd_answers(serve, fetch, tmp_path, monkeypatch):
    for nothing in ({"bars": {}, "next_page_token": None}, {"bars": None, "next_page_token": None}):
        assert [len(piece) for piece in fetch(Alpaca(("AAPL",)), serve(nothing), "2024-01-06", "2024-01-07")] == [0]
    server = serve(paged(BARS))
    fetch(Alpaca(("AAPL",)), Kept(server, tmp_path))
    assert server.asked[0].headers["APCA-API-SECRET-KEY"] == "hush-secret" and "hush" not in repr(server.asked[0])
    assert not [path for path in tmp_path.iterdir() if b"hush" in path.read_bytes()]
    with pytest.raises(DataError, match=r"Alpaca has no bars"):
        fetch(Alpaca(("AAPL",)), serve({"message": "forbidden."}))
    with pytest.raises(DataError, match="Alpaca gave times that are not understood"):
        fetch(Alpaca(("AAPL",)), serve({"bars": {"AAPL": [BARS[0]["bars"]["AAPL"][0] | {"t": "soon"}]}}))
    for wrong, told in (
        ({"what": "trades"}, "what must be one of"),
        ({"timeframe": "1Moon"}, "timeframe must be like"),
    ):
        with pytest.raises(DataError, match=told):
            fetch(Alpaca(("AAPL",), **wrong), serve(BARS[1]), "2024-01-01")
    monkeypatch.delenv("APCA_API_SECRET_KEY")
    with pytest.raises(DataError, match="APCA_API_SECRET_KEY is not set"):
        fetch(Alpaca(("AAPL",)), server)
