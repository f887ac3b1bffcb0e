from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from deephedge.core.errors import DataError
from deephedge.data.sources import InteractiveBrokers


@dataclass
class Bar:
    """As ib_async's BarData."""

    date: date | datetime
    open: float = 1.0
    high: float = 2.0
    low: float = 0.5
    close: float = 1.5
    volume: float = 10.0
    average: float = 1.2
    barCount: int = 3


class Broker:
    """The one method that is used, with its names, over bars that it has."""

    def __init__(self, bars):
        self.bars, self.asked = bars, []

    def reqHistoricalData(self, contract, endDateTime, durationStr, barSizeSetting, whatToShow, useRTH, formatDate=1):
        self.asked.append((contract, endDateTime, durationStr, barSizeSetting, whatToShow, useRTH, formatDate))
        count, unit = durationStr.split()
        start = endDateTime - timedelta(days=int(count) * (365 if unit == "Y" else 1))
        moments = [
            b.date if isinstance(b.date, datetime) else datetime.combine(b.date, datetime.min.time(), UTC)
            for b in self.bars
        ]
        return [
            bar
            for bar, when in zip(self.bars, moments, strict=True)
            if start.date() <= when.date() <= endDateTime.date()
        ]


def test_daily_bars_happen_at_the_close_year_by_year(serve, fetch):
    days = [date(2022, 6, 1), date(2023, 6, 1), date(2024, 1, 2)]
    broker = Broker([Bar(day, close=float(n)) for n, day in enumerate(days)])
    pieces = fetch(InteractiveBrokers(broker, {"SPY": "contract"}), serve(b""), "2022-01-01", "2024-02-01")
    rows = sorted(row for piece in pieces for row in piece.frame.select("event_time", "close", "name").rows())
    assert rows == [
        (datetime(2022, 6, 1, 20, tzinfo=UTC), 0.0, "SPY"),
        (datetime(2023, 6, 1, 20, tzinfo=UTC), 1.0, "SPY"),
        (datetime(2024, 1, 2, 21, tzinfo=UTC), 2.0, "SPY"),
    ]
    assert [asked[2] for asked in broker.asked] == ["364 D", "364 D", "36 D"]
    assert broker.asked[0][3:] == ("1 day", "TRADES", True, 2)


def test_minutes_end_after_their_length_and_no_volume_is_none(serve, fetch):
    broker = Broker([Bar(datetime(2024, 1, 2, 14, 30, tzinfo=UTC), volume=-1.0)])
    source = InteractiveBrokers(broker, {"EURUSD": "pair"}, "5 mins", "MIDPOINT", lag="1s")
    [bars] = fetch(source, serve(b""), "2024-01-02", "2024-01-03")
    assert bars.frame.select("event_time", "known_time", "volume").rows() == [
        (datetime(2024, 1, 2, 14, 35, tzinfo=UTC), datetime(2024, 1, 2, 14, 35, 1, tzinfo=UTC), None)
    ]


def test_no_bar_is_lost_or_doubled_where_requests_meet(serve, fetch):
    hours = [datetime(2024, 1, 1, tzinfo=UTC) + timedelta(hours=n) for n in range(24 * 70)]
    broker = Broker([Bar(hour) for hour in hours])
    source = InteractiveBrokers(broker, {"BTC": 1}, "1 hour")
    pieces = fetch(source, serve(b""), "2024-01-03 05:30", "2024-03-05 17:30")
    ends = sorted(end for piece in pieces for end in piece.frame["event_time"])
    assert ends == [
        hour for hour in hours if datetime(2024, 1, 3, 6, tzinfo=UTC) <= hour < datetime(2024, 3, 5, 17, 30, tzinfo=UTC)
    ]
    assert [asked[2] for asked in broker.asked] == ["28 D", "28 D", "7 D"]


def test_nothing_open_spans_and_odd_bars(serve, fetch):
    assert [
        len(piece)
        for piece in fetch(InteractiveBrokers(Broker([]), {"SPY": 1}), serve(b""), "2024-01-02", "2024-01-03")
    ] == [0]
    with pytest.raises(DataError, match="need a start"):
        fetch(InteractiveBrokers(Broker([]), {"SPY": 1}), serve(b""))
    minute = Broker([Bar(datetime(2024, 1, 2, 14, 30, tzinfo=UTC))])
    with pytest.raises(DataError, match="bar must be like '5 mins'"):
        fetch(InteractiveBrokers(minute, {"SPY": 1}, "five"), serve(b""), "2024-01-02", "2024-01-03")
    broken = Broker([Bar(date(2024, 1, 2), close=None)])
    with pytest.raises(DataError, match="lacks what was expected"):
        fetch(InteractiveBrokers(broken, {"SPY": 1}), serve(b""), "2024-01-02", "2024-01-03")


def test_the_fake_has_the_arguments_of_the_library():
    library = pytest.importorskip("ib_async")
    from inspect import signature

    real = signature(library.IB.reqHistoricalData).parameters
    assert set(signature(Broker.reqHistoricalData).parameters) <= set(real)
    assert {"date", "open", "high", "low", "close", "volume"} <= set(library.BarData.__dataclass_fields__)
