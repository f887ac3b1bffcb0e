from datetime import UTC, datetime

import numpy as np
import pytest

from deephedge import data
from deephedge.core.errors import DataError
from deephedge.data.sources import Rss

pytest.importorskip("feedparser")
NOW = datetime(2024, 3, 4, 20, tzinfo=UTC)
ADDRESS = "https://example.org/feed?token=hush"
RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>Wire</title>
<item><title>Oil &amp; gas fall</title><link>https://example.org/1</link><guid>g1</guid>
<pubDate>Mon, 04 Mar 2024 14:30:00 -0500</pubDate><description>more</description></item>
<item><title>Tomorrow's news</title><link>https://example.org/2</link>
<pubDate>Tue, 05 Mar 2024 09:00:00 GMT</pubDate></item>
<item><title>No date</title></item></channel></rss>"""
ATOM = b"""<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>Bank</title>
<entry><title>Rates unchanged</title><id>urn:1</id><updated>2024-03-04T18:00:00Z</updated></entry></feed>"""


def test_items_are_known_when_they_were_fetched(serve, fetch):
    [news] = fetch(Rss({"oil": ADDRESS}, clock=lambda: NOW), serve(RSS))
    assert news.frame["known_time"].unique().to_list() == [NOW]
    assert dict(news.frame.select("headline", "event_time").rows()) == {
        "Oil & gas fall": datetime(2024, 3, 4, 19, 30, tzinfo=UTC),
        "Tomorrow's news": NOW,
        "No date": NOW,
    }
    assert news.frame.filter(id="g1").select("name", "source", "text", "url").row(0) == (
        "oil",
        "Wire",
        "more",
        "https://example.org/1",
    )
    assert "hush" not in str(news.origin)


def test_atom_is_read_and_spans_are_kept_to(serve, fetch):
    [news] = fetch(Rss({"": ADDRESS}, clock=lambda: NOW), serve(ATOM), "2024-03-04", "2024-03-05")
    assert news.frame.select("headline", "id").rows() == [("Rates unchanged", "urn:1")]
    assert [
        len(piece) for piece in fetch(Rss({"": ADDRESS}, clock=lambda: NOW), serve(ATOM), "2020-01-01", "2020-01-02")
    ] == [0]


def test_a_feed_read_twice_counts_once(serve, fetch):
    later = datetime(2024, 3, 4, 21, tzinfo=UTC)
    twice = [fetch(Rss({"": ADDRESS}, clock=lambda when=when: when), serve(ATOM))[0] for when in (NOW, later)]
    table = data.aligned(
        twice, np.array(["2024-03-04T21:00"], "datetime64[us]"), {"count": data.Decayed(half_life="1h")}
    )
    assert table.column("count").tolist() == [0.5]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"<html><body>Gone</body></html>", b"https://example.org", b"/etc/hostname"]
)
def test_what_is_no_feed_is_refused_and_never_opened(serve, fetch, body):
    with pytest.raises(
        DataError, match=r"^https://example.org/feed answered with something that is no RSS or Atom feed"
    ):
        fetch(Rss({"": ADDRESS}), serve(body))
