"""Headlines that the GDELT project has seen, by a search."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.columns import Duration, duration
from deephedge.data.records import Origin, Records
from deephedge.data.sources.answers import json_of, listed, part
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport, Request

URL = "https://api.gdeltproject.org/api/v2/doc/doc"
MOST = 250  # articles an answer
FORM = "%Y%m%d%H%M%S"
SHORTEST = timedelta(minutes=1)


@dataclass(frozen=True)
class Gdelt(AbstractSource):
    """Articles that match ``query`` (in its words: ``"oil price" sourcelang:english``), one row each under ``name``.

    ``event_time`` is when GDELT saw the article, in steps of 15 minutes; ``known_time`` is ``lag`` later. GDELT
    searches the last three months and gives 250 articles at most: a span with more is asked for in halves. Headlines
    only.

    Source: GDELT DOC 2.0 API, ``mode=artlist``.
    """

    query: str
    name: str = ""
    lag: Duration = "15min"

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece an answer; raises ``DataError`` for a span that is open, and for an answer of another form."""
        if span.start is None or span.end is None:
            raise DataError("a search for articles needs a start and an end, at most three months back")
        yield from self._within(span.start, span.end, transport)

    def _within(self, start: datetime, end: datetime, transport: AbstractTransport) -> Iterator[Records]:
        if start >= end:
            return
        last = end - timedelta(seconds=1)  # GDELT includes both ends
        asked = {
            "query": self.query, "mode": "artlist", "format": "json", "sort": "dateasc", "maxrecords": str(MOST),
            "startdatetime": f"{start:{FORM}}", "enddatetime": f"{last:{FORM}}",
        }  # fmt: skip
        answer = json_of(transport.get(Request(URL, asked)), "GDELT")
        articles = [] if answer == {} else listed(answer, "articles", "GDELT")
        if len(articles) < MOST:
            yield Records.of(
                "news", self._rows(articles), origin=Origin(f"GDELT {self.query}", "GDELT", "free with attribution")
            )
            return
        told = (
            f"GDELT has {MOST} or more articles of {start:%Y-%m-%d %H:%M}, all that one answer holds; narrow the query"
        )
        require(end - start > SHORTEST, told, DataError)
        middle = start + (end - start) / 2
        for first, then in ((start, middle.replace(microsecond=0)), (middle.replace(microsecond=0), end)):
            yield from self._within(first, then, transport)

    def _rows(self, articles: list[Any]) -> list[dict[str, Any]]:
        later = duration(self.lag) / np.timedelta64(1, "s")
        rows = []
        for article in articles:
            seen = str(part(article, "seendate", "GDELT"))
            try:
                when = datetime.strptime(seen, "%Y%m%dT%H%M%S%z")
            except ValueError:
                raise DataError(f"GDELT gave the date {seen!r}; expected one like 20240304T143000Z") from None
            rows.append(
                {
                    "event_time": when, "known_time": when + timedelta(seconds=float(later)), "name": self.name,
                    "source": article.get("domain"), "id": part(article, "url", "GDELT"), "url": article["url"],
                    "headline": part(article, "title", "GDELT"),
                }
            )  # fmt: skip
        return rows
