"""100 Continue, when the kernel has no room for it."""

import socket
from contextlib import suppress

from chaussette.engine.connection import Connection
from chaussette.engine.poller import make_poller
from chaussette.engine.settings import Settings
from chaussette.engine.threads import Server
from chaussette.http11 import CONTINUE, Heads


def test_it_is_sent_when_there_is_room_again() -> None:
    settings = Settings()
    server = Server(lambda environ, start_response: [], [], settings=settings)
    poller = server._poller = make_poller()
    server._parking.open(poller)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        connection = Connection(server, ours, Heads({}, settings.limits, settings.spool), {})
        filled = 0
        with suppress(BlockingIOError):
            while True:
                filled += ours.send(b"x" * 1000)
        theirs.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\n")
        assert not connection.turn()
        while filled:
            filled -= len(theirs.recv(filled))
        ((fd, _),) = poller.wait()
        assert server._parking.claim(fd, None) is connection
        assert not connection.turn()
        assert theirs.recv(1000) == CONTINUE
        assert connection.reader.in_body
    poller.stop()
    poller.close()
