"""One connection: bytes from the socket to http11, the app's response from http11 to the socket.

Its owner is whoever runs it, one thread or greenlet at a time; when it must wait for the client, it is parked
with the engine, and nobody owns it. A parked connection is taken by who finds its socket ready, or by the
clock when it is overdue.

A client that is slow costs no thread: a request is read to its end before the app is called, and what the
kernel does not take of a response at once is left to the engine. Only an app that streams more than
`high_water` bytes ahead of its client has to wait, and how a thread does that is the engine's to say
(`hold`).
"""

import logging
import socket
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from ..http11 import Heads, Request, Response, Shape, refusal
from .answering import LARGE
from .batch import Batch
from .channel import logger
from .phase import APP, BODY, FRESH, HEAD, IDLE, LINGER, SEND
from .receiving import Receiving
from .settings import READ

if TYPE_CHECKING:
    from .engine import Engine

_LF = 10
_MORE: Final = getattr(socket, "MSG_MORE", 0)
"""send(2): the end of the connection follows at once, and goes in the same packet (a connection for each request: 23.9 us in
place of 28.1, CPython 3.11, compiled)."""


class Connection(Receiving):
    """A client. `phase` and `deadline` are for the clock, which looks at them without asking."""

    __slots__ = ("_known", "closing", "emptied", "stays", "waiter", "watcher")

    def __init__(self, engine: "Engine", sock: socket.socket, heads: Heads, remote: dict[str, str]) -> None:
        super().__init__(engine, sock, heads, remote)
        self._known = heads.wholes
        self.phase = FRESH
        self.closing = False
        """Whether to close when `out` is empty."""
        self.emptied = False
        """Whether the last turn has read all that was there."""
        self.stays = False
        """Whether it is told of what comes without being armed again, see `Parking.stay`."""
        self.waiter: Any = None
        """What wakes the app that waits for its client, see `Engine.hold`."""
        self.watcher: Any = None
        """The engine's own."""

    def turn(self, batch: Batch | None = None) -> bool:
        """The socket is ready: do all there is to do, the app's part too. Returns whether it is to be parked
        for reading; else it is parked already, or closed, or left to `batch`.

        The request of most turns, one that came alone on an idle connection, is answered right here. `serve`
        would do the same; that it stands here in one piece saves calls.
        """
        engine = self.engine
        if self.phase > IDLE or engine.draining:
            request = self.flush() if self.phase == SEND else self.receive()
            if request is not None:
                self.serve(request)
            return False
        try:
            room = self.reader.ahead or READ
            data: bytes = self.sock.recv(room)
            self.emptied = len(data) < room  # epoll(7), question 9
        except BlockingIOError:
            return True
        except OSError:
            self.close()
            return False
        # No body is among what is known, and to look for a long one there costs more than all the rest.
        request = self._known.get(data) if data and data[-1] == _LF else None
        if request is not None:
            environ, shape = request[0].copy(), request[1]
            self.reader.rest = b""  # an empty line at most, or it would not be idle
            environ.update(self.reader.remote)
            environ["wsgi.input"] = BytesIO()
        else:
            request = self._received(data)
            if request is None:
                return False
            environ, shape = request
            if self.reader.rest or type(environ["wsgi.input"]) is not BytesIO:
                self.serve(request)
                return False
        clock = engine.clock
        self.phase, self.deadline = APP, clock.app
        response = Response(shape, engine.heads, shape.persistent, self._stream)
        try:
            result = engine.app(environ, response.start)
            if type(result) is list and len(result) == 1 and len(result[0]) <= LARGE and not response.started:
                answer = response.whole(result[0])
            else:
                self._give(response, result, batch)
                answer = b""
        except BaseException as error:  # as in `_answer`
            self._failed(environ, response, error)
            answer = b""
        if response.finished:
            return False
        response.finished = True
        if answer:
            if batch is not None and batch.gathers and response.persistent:
                self.leave(answer, batch)
                return False
            try:
                corked = engine.corks and not response.persistent
                sent = self.sock.send(answer, _MORE) if corked else self.sock.send(answer)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.close()
                return False
            if sent != len(answer):
                self.keep(memoryview(answer)[sent:])
            elif response.persistent:
                self.phase, self.deadline = IDLE, clock.idle
                return True
        if self._answered(response.persistent, shape):
            engine.park_read(self)
        return False

    def serve(self, request: Request) -> None:
        """Answer `request`, and those that came with it; then the connection is parked, or closed."""
        following: Request | None = request
        while following is not None:
            environ, shape = following
            # What has come with it has arrived too, and a drain finishes that.
            last = self.engine.draining and not self.reader.begun
            persistent = self._answer(environ, shape, shape.persistent and not last)
            if not self._answered(persistent, shape):
                return
            if not self.reader.begun:
                self.engine.park_read(self)
                return
            self.phase, self.deadline = HEAD, self.engine.clock.head
            following = self.next(b"")

    def _answered(self, persistent: bool, shape: Shape) -> bool:
        """Returns whether the connection is idle now; else it waits until it can send, or ends."""
        if self.lent:
            self.take_back()
        if self.gone:
            return False
        if not persistent:
            # A client that asked for the end sends nothing more; another may be sending just now.
            self._finish(linger=shape.persistent or bool(self.reader.rest))
            return False
        if self.out:
            self.wait_to_send()
            return False
        self.phase, self.deadline = IDLE, self.engine.clock.idle
        return True

    def flush(self) -> Request | None:
        """Send more of `out`: the socket is writable. Returns a request that waited for this, as `receive`
        does."""
        before = self.unsent
        self.send_out()
        if self.gone:
            return None
        if self.unsent != before:
            self.deadline = self.engine.clock.send
        if self.waiter is not None and self.unsent <= self.engine.settings.high_water // 2:
            self.engine.release(self)
            return None
        if self.out:
            self.engine.park_write(self)
            return None
        if self.closing:
            self._finish(linger=True)
            return None
        if self.reader.begun or self.reader.in_body:
            self.phase, self.deadline = HEAD, self.engine.clock.head
            return self.next(b"")
        self.phase, self.deadline = IDLE, self.engine.clock.idle
        self.engine.park_read(self)
        return None

    @property
    def peer(self) -> str:
        """Who the client is, for the log."""
        return self.reader.remote.get("REMOTE_ADDR") or "a unix client"

    def refuse(self, status: int, why: str) -> None:
        """Answer with an error of our own, and end the connection."""
        level = logging.WARNING if status == 503 else logging.INFO  # what is our own fault, and what the client's
        logger.log(level, "%d for %s: %s", status, self.peer, why)
        self.reader.discard()
        self.push(refusal(status, why, self.engine.heads.date))
        if not self.gone:
            self._finish(linger=True)

    def close(self, *, reset: bool = False) -> None:
        """Close the socket, and tell an app that waits for it."""
        if self.gone:
            return
        self.gone = True
        if self.phase == BODY:
            self.reader.discard()
        self.engine.forget(self)  # first: whoever watches the file descriptor must let go of it
        self.shut(reset=reset)
        if self.waiter is not None:
            self.engine.release(self)

    def leave(self, answer: bytes, batch: Batch) -> None:
        self.keep(memoryview(answer))
        self.phase, self.deadline = SEND, self.engine.clock.send
        batch.leave(self)

    def hold(self) -> None:
        self.engine.hold(self)

    def park(self) -> None:
        self.engine.park_read(self)

    def wait_to_send(self) -> None:
        self.phase, self.deadline = SEND, self.engine.clock.send
        self.engine.park_write(self)

    def _finish(self, *, linger: bool) -> None:
        """End the connection when all is sent."""
        engine = self.engine
        if self.out:
            self.closing = True
            self.wait_to_send()
            return
        try:
            # close() alone would drop what it finds unsent, if bytes have come that nobody has read.
            self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        if linger:
            self.phase, self.deadline = LINGER, engine.clock.linger
            engine.park_read(self)
        else:
            self.close()
