"""Headlines of RSS and Atom feeds."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from deephedge.core.errors import DataError, require
from deephedge.data.extras import extra
from deephedge.data.records import Origin, Records
from deephedge.data.sources.answers import now
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport, Request


@dataclass(frozen=True)
class Rss(AbstractSource):
    """What a feed lists now: published at ``event_time``, known when it was fetched, whatever the feed says.

    ``feeds``: the name of each topic or ticker, ``""`` for none, to the feed's address. An item without a date happened
    when it was fetched; so did one of the future. A feed read again gives its items again, known later: `Records.as_of`
    and `Decayed` count each once. Not for `Kept`, which would give the first answer for ever. Needs feedparser.
    """

    feeds: Mapping[str, str]
    clock: Callable[[], datetime] = field(default=now, repr=False)

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """One piece a feed; raises ``DataError`` for an answer that is no feed."""
        parse = extra("feedparser", "feedparser").parse
        for name, address in self.feeds.items():
            body, fetched = transport.get(Request(address)), self.clock()
            feed = parse(io.BytesIO(body))  # bytes themselves might be taken for a file's name or an address
            place = address.split("?")[0]
            require(
                bool(feed.get("version")), f"{place} answered with something that is no RSS or Atom feed", DataError
            )
            publisher = feed.feed.get("title", place)
            rows = [
                {
                    "event_time": _published(entry, fetched), "known_time": fetched, "name": name, "source": publisher,
                    "id": entry.get("id") or entry.get("link"), "headline": entry.get("title"),
                    "text": entry.get("summary"), "url": entry.get("link"),
                }
                for entry in feed.entries
            ]  # fmt: skip
            yield Records.of("news", rows, origin=Origin(place, publisher)).between(span.start, span.end)


def _published(entry: Any, fetched: datetime) -> datetime:
    said = entry.get("published_parsed") or entry.get("updated_parsed")
    return fetched if said is None else min(datetime(*said[:6], tzinfo=UTC), fetched)
