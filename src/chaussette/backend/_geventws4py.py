"""`geventws4py`: gevent's server for apps of ws4py, `WebSocketWSGIApplication(handler_cls=…)`.

ws4py speaks the protocol itself. It asks a server for the socket, in `environ["ws4py.socket"]`, and leaves a WebSocket in
`environ["ws4py.websocket"]` once it has answered 101; the server then runs it. Its own handler for gevent does so, and says
nothing at the end: what it has for that does not work on Python 3. It knows no limit to a message either, so each frame's
length is looked at here before the frame is read.
"""

import socket
from contextlib import suppress
from typing import Any

from gevent import Timeout
from gevent.lock import Semaphore

from .handshake import asks
from .upgrading import PATIENCE, Upgradable
from .upgrading import Server as GeventServer

_HEAD = 14
"""Bytes of the longest head of a frame, RFC 6455, section 5.2. ws4py does not tell what it waits for, and a frame so short may
pass beyond the limit."""


class Socket:
    """gevent's socket, for one sender at a time."""

    def __init__(self, sock: Any) -> None:
        self._sock, self._sending = sock, Semaphore()

    def sendall(self, data: bytes) -> None:
        """Send when it is this greenlet's turn."""
        with self._sending:
            self._sock.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)


class Ws4py:
    """A WebSocket of ws4py, for the drain."""

    def __init__(self, websocket: Any, limit: int) -> None:
        self._websocket, self._limit = websocket, limit
        self.closed = False
        """Whether the goodbye is said. ws4py says that it is when it begins to."""
        self._process, websocket.process = websocket.process, self._process_less

    def part(self, code: int, message: str) -> None:
        """Say goodbye."""
        self._websocket.close(code, message)
        self.closed = True

    def _process_less(self, data: bytes) -> bool:
        """ws4py's `process`, up to the limit: False ends the connection."""
        sock, more = self._websocket.sock, bool(self._process(data))
        if more and self._size() > self._limit:
            self.part(1009, f"more than {self._limit} bytes")
            # What the client still sends is read, or closing would reset the connection under what it has to read.
            with Timeout(PATIENCE, False), suppress(OSError):
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(65536):
                    pass
            return False
        return more

    def _size(self) -> int:
        """Bytes of the message that has begun, with the frame that is to be read next."""
        begun, wanted = self._websocket.stream.message, int(self._websocket.reading_buffer_size)
        return (len(begun.data) if begun is not None else 0) + (wanted if wanted > _HEAD else 0)


class Handler(Upgradable):
    """A connection whose app answers 101 by itself, with ws4py."""

    def run_application(self) -> None:
        """Call the app, and then the WebSocket that it leaves, if it does."""
        if not asks(self.environ):
            super().run_application()
            return
        self.environ["ws4py.socket"] = Socket(self.socket)
        super().run_application()
        websocket = self.environ.pop("ws4py.websocket", None)
        if websocket is not None:
            self.occupy(Ws4py(websocket, self.limit_message), websocket.run)


class Server(GeventServer):
    """gevent's pywsgi with WebSockets of ws4py."""

    handler = Handler
