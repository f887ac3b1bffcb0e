"""ALFRED, the archive of FRED: every version of a figure that was ever published."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from deephedge.data.records import Records
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.sources.fred import ALL, EVER, observed, origin, released
from deephedge.data.transport import AbstractTransport


@dataclass(frozen=True)
class Alfred(AbstractSource):
    """Each version of each figure, known at ``time`` (Chicago) of the day from which it stood.

    ``series``, ``unit`` and ``event_time`` are as in `Fred`. FRED refuses series with more than 2,000 vintages, which
    is eight years of a daily one; asking in parts is no way out, since it then dates old values by the part's start.

    Source: FRED API, fred/series/observations, ``output_type=1``.
    """

    series: Mapping[str, str]
    unit: str | None = None
    time: str = "23:59"

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece a series; raises ``DataError`` without a key or for an answer of another form."""
        for name, code in self.series.items():
            found = observed(code, {**EVER, "output_type": ALL}, span, transport)
            rows = released(found, name, self.unit, self.time)
            yield Records.of("values", rows, origin=origin(code)).between(span.start, span.end)
