"""What the clock sends while an app makes the next piece, at the moments that matter."""

import socket
from collections.abc import Iterator

import pytest

from chaussette.engine.channel import Channel
from chaussette.engine.connection import Connection
from chaussette.engine.lending import Lending
from chaussette.engine.settings import Settings
from chaussette.engine.threads import Server
from chaussette.http11 import Heads

PIECE = bytes(range(256)) * (1 << 12)


class LastLook(Lending):
    """The clock looks once more before it gives back."""

    def take_back(self, channel: Channel) -> None:
        self.look()
        super().take_back(channel)


class Stream:
    """A connection whose app has begun to stream, and its client."""

    def __init__(self, ours: socket.socket, theirs: socket.socket) -> None:
        settings = Settings(high_water=1000)
        self.server = Server(lambda environ, start_response: [], [], settings=settings)
        self.server._lending = LastLook(lambda: None)
        self.connection = Connection(self.server, ours, Heads({}, settings.limits, settings.spool), {})
        self.client = theirs

    def taken(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            data += self.client.recv(size - len(data))
            self.server._lending.look()
        return data


@pytest.fixture
def stream() -> Iterator[Stream]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield Stream(ours, theirs)


def test_it_sends_all_and_in_order(stream: Stream) -> None:
    stream.connection.push_piece(PIECE)
    assert stream.connection.lent
    stream.connection.push_piece(b"next")
    assert stream.taken(len(PIECE) + 4) == PIECE + b"next"
    assert (stream.connection.unsent, stream.server._lending.any) == (0, False)
    stream.connection.push_piece(b"last")
    assert not stream.connection.lent
    assert stream.taken(4) == b"last"


def test_who_waits_for_a_client_that_has_gone_just_now_is_told(stream: Stream) -> None:
    """Else it would wait for ever: nobody looks after what is closed."""
    stream.connection.push_piece(PIECE)
    stream.client.close()
    with pytest.raises(ConnectionAbortedError):
        stream.connection._stream(b"")
    assert stream.connection.gone


def test_an_error_of_ours_costs_one_connection(stream: Stream) -> None:
    stream.connection.push_piece(PIECE)
    # What the engine never does, as an error that it has would be mended:
    stream.connection.out.appendleft("no bytes")  # type: ignore[union-attr, arg-type]
    stream.server._lending.look()
    assert stream.connection.gone
    assert not stream.server._lending.any
