import json

import pytest

from deephedge.data.sources import Span
from deephedge.data.transport import AbstractTransport


class Server(AbstractTransport):
    """Answers by a function of the request, and remembers what was asked."""

    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def get(self, request):
        self.asked.append(request)
        found = self.answer(request)
        return found if isinstance(found, bytes) else json.dumps(found).encode()


@pytest.fixture
def serve():
    """serve(answer) -> a transport whose answers are those of a function of the request, or always the same."""
    return lambda answer: Server(answer if callable(answer) else lambda request: answer)


@pytest.fixture
def fetch():
    """fetch(source, transport, start, end) -> the pieces that a source gives for a span."""
    return lambda source, transport, start=None, end=None: list(source.records(Span.of(start, end), transport))
