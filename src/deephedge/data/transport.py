"""How sources reach the network: one object with one method, which tests replace and a folder can remember."""

import hashlib
import json
import logging
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deephedge.core.errors import DataError, DeephedgeError, require

RETRIED = frozenset({408, 425, 429, 500, 502, 503, 504})
Params = Mapping[str, str]


class TransportError(DeephedgeError):
    """A request that failed for good: the network, or an answer that says no."""


@dataclass(frozen=True)
class Request:
    """What is asked for; ``headers`` and ``secret`` (parameters that hold a key) are sent, never kept or printed."""

    url: str
    params: Params = field(default_factory=dict)
    headers: Params = field(default_factory=dict, repr=False)
    secret: Params = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The same for the same question, whoever asks it."""
        asked = json.dumps([self.url, sorted(self.params.items())])
        return hashlib.sha256(asked.encode()).hexdigest()[:32]


class AbstractTransport(ABC):
    """Asks, and gives the bytes of the answer; raises `TransportError` when there is none."""

    @abstractmethod
    def get(self, request: Request) -> bytes:
        """The body of the answer."""


@dataclass(frozen=True)
class Http(AbstractTransport):
    """HTTP with a limit on how often it asks, and patience: each failure that may pass is tried again, later each time.

    ``per_second``: requests a second at most. ``retries``: how often a request is repeated after a time-out, a broken
    connection or one of the statuses 408, 425, 429 and 500 to 504; the wait doubles from ``pause`` seconds, and is what
    ``Retry-After`` says where it is there. A request with headers or a key follows no redirection. ``client`` (an
    ``httpx.Client``), ``sleep`` and ``clock`` can be replaced.
    """

    per_second: float = 4.0
    retries: int = 5
    pause: float = 0.5
    timeout: float = 30.0
    longest_wait: float = 120.0
    client: object | None = None
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _last: dict[str, float] = field(default_factory=dict, repr=False, compare=False)
    _own: list[object] = field(default_factory=list, repr=False, compare=False)

    def get(self, request: Request) -> bytes:
        """The body; raises `TransportError` after the last try, or at once for a refusal such as 404."""
        import httpx

        client, said = self._client(), ""
        keyed = bool(request.secret or request.headers)
        if keyed:  # these write the whole address, key and all, to their logs
            for log in (logging.getLogger("httpx"), logging.getLogger("httpcore")):
                log.setLevel(max(log.level, logging.WARNING))
        for attempt in range(self.retries + 1):
            self._wait_for_turn(request)
            try:
                answer = client.get(  # pyright: ignore
                    request.url, params={**request.params, **request.secret}, headers=dict(request.headers),
                    follow_redirects=not keyed,  # a key goes to the host that it was given to
                )  # fmt: skip
            except httpx.RequestError as error:
                said, after = type(error).__name__, None
            else:
                if answer.is_success:
                    return answer.content
                said, after = f"status {answer.status_code}", answer.headers.get("retry-after")
                if answer.status_code not in RETRIED:
                    raise TransportError(f"{request.url} answered with {said}; check the name, the dates and the key")
            if attempt < self.retries:
                self.sleep(min(_seconds(after) or self.pause * 2.0**attempt, self.longest_wait))
        raise TransportError(f"{request.url} gave {said} on all of {self.retries + 1} tries; try again later")

    def _client(self) -> object:
        """One for all requests: connections and cookies are kept."""
        import httpx

        if self.client is not None:
            return self.client
        if not self._own:
            self._own.append(httpx.Client(timeout=self.timeout, follow_redirects=True))
        return self._own[0]

    def _wait_for_turn(self, request: Request) -> None:
        host = request.url.split("/")[2] if "//" in request.url else request.url
        now, free = self.clock(), self._last.get(host, -1e9) + 1.0 / self.per_second
        if free > now:
            self.sleep(free - now)
        self._last[host] = max(now, free)


@dataclass(frozen=True)
class Kept(AbstractTransport):
    """Another transport whose answers are kept in a folder: what was interrupted goes on where it stopped.

    An answer is written whole or not at all. Keys and headers are not part of what is kept.
    """

    inner: AbstractTransport
    folder: Path

    def get(self, request: Request) -> bytes:
        """From the folder, or asked for and kept."""
        place = self.folder / request.name
        if place.is_file():
            return place.read_bytes()
        body = self.inner.get(request)
        self.folder.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(f".{os.getpid()}.part")
        part.write_bytes(body)
        part.replace(place)
        return body


@dataclass(frozen=True)
class Recorded(AbstractTransport):
    """Answers that are given beforehand, by URL: for tests and for work without a network.

    >>> Recorded({"https://example.org/a": b"1"}).get(Request("https://example.org/a"))
    b'1'
    """

    answers: Mapping[str, bytes | Callable[[Request], bytes]]

    def get(self, request: Request) -> bytes:
        """The answer that was given for this URL; raises `TransportError` for any other."""
        if request.url not in self.answers:
            raise TransportError(f"no answer is recorded for {request.url}; there are: {', '.join(self.answers)}")
        answer = self.answers[request.url]
        return answer if isinstance(answer, bytes) else answer(request)


def key_from_environment(name: str, where: str) -> str:
    """The key in the environment variable ``name``; raises ``DataError`` that says where to get one."""
    value = os.environ.get(name, "").strip()
    require(bool(value), f"the environment variable {name} is not set; a key is free or bought at {where}", DataError)
    return value


def _seconds(text: str | None) -> float | None:
    """A wait in seconds; a date is left to the ordinary back-off."""
    return float(text) if text is not None and text.strip().isdigit() else None
