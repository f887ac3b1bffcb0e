"""Bars of Interactive Brokers, through a connection that is open."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import ceil
from typing import Any

from deephedge.core.errors import DataError, require
from deephedge.data.columns import Duration, duration
from deephedge.data.layouts.times import at
from deephedge.data.records import Origin, Records
from deephedge.data.sources.answers import now
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport

UNITS = {"sec": "s", "min": "min", "hour": "h", "day": "d"}
DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)
# days that one request may ask for, by the shortest bar: the step sizes of the TWS API, a year less what is to spare
STEPS = ((DAY, 363), (timedelta(minutes=30), 28), (timedelta(minutes=3), 6), (timedelta(0), 1))


@dataclass(frozen=True)
class InteractiveBrokers(AbstractSource):
    """Bars of ``contracts`` (our name to an ``ib_async`` contract) over ``connection``, a connected ``ib_async.IB``.

    ``bar``: ``"1 min"`` to ``"1 day"``; ``what``: ``"TRADES"``, ``"MIDPOINT"``, ``"BID"``, ``"ASK"``. A daily bar names
    its day: it ends at ``close`` of ``zone``. Intraday bars name their start. The broker paces requests itself; it has
    its own connection, so the transport has no part in this.

    Source: TWS API, ``reqHistoricalData``.
    """

    connection: Any = field(repr=False)
    contracts: Mapping[str, Any]
    bar: str = "1 day"
    what: str = "TRADES"
    close: str = "16:00"
    zone: str = "America/New_York"
    lag: Duration = "0min"
    regular_hours: bool = True

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece a contract and request; raises ``DataError`` for a span without a start."""
        if span.start is None:
            raise DataError("bars of Interactive Brokers need a start; the further back, the more requests")
        end = min(span.end or now(), now())
        daily, step = self._length() >= DAY, self._step()
        for name, contract in self.contracts.items():
            last = end
            while last > span.start:
                first = _midnight(last - INSTANT) - timedelta(days=step - 1)
                days = ceil((last - max(first, _midnight(span.start))) / DAY) + daily  # a day is cut where it ends
                found = self.connection.reqHistoricalData(
                    contract, endDateTime=last, durationStr=f"{days} D", barSizeSetting=self.bar, whatToShow=self.what,
                    useRTH=self.regular_hours, formatDate=2,
                )  # fmt: skip
                inside = max(first + INSTANT, span.start), min(last + INSTANT, end)  # a bar ends within its request
                yield self._records(name, list(found or [])).between(*inside)
                last = first

    def _records(self, name: str, bars: list[Any]) -> Records:
        import polars as pl

        origin = Origin(f"Interactive Brokers {name} {self.what}", "Interactive Brokers", "for the subscriber")
        if not bars:
            return Records.of("bars", [], origin=origin)
        fields = ("open", "high", "low", "close", "volume")
        try:
            columns = {one: [float(getattr(bar, one)) for bar in bars] for one in fields}
            starts = [bar.date for bar in bars]
        except (AttributeError, TypeError) as error:
            raise DataError(f"a bar of Interactive Brokers lacks what was expected: {error}") from error
        if isinstance(starts[0], datetime):
            ends = (
                pl.Series([start.astimezone(UTC) for start in starts], dtype=pl.Datetime("us", "UTC")) + self._length()
            )
        else:
            require(all(isinstance(start, date) for start in starts), f"{name}: bars without a date", DataError)
            ends = at(pl.Series(starts, dtype=pl.Date), self.close, self.zone)
        known = ends + duration(self.lag).astype(object)
        volume = pl.Series(columns.pop("volume"))  # -1 where the kind of price has none
        frame = pl.DataFrame({"event_time": ends, "known_time": known, **columns}).with_columns(
            name=pl.lit(name), volume=pl.select(pl.when(volume >= 0).then(volume)).to_series()
        )
        return Records.of("bars", frame, origin=origin)

    def _step(self) -> int:
        return next(days for shortest, days in STEPS if self._length() >= shortest)

    def _length(self) -> timedelta:
        count, _, unit = self.bar.partition(" ")
        unit = unit.removesuffix("s")
        require(count.isdigit() and unit in UNITS, f"bar must be like '5 mins' or '1 day', was {self.bar!r}", DataError)
        return duration(f"{count}{UNITS[unit]}").astype(object)


def _midnight(when: datetime) -> datetime:
    """The first moment of its day, UTC: where no bar of an hour or less is cut in two."""
    return when.replace(hour=0, minute=0, second=0, microsecond=0)
