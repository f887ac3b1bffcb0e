import logging

import httpx
import pytest

from deephedge.core.errors import DataError
from deephedge.data.transport import Http, Kept, Recorded, Request, TransportError, key_from_environment

ADDRESS = "https://example.org/series"
KEY = "hush-7f3a"


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self):
        self.time, self.slept = 0.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.time += seconds


def http(answers, **more):
    """A transport whose server gives these answers in turn, the requests it saw, and its clock."""
    clock, seen, left = Clock(), [], list(answers)

    def answer(request):
        seen.append(request)
        given = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(given, Exception):
            raise given
        return given

    client = httpx.Client(transport=httpx.MockTransport(answer))
    more = {"per_second": 1e9, **more}
    return Http(client=client, sleep=clock.sleep, clock=lambda: clock.time, **more), seen, clock


@pytest.mark.parametrize(
    "failure",
    [httpx.Response(status) for status in (408, 425, 429, 500, 502, 503, 504)]
    + [made("no") for made in (httpx.ConnectError, httpx.ReadTimeout, httpx.RemoteProtocolError, httpx.DecodingError)],
)
def test_what_may_pass_is_tried_again_later_each_time(failure):
    transport, seen, clock = http([failure, failure, failure, httpx.Response(200, content=b"1")], pause=0.5)
    assert transport.get(Request(ADDRESS)) == b"1"
    assert len(seen) == 4 and clock.slept == [0.5, 1.0, 2.0]


def test_retry_after_says_how_long_to_wait_within_reason():
    told = ("7", "100000", "Wed, 21 Oct 2026", "nan", "")
    waits = [httpx.Response(429, headers={"Retry-After": said}) for said in told]
    transport, _, clock = http([*waits, httpx.Response(200)], longest_wait=60.0)
    transport.get(Request(ADDRESS))
    assert clock.slept == [7.0, 60.0, 2.0, 4.0, 8.0]  # what is no number of seconds leaves the ordinary back-off


def test_it_gives_up_after_the_last_try_without_sleeping_once_more():
    transport, seen, clock = http([httpx.Response(503)], retries=2)
    with pytest.raises(TransportError, match="gave status 503 on all of 3 tries; try again later"):
        transport.get(Request(ADDRESS))
    assert len(seen) == 3 and len(clock.slept) == 2


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_final_at_once(status):
    transport, seen, clock = http([httpx.Response(status)])
    with pytest.raises(TransportError, match=f"answered with status {status}; check the name, the dates and the key"):
        transport.get(Request(ADDRESS))
    assert len(seen) == 1 and not clock.slept


def test_requests_of_one_host_are_spaced_and_hosts_do_not_wait_for_each_other():
    transport, _, clock = http([httpx.Response(200)], per_second=4.0)
    for place in ("a", "b", "a"):
        transport.get(Request(f"https://{place}.org/x"))
    assert clock.slept == [0.25]
    clock.time += 10.0
    transport.get(Request("https://a.org/x"))
    assert clock.slept == [0.25]


def test_retries_count_against_the_rate_too():
    transport, _, clock = http([httpx.Response(500), httpx.Response(200)], per_second=0.1, pause=1.0)
    transport.get(Request(ADDRESS))
    assert clock.slept == [1.0, 9.0]


def test_one_client_is_used_for_all_requests_unless_one_is_given():
    transport = Http()
    assert transport._client() is transport._client()


def test_keys_are_sent_and_shown_nowhere(caplog, tmp_path):
    request = Request(ADDRESS, {"id": "x"}, headers={"X-Key": KEY}, secret={"api_key": KEY})
    transport, seen, _ = http([httpx.Response(200, content=b"1"), httpx.Response(404), httpx.Response(500)], retries=0)
    kept = Kept(transport, tmp_path / "kept")
    with caplog.at_level(logging.DEBUG):
        assert kept.get(request) == b"1"
        errors = []
        for _ in range(2):
            with pytest.raises(TransportError) as told:
                transport.get(request)
            errors.append(repr(told.value) + repr(told.value.__cause__) + repr(told.value.__context__))
    assert seen[0].url.params["api_key"] == KEY and seen[0].headers["X-Key"] == KEY
    files = [path for path in (tmp_path / "kept").rglob("*") if path.is_file()]
    stored = "".join(path.name + path.read_text() for path in files)
    shown = [repr(request), str(request), repr(transport), repr(kept), request.name, stored, caplog.text, *errors]
    assert len(files) == 1 and not [text for text in shown if KEY in text]
    with pytest.raises(TransportError) as unknown:
        Recorded({}).get(request)
    assert KEY not in str(unknown.value)


def test_a_key_does_not_follow_to_another_host():
    moved = httpx.Response(302, headers={"Location": "https://elsewhere.org/"})
    for keyed in ({"secret": {"k": KEY}}, {"headers": {"X-Key": KEY}}):
        transport, seen, _ = http([moved, httpx.Response(200)])
        with pytest.raises(TransportError, match="status 302"):
            transport.get(Request(ADDRESS, **keyed))
        assert [request.url.host for request in seen] == ["example.org"]


def test_what_was_interrupted_goes_on_where_it_stopped(tmp_path):
    asked = []

    def fails_at_the_third(request):
        asked.append(request.params["page"])
        if len(asked) == 3:
            raise TransportError("down")
        return request.params["page"].encode()

    kept = Kept(Recorded({ADDRESS: fails_at_the_third}), tmp_path)
    pages = [Request(ADDRESS, {"page": str(n)}) for n in range(4)]
    with pytest.raises(TransportError):
        [kept.get(page) for page in pages]
    assert [kept.get(page) for page in pages] == [b"0", b"1", b"2", b"3"]
    assert asked == ["0", "1", "2", "2", "3"]
    assert not list(tmp_path.glob("*.part"))


def test_a_question_is_the_same_whoever_asks_it():
    mine = Request(ADDRESS, {"a": "1", "b": "2"}, headers={"X-Key": "mine"}, secret={"key": "mine"})
    yours = Request(ADDRESS, {"b": "2", "a": "1"})
    assert mine.name == yours.name != Request(ADDRESS, {"a": "1"}).name


def test_recorded_answers_are_by_address():
    recorded = Recorded({ADDRESS: lambda request: request.params["a"].encode()})
    assert recorded.get(Request(ADDRESS, {"a": "1"})) == b"1"
    with pytest.raises(
        TransportError, match=r"no answer is recorded for https://other.org; there are: https://example"
    ):
        recorded.get(Request("https://other.org"))


def test_keys_come_from_the_environment_only(monkeypatch):
    monkeypatch.setenv("A_KEY", f" {KEY} ")
    assert key_from_environment("A_KEY", "example.org") == KEY
    monkeypatch.setenv("A_KEY", " ")
    with pytest.raises(DataError, match=r"A_KEY is not set; a key is free or bought at example\.org"):
        key_from_environment("A_KEY", "example.org")
