"""A connection is parked while others may be at it too."""

import os
import select
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from chaussette.engine.connection import Connection
from chaussette.engine.poller import make_poller
from chaussette.engine.settings import Settings
from chaussette.engine.threads import Server
from chaussette.http11 import Heads

Parked = tuple[Server, Connection, socket.socket]


@pytest.fixture
def parked() -> Iterator[Parked]:
    """A server that does not run, a connection that is parked to be read, and its client."""
    settings = Settings()
    server = Server(lambda environ, start_response: [], [], settings=settings)
    poller = server._poller = make_poller()
    server._parking.open(poller)
    ours, theirs = socket.socketpair()
    connection = Connection(server, ours, Heads({}, settings.limits, settings.spool), {})
    server.park_read(connection)
    with theirs:
        yield server, connection, theirs
    connection.close()
    poller.stop()
    poller.close()


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="without epoll nothing stays armed")
def test_what_the_clock_says_late_makes_no_connection_deaf(parked: Parked) -> None:
    server, connection, theirs = parked
    parking, poller = server._parking, server._poller

    def told() -> bool:
        theirs.sendall(b"a")
        found = poller.wait_at_most(20)
        connection.sock.recv(10)
        return [fd for fd, _ in found] == [connection.fd] and server.take(connection)

    assert told()
    parking.stay(connection, parking.passes)
    assert told()
    parking.contested = True
    parking.stay(connection, parking.passes)
    poller.modify(connection.fd, poller.READ)  # the clock's, who had the connection before
    parking.contested = False
    for _ in range(3):
        assert told()
        parking.stay(connection, parking.passes)


@pytest.mark.parametrize("reused", [False, True], ids=["closed", "number of another's by now"])
def test_what_was_closed_meanwhile_is_not_armed(reused: bool, parked: Parked) -> None:
    """A thread with a late event has taken it since, and closed it."""
    server, connection, theirs = parked
    fd = connection.fd
    connection.close()
    if reused:
        os.dup2(theirs.fileno(), fd)
    server.park_read(connection)
    if reused:
        server._poller.register(fd, server._poller.READ)  # by whom it belongs to, for the first time
    with suppress(OSError):
        os.close(fd)
