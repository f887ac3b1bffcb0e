"""No source takes an answer that is not what it expects, whatever that answer is."""

from datetime import UTC, datetime

import pytest

from deephedge.core.errors import DataError
from deephedge.data.sources import Alfred, Alpaca, Ecb, Fred, Gdelt, UsTreasury, Yahoo, YahooChain
from deephedge.data.sources.answers import numbers, times

NOW = datetime(2024, 1, 10, tzinfo=UTC)
SOURCES = (
    Fred({"x": "X"}), Fred({"x": "X"}, lag_days=1), Alfred({"x": "X"}), Ecb({"x": "EXR/X"}), UsTreasury(),
    Yahoo(("X",), clock=lambda: NOW), YahooChain("X", clock=lambda: datetime(2024, 1, 3, tzinfo=UTC)), Alpaca(("X",)),
    Alpaca(("X",), "quotes"), Alpaca(("X",), "news"), Gdelt("x"),
)  # fmt: skip
BODIES = (
    b"", b"  \n", b"<!DOCTYPE html><html>Moved</html>", b"Too Many Requests", b"\xff\xfe\x00", b"null", b"[]", b"7",
    b'"text"', b"[" * 5000, b'{"chart": {"error": null, "result": []}, "bars": {"X": [{}]}, "articles": null}',
    b'{"observations": 7, "news": 7}',
)  # fmt: skip


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: type(source).__name__)
def test_an_unexpected_answer_is_one_sentence(source, serve, fetch, monkeypatch):
    for name in ("FRED_API_KEY", "APCA_API_KEY_ID", "APCA_API_SECRET_KEY"):
        monkeypatch.setenv(name, "hush-7f3a")
    for body in BODIES:
        with pytest.raises(DataError) as told:
            fetch(source, serve(body), "2024-01-02", "2024-01-05")
        assert "\n" not in str(told.value) and "hush" not in str(told.value)


def test_numbers_and_times_are_strict():
    assert numbers([1, "2.5", None], "x")[:2].tolist() == [1.0, 2.5]
    same = times([1704205800], "x"), times(["2024-01-02T14:30:00Z"], "x"), times(["2024-01-02T16:30:00+02:00"], "x")
    assert {str(one[0]) for one in same} == {"2024-01-02 14:30:00+00:00"}
    assert times([], "x").len() == 0
    for wrong in (["."], [[1]], "text"):
        with pytest.raises(DataError, match="x gave text where numbers were expected"):
            numbers(wrong, "x")
    for odd in ([1.5], ["soon"], ["2024-01-02T14:30:00"], [{}]):
        with pytest.raises(DataError, match="times that are not understood"):
            times(odd, "x")
