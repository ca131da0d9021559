"""The receiving half of a connection: bytes from the socket to http11, until a request is complete."""

import socket
from typing import TYPE_CHECKING

from ..http11 import CONTINUE, Heads, Reader, Refused, Request
from .answering import Answering
from .phase import BODY, FRESH, HEAD, LINGER
from .settings import READ

if TYPE_CHECKING:
    from .engine import Engine


class Receiving(Answering):
    """What a connection does until it has a request."""

    __slots__ = ("began", "reader")

    def __init__(self, engine: "Engine", sock: socket.socket, heads: Heads, remote: dict[str, str]) -> None:
        super().__init__(engine, sock)
        self.reader = Reader(heads, remote)
        self.began = 0.0
        """When the body began, in the time of the clock."""

    def park(self) -> None:
        """Wait until there is something to read."""
        raise NotImplementedError

    def wait_to_send(self) -> None:
        """Wait until all that is unsent is sent, before anything else."""
        raise NotImplementedError

    def refuse(self, status: int, why: str) -> None:
        """Answer with an error of our own, and end the connection."""
        raise NotImplementedError

    def receive(self) -> Request | None:
        """Read. Returns a request that is complete; without one, the connection is parked, or closed."""
        room = self.reader.room
        if room is not None:
            return self._receive_into(room)
        try:
            data = self.sock.recv(self.reader.wanted or READ)
        except BlockingIOError:
            self.park()
            return None
        except OSError:
            self.close()
            return None
        return self._received(data)

    def _receive_into(self, room: memoryview) -> Request | None:
        """Read the rest of a long body in place."""
        request = None
        try:
            count = self.sock.recv_into(room)
            if not count:
                self.close()
                return None
            request = self.reader.filled(count)
        except BlockingIOError:
            pass
        except OSError:
            self.close()
            return None
        if request is None:
            self.park()
        return request

    def _received(self, data: bytes) -> Request | None:
        if not data:
            self.close()
            return None
        if self.phase == LINGER:
            self.park()
            return None
        return self.next(data)

    def next(self, data: bytes) -> Request | None:
        """Like `receive`, with bytes that are here; with b"" it looks at what was received before."""
        reader = self.reader
        try:
            request = reader.feed(data)
        except Refused as refused:
            self.refuse(refused.status, refused.why)
            return None
        except OSError as error:  # the disk is full, or too many files are open
            self.refuse(503, f"no room for the body: {error.strerror}")
            return None
        if request is not None:
            return request
        if reader.in_body:
            if self.phase != BODY:
                self.phase, self.deadline, self.began = BODY, self.engine.clock.body, self.engine.clock.now
            if reader.expecting:
                reader.expecting = False
                self.push(CONTINUE)
                if self.out:  # to the byte, there was no room
                    self.wait_to_send()
                    return None
            elif reader.wanted:  # most of the time it is there
                return self.receive()
        elif not reader.begun:
            pass
        elif self.phase not in (FRESH, HEAD):
            self.phase, self.deadline = HEAD, self.engine.clock.head
        elif self.phase == FRESH:
            self.phase = HEAD
        if not self.gone:
            self.park()
        return None
