"""Which pieces of a stream are sent together. The socket keeps each send apart, as a message of its own."""

import socket
from collections.abc import Iterator

import pytest

from chaussette.engine import pieces
from chaussette.engine.connection import Connection
from chaussette.engine.pieces import Pieces
from chaussette.engine.settings import Settings
from chaussette.engine.staffing import Staffing
from chaussette.engine.threads import Server
from chaussette.http11 import Heads


class Stream:
    """The pieces of one response, and its client."""

    def __init__(self, ours: socket.socket, theirs: socket.socket) -> None:
        settings = Settings()
        server = Server(lambda environ, start_response: [], [], settings=settings)
        self.staffing = Staffing(4, gil=True)
        self.staffing.wanted = 1
        self.now = 1000.0
        connection = Connection(server, ours, Heads({}, settings.limits, settings.spool), {})
        self.pieces = Pieces(connection, self.staffing)
        self._client = theirs

    def add(self, *pieces: bytes) -> list[bool]:
        return [self.pieces.add(piece) for piece in pieces]

    def sends(self) -> list[bytes]:
        """What each send since the last call has sent."""
        found = []
        while True:
            try:
                found.append(self._client.recv(1 << 20))
            except BlockingIOError:
                return found


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stream]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        monkeypatch.setattr(pieces, "monotonic", lambda: 0.0)
        stream = Stream(ours, theirs)
        monkeypatch.setattr(pieces, "monotonic", lambda: stream.now)
        yield stream


def test_one_that_comes_late_is_sent_at_once(stream: Stream) -> None:
    for piece in (b"one", b"two"):
        stream.now += 0.0011
        assert stream.add(piece) == [True]
    assert stream.sends() == [b"one", b"two"]


def test_those_that_come_at_once_are_sent_together_when_the_clock_looks(stream: Stream) -> None:
    assert stream.add(b"one", b"two", b"three") == [True, False, False]
    assert stream.sends() == [b"one"]
    stream.pieces.send()
    stream.pieces.send()
    assert stream.sends() == [b"twothree"]


def test_much_is_sent_at_once(stream: Stream) -> None:
    assert stream.add(b"x" * (1 << 16)) == [True]
    assert stream.sends() == [b"x" * (1 << 16)]


def test_nothing_waits_when_the_clock_does_not_look(stream: Stream) -> None:
    stream.staffing.wanted = 4
    assert stream.add(b"one", b"two") == [True, True]
    assert stream.sends() == [b"one", b"two"]
