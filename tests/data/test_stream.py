import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from deephedge import data
from deephedge.core.errors import DataError
from deephedge.data.extras import extra

START = datetime(2024, 3, 4, 14, tzinfo=UTC)
BY_HAND = data.Origin("by hand")


def records(kind, rows, **more):
    made = [
        {"event_time": START + timedelta(minutes=e), "known_time": START + timedelta(minutes=e + d), **fields}
        for e, d, fields in rows
    ]
    return data.Records.of(kind, made, origin=BY_HAND, **more)


def a_day(seed: int, count: int):
    """Prices with revisions and late arrival, quotes, and headlines that come twice."""
    draw = np.random.default_rng(seed)

    def rows(fields, size=count):
        events, delays = draw.integers(0, 390, size).tolist(), draw.exponential(20, size).astype(int).tolist()
        return [(e, d, fields(n)) for n, (e, d) in enumerate(zip(events, delays, strict=True))]

    prices = records("values", rows(lambda n: {"name": "SPX", "value": float(draw.normal())}))
    quotes = records("quotes", rows(lambda n: {"name": "ES", "bid": float(draw.normal()) if n % 7 else None}))
    news = records("news", rows(lambda n: {"name": "", "source": "wire", "id": str(n % 9), "headline": "x" * (n % 5)}))
    return [prices, quotes, news]


COLUMNS = {
    "SPX": data.Latest("values", {"name": "SPX"}),
    "ES.bid": data.Latest("quotes", {"name": "ES"}, "bid", max_age="15min"),
    "news": data.Decayed(half_life="13min", window="45min"),
    "tone": data.Decayed(half_life="13min", window="45min", mean=True, score=lambda rows: _lengths(rows)),
}


def _lengths(rows):
    return rows["headline"].str.len_chars().cast(float).to_numpy() / 3.0


def live_rows(ticks, times, forget):
    """What live code has: one tick after the other, and a decision when its time has come."""
    live, rows = data.Live(COLUMNS), []
    ticks = list(ticks)
    for time in times:
        while ticks and ticks[0].frame["known_time"][0] <= time.item().replace(tzinfo=UTC):
            live = live.fed(ticks.pop(0))
        rows.append(live.at(time))
        if forget:
            live = live.since(time)
    return rows, live


@pytest.mark.parametrize(("seed", "count", "forget"), [(0, 30, True), (1, 20, False), (2, 0, True)])
def test_a_day_fed_both_ways_gives_the_same_bits(seed, count, forget):
    day = a_day(seed, count)
    times = np.datetime64("2024-03-04T14:00", "us") + np.arange(0, 500, 31) * np.timedelta64(1, "m")
    batch = data.aligned(day, times, COLUMNS)
    rows, live = live_rows(data.replay(day), times, forget)
    for name in COLUMNS:
        np.testing.assert_array_equal([row[name] for row in rows], batch.column(name))
    if forget:  # one row for each of the two prices, and the news of the last 45 minutes, of which there are none
        assert len(live) <= 2


def test_rows_that_come_out_of_order_before_a_decision_change_nothing():
    day = a_day(1, 30)
    times = np.array(["2024-03-04T17:00", "2024-03-04T21:00"], "datetime64[us]")
    live = data.Live(COLUMNS).since("2024-03-04 16:00")
    for tick in reversed(list(data.replay([one.known_by(times[0]) for one in day]))):
        live = live.fed(tick)
    expected = data.aligned(day, times, COLUMNS)
    assert list(live.at(times[0]).values()) == pytest.approx(list(expected.row(0).values()), rel=0, abs=0, nan_ok=True)
    later = live.since(times[0])
    for tick in reversed(list(data.replay(day))):  # all again, and the rest: a feed that sends twice
        later = later.fed(tick)
    assert later.at(times[1]) == pytest.approx(expected.row(1), rel=0, abs=0, nan_ok=True)
    with pytest.raises(DataError, match="a live desk cannot answer for 2024-03-04T15:00"):
        later.at("2024-03-04 15:00")


def test_kinds_that_no_column_reads_are_left():
    bars = records("bars", [(0, 0, {"name": "SPX", "close": 1.0})])
    assert len(data.Live(COLUMNS).fed(bars)) == 0


def test_a_replay_keeps_the_order_and_the_pace():
    first = records("values", [(0, 5, {"name": "x", "value": 1.0}), (3, 0, {"name": "x", "value": 2.0})])
    second = records("values", [(1, 2, {"name": "y", "value": 3.0})])
    now, waits = [100.0], []

    def sleep(seconds):
        waits.append(seconds)
        now[0] += seconds + 0.25  # a sleep that takes too long is made up for

    ticks = list(data.replay([first, second], speed=60.0, sleep=sleep, clock=lambda: now[0]))
    assert [tick.frame["value"].to_list() for tick in ticks] == [[3.0, 2.0], [1.0]]  # minutes 3 and 5
    assert waits == [pytest.approx(2.0)]
    assert list(data.replay([], speed=1.0)) == []
    with pytest.raises(DataError, match="speed must be above 0"):
        list(data.replay([first], speed=0.0))
    assert sum(map(len, data.replay([first, second]))) == 3


