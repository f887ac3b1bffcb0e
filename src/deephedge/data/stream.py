"""Records as they become known: the replay of what is stored, and messages of a socket or a queue."""

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.align import by_kind
from deephedge.data.extras import extra
from deephedge.data.records import Origin, Records, moment

SHOWN = 200  # characters of a message that is not understood


def replay(
    records: Iterable[Records],
    speed: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Records]:
    """What is stored, as it became known: in order of ``known_time``, all rows of one moment and kind at once.

    ``speed``: how many seconds of the records pass in one of the clock (1 is real time, 3600 an hour a second); None
    does not wait. The records are held in memory.
    """
    require(speed is None or speed > 0, f"speed must be above 0, or None not to wait, was {speed}", DataError)
    ticks = sorted(
        (tick for joined in by_kind(list(records)).values() for tick in _ticks(joined)), key=lambda one: one[0]
    )
    started = clock()
    for when, rows in ticks:
        if speed is not None:
            wait = (when - ticks[0][0]) / np.timedelta64(1, "s") / speed - (clock() - started)
            if wait > 0:
                sleep(float(wait))
        yield rows


@dataclass(frozen=True)
class Malformed:
    """A message that is not what the reader expects: an event, not a failure. ``message`` is its beginning."""

    message: str
    reason: str


class AbstractFeed(ABC):
    """Where messages come from: a socket, a queue."""

    @abstractmethod
    def messages(self) -> Iterator[str | bytes]:
        """Each message as it comes, until the other side ends."""


@dataclass(frozen=True)
class Websocket(AbstractFeed):
    """The messages of a websocket; what is in ``subscribe`` is sent first, each time it is opened.

    A connection that breaks is opened again up to ``retries`` times in a row, waiting ``pause`` seconds, then twice as
    long, and so on; a message in between starts the count again. What was sent meanwhile is lost: a gap in the records
    shows it. ``connect``: opens the connection (``websockets.sync.client.connect`` unless given).
    """

    url: str
    subscribe: Sequence[str] = ()
    connect: Callable[[str], Any] | None = field(default=None, repr=False)
    retries: int = 5
    pause: float = 1.0
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)

    def messages(self) -> Iterator[str | bytes]:
        """Until the other side closes in order; raises ``DataError`` when the connection stays broken."""
        connect = self.connect or extra("websockets.sync.client", "websockets").connect
        failed = 0
        while True:
            try:
                with connect(self.url) as socket:
                    for text in self.subscribe:
                        socket.send(text)
                    for message in socket:
                        failed = 0
                        yield message
                return
            except _breaks() as error:
                failed += 1
                told = f"{self.url.split('?')[0]} broke off {failed} times in a row ({type(error).__name__})"
                require(failed <= self.retries, f"{told}; try again later", DataError)
            self.sleep(self.pause * 2.0 ** (failed - 1))


@dataclass(frozen=True)
class Kafka(AbstractFeed):
    """The values of messages of Kafka ``topics``, from ``servers`` such as ``"localhost:9092"``.

    ``consumer``: anything that gives messages with a ``value`` (a ``kafka.KafkaConsumer`` unless given).
    """

    topics: tuple[str, ...]
    servers: tuple[str, ...] = ("localhost:9092",)
    consumer: Iterable[Any] | None = field(default=None, repr=False)

    def messages(self) -> Iterator[str | bytes]:
        """Until the consumer ends."""
        consumer = self._connected() if self.consumer is None else self.consumer
        yield from (message.value or b"" for message in consumer)

    def _connected(self) -> Iterable[Any]:
        kafka = extra("kafka", "kafka-python")
        try:
            return kafka.KafkaConsumer(*self.topics, bootstrap_servers=list(self.servers))
        except kafka.errors.KafkaError as error:
            told = f"no Kafka server answers at {', '.join(self.servers)} ({type(error).__name__})"
            raise DataError(f"{told}; is it running, and is the address right?") from error


def rows_of(
    kind: str, origin: Origin, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Callable[[Any], Records]:
    """A reader of JSON messages: a row, or a list of rows, with the columns of ``kind``.

    A row without ``known_time`` was known when it came, ``now()``, and not before it happened, should the sender's
    clock run ahead of ours.
    """

    def read(message: Any) -> Records:
        rows, came = message if isinstance(message, list) else [message], now()
        whole = all(isinstance(row, Mapping) and "event_time" in row for row in rows)
        require(whole, "expected a row, or a list of rows, with an event_time", DataError)
        known = [{"known_time": max(came, moment(row["event_time"])).isoformat()} | row for row in rows]
        return Records.of(kind, known, origin=origin)

    return read


def listen(feed: AbstractFeed, read: Callable[[Any], Records | None]) -> Iterator[Records | Malformed]:
    """The records of a feed: each message is JSON that ``read`` turns into records, or into None to pass it over.

    A message that is no JSON, or that ``read`` cannot take, becomes a `Malformed` for the caller to count: no message
    ends the stream.
    """
    for message in feed.messages():
        try:
            found = read(json.loads(message))
        except Exception as error:  # whatever a stranger's message makes a reader do
            text = message if isinstance(message, str) else message.decode("utf-8", "replace")
            found = Malformed(text[:SHOWN], f"{type(error).__name__}: {str(error)[:SHOWN]}")
        if found is not None:
            yield found


def _ticks(records: Records) -> Iterator[tuple[np.datetime64, Records]]:
    """Records cut where ``known_time`` changes; each part is a view."""
    known = records.frame["known_time"].dt.replace_time_zone(None).to_numpy()
    moments, first = np.unique(known, return_index=True)
    sizes = np.diff(np.append(first, known.size))
    for when, start, size in zip(moments, first.tolist(), sizes.tolist(), strict=True):
        yield when, replace(records, frame=records.frame.slice(start, size))


def _breaks() -> tuple[type[Exception], ...]:
    """What a broken connection raises."""
    try:
        return OSError, EOFError, import_module("websockets.exceptions").WebSocketException
    except ImportError:
        return OSError, EOFError
