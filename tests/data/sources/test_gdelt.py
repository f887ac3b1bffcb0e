from datetime import UTC, datetime, timedelta

import pytest

from deephedge.core.errors import DataError
from deephedge.data.sources import Gdelt

START = datetime(2024, 3, 4, tzinfo=UTC)


def article(when, n=0):
    return {"url": f"https://example.org/{n}", "url_mobile": "", "title": f"Oil {n}", "socialimage": "",
            "seendate": f"{when:%Y%m%dT%H%M%SZ}", "domain": "example.org", "language": "English"}  # fmt: skip


def world(articles):
    """A server that finds at most 250 of these articles, both ends included, and says {} where there is none."""

    def answer(request):
        first, last = (
            datetime.strptime(request.params[side], "%Y%m%d%H%M%S").replace(tzinfo=UTC)
            for side in ("startdatetime", "enddatetime")
        )
        found = [one for when, one in articles if first <= when <= last][:250]
        return {"articles": found} if found else {}

    return answer


def test_articles_are_known_a_quarter_of_an_hour_after_they_were_seen(serve, fetch):
    [news] = fetch(Gdelt("oil", "oil"), serve({"articles": [article(START)]}), "2024-03-04", "2024-03-05")
    assert news.frame.select("event_time", "known_time", "name", "source", "headline", "id").rows() == [
        (START, START + timedelta(minutes=15), "oil", "example.org", "Oil 0", "https://example.org/0")
    ]


def test_a_span_with_too_many_is_halved_until_all_are_found_once(serve, fetch):
    when = [START + timedelta(minutes=n) for n in range(700)]
    server = serve(world([(time, article(time, n)) for n, time in enumerate(when)]))
    pieces = fetch(Gdelt("oil"), server, "2024-03-04", "2024-03-05")
    assert sorted(url for piece in pieces for url in piece.frame["id"]) == sorted(
        f"https://example.org/{n}" for n in range(700)
    )
    assert 3 < len(server.asked) < 16


def test_nothing_open_spans_and_floods(serve, fetch):
    assert [len(piece) for piece in fetch(Gdelt("oil"), serve({}), "2024-03-04", "2024-03-05")] == [0]
    assert fetch(Gdelt("oil"), serve({}), "2024-03-05", "2024-03-05") == []
    with pytest.raises(DataError, match="needs a start and an end"):
        fetch(Gdelt("oil"), serve({}), "2024-03-04")
    flood = world([(START, article(START, n)) for n in range(250)])
    with pytest.raises(DataError, match="narrow the query"):
        fetch(Gdelt("oil"), serve(flood), "2024-03-04", "2024-03-05")
    with pytest.raises(DataError, match="gave the date 'soon'"):
        fetch(Gdelt("oil"), serve({"articles": [article(START) | {"seendate": "soon"}]}), "2024-03-04", "2024-03-05")