class Socket:
    """A connection that gives these messages, then breaks off or ends."""

    def __init__(self, messages, breaks):
        self.given, self.breaks, self.sent = messages, breaks, []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False

    def send(self, text):
        self.sent.append(text)

    def __iter__(self):
        yield from self.given
        if self.breaks:
            raise ConnectionResetError


def message(minute, value, **more):
    return json.dumps(
        {"event_time": (START + timedelta(minutes=minute)).isoformat(), "name": "x", "value": value, **more}
    )


READ = data.rows_of("values", BY_HAND, now=lambda: START + timedelta(minutes=2))


def test_a_socket_that_breaks_is_opened_again_and_asked_again():
    sockets = [Socket([message(0, 1.0)], True), Socket([message(1, 2.0)], True), Socket([message(2, 3.0)], False)]
    left, waits = list(sockets), []
    feed = data.Websocket(
        "wss://example.org/ws?key=hush", ["sub"], lambda url: left.pop(0), pause=2.0, sleep=waits.append
    )
    found = list(data.listen(feed, READ))
    assert [one.frame["value"][0] for one in found] == [1.0, 2.0, 3.0]
    assert [socket.sent for socket in sockets] == [["sub"]] * 3 and waits == [2.0, 2.0]


def test_a_socket_that_stays_broken_is_given_up_without_its_key():
    waits = []
    feed = data.Websocket("wss://example.org/ws?key=hush", (), lambda url: Socket([], True), 3, 1.0, waits.append)
    with pytest.raises(DataError, match="broke off 4 times in a row") as told:
        list(feed.messages())
    assert waits == [1.0, 2.0, 4.0] and "hush" not in str(told.value)


class Message:
    def __init__(self, value):
        self.value = value


def test_no_message_ends_the_stream():
    deep = "[" * 100_000
    strange = [
        b"\xff\xfe",
        "",
        "{}",
        "[1]",
        deep,
        "NaN",
        '{"event_time": "soon"}',
        message(0, "many"),
        message(0, 1, nam=1),
    ]
    feed = data.Kafka(("quotes",), consumer=[Message(one) for one in (*strange, None, message(0, 1.5))])
    found = list(data.listen(feed, READ))
    assert [type(one).__name__ for one in found] == ["Malformed"] * (len(strange) + 1) + ["Records"]
    assert all(len(one.message) <= 200 and one.reason for one in found[:-1])
    assert list(data.listen(feed, lambda message: None))[-1].reason  # what is no JSON is told, the rest passed over


def test_what_comes_is_known_when_it_came():
    feed = data.Kafka(
        ("x",), consumer=[Message(message(0, 1.0)), Message(message(7, 2.0)), Message(f"[{message(0, 3.0)}]")]
    )
    known = [one.frame["known_time"][0] for one in data.listen(feed, READ)]
    assert known == [START + timedelta(minutes=m) for m in (2, 7, 2)]  # a clock ahead of ours happened then


def test_no_row_of_a_long_message_is_cut():
    """A table of rows takes its columns from all of them: numbers that begin as whole ones, columns that come late."""
    rows = [{"event_time": START.isoformat(), "name": f"x{n}", "value": 1} for n in range(150)]
    late = {"event_time": START.isoformat(), "name": "y", "value": 1.5, "unit": "percent"}
    frame = READ([*rows, late]).frame.filter(name="y")
    assert frame.select("value", "unit").row(0) == (1.5, "percent")


def test_a_real_socket():
    server = pytest.importorskip("websockets.sync.server")
    from threading import Thread

    def handle(socket):
        assert socket.recv() == "sub"
        for text in (message(0, 1.0), "no JSON", message(1, 2.0)):
            socket.send(text)

    with server.serve(handle, "127.0.0.1", 0) as running:
        Thread(target=running.serve_forever, daemon=True).start()
        address = f"ws://127.0.0.1:{running.socket.getsockname()[1]}"
        found = list(data.listen(data.Websocket(address, ["sub"]), READ))
        running.shutdown()
    assert [type(one).__name__ for one in found] == ["Records", "Malformed", "Records"]


def test_a_library_that_is_not_there_is_named():
    with pytest.raises(DataError, match=r"the package no-such-x is needed here .* pip install deephedge\[sources\]"):
        extra("no_such_x", "no-such-x")
