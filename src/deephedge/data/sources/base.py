"""What a source is: something that gives records when it is asked for a span of time."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from deephedge.data.records import Records, moment
from deephedge.data.transport import AbstractTransport


@dataclass(frozen=True)
class Span:
    """From ``start`` to before ``end`` (UTC), by ``event_time``; None leaves a side open.

    >>> Span.of("2024-01-01", "2024-02-01").covers(moment("2024-01-31 23:59"))
    True
    """

    start: datetime | None = None
    end: datetime | None = None

    @classmethod
    def of(cls, start: str | None = None, end: str | None = None) -> "Span":
        """A span of days or times as text."""
        return cls(*(None if side is None else moment(side) for side in (start, end)))

    def covers(self, when: datetime) -> bool:
        """Whether ``when`` lies inside."""
        return (self.start is None or when >= self.start) and (self.end is None or when < self.end)


class AbstractSource(ABC):
    """A frozen dataclass whose fields say what to fetch: series, tickers, a file. Keys come from the environment."""

    @abstractmethod
    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """The records of ``span`` in pieces that fit in memory, all of one kind; everything from the network goes
        through ``transport``. Raises ``DataError`` for an answer that is not what the source expects."""
