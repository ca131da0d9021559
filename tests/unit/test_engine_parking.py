"""A connection is parked when a thread with a late event has taken it since, and closed it."""

import os
import socket
from contextlib import suppress

import pytest

from chaussette.engine.connection import Connection
from chaussette.engine.poller import make_poller
from chaussette.engine.settings import Settings
from chaussette.engine.threads import Server
from chaussette.http11 import Heads


@pytest.mark.parametrize("reused", [False, True], ids=["closed", "number of another's by now"])
def test_what_was_closed_meanwhile_is_not_armed(reused: bool) -> None:
    settings = Settings()
    server = Server(lambda environ, start_response: [], [], settings=settings)
    poller = server._poller = make_poller()
    server._parking.open(poller)
    ours, theirs = socket.socketpair()
    fd = ours.fileno()
    connection = Connection(server, ours, Heads({}, settings.limits, settings.spool), {})
    server.park_read(connection)
    with theirs:
        connection.close()
        if reused:
            os.dup2(theirs.fileno(), fd)
        server.park_read(connection)
        if reused:
            poller.register(fd, poller.READ)  # by whom it belongs to, for the first time
    with suppress(OSError):
        os.close(fd)
    poller.stop()
    poller.close()
