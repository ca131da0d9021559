"""Connections of gevent's server that become WebSockets, and what a drain means to them.

A drain says goodbye to each at once, with the code 1001, "going away", so that clients connect anew, which brings them to a
process that goes on. What a client sends until it has read that still reaches the app; the app can send no more. Then:

- A client that does not answer the goodbye is hung up on when the grace is over: `receive()` says that it has gone.
- An app that waits for something else than its client hears of nothing. When half of the drain's time is over, its greenlet
  is ended by GreenletExit, as gevent's own `stop()` does.
"""

import socket
from collections.abc import Callable, Iterable
from contextlib import suppress
from io import BytesIO
from typing import Any, Protocol

import gevent
from wsproto.frame_protocol import CloseReason

from ..logs import logger
from ._gevent import Handler, Server
from .handshake import VERSION, HandshakeError, agree, asks
from .websocket import LIMIT, WebSocket

PATIENCE = 5.0
"""Seconds that a client is given to answer a goodbye."""
_VANISHED = ((socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 15), (socket.TCP_KEEPCNT, 4))
"""How the kernel finds out that a client is gone without a word, within two minutes, tcp(7): a WebSocket may be silent for
hours, and nothing else would tell."""


class Closable(Protocol):
    """What a drain has to know of a WebSocket."""

    @property
    def closed(self) -> bool:
        """Whether the goodbye is said."""

    def part(self, code: int, message: str) -> None:
        """Say goodbye. It may block."""


class Upgradable(Handler):
    """A connection that may become a WebSocket."""

    _websocket: Closable | None = None
    _inside: Any = None
    """The greenlet that is inside the app with it."""

    def occupy(self, websocket: Closable, serve: Callable[[], object]) -> None:
        """Let `serve` work with the WebSocket that this connection is from now on."""
        self.close_connection = True
        self._websocket, self._inside = websocket, gevent.getcurrent()
        if isinstance(self.client_address, tuple):
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for option, value in _VANISHED:
                self.socket.setsockopt(socket.IPPROTO_TCP, option, value)
        if self.server.draining:
            self.say_goodbye()
        try:
            serve()
        except gevent.GreenletExit:
            logger.warning("An app with a WebSocket waits though its client has gone: it is ended for the drain")
        finally:
            self._inside = None

    @property
    def limit_message(self) -> int:
        """Bytes that a message may have."""
        return self.server.config.limit_message or LIMIT

    def say_goodbye(self) -> None:
        """Tell the client that this process is going away, in a greenlet, as it may not be reading."""
        if self._websocket:
            gevent.spawn(self._websocket.part, CloseReason.GOING_AWAY, "the server is going away")

    def hang_up(self, late: bool) -> None:
        """End what is idle, as `Handler` does, and what waits for a client that is gone or does not answer."""
        super().hang_up(late)
        if self._websocket and self._websocket.closed:
            with suppress(OSError):
                self.socket.shutdown(socket.SHUT_RD)
            if late and self._inside:
                inside, self._inside = self._inside, None  # once: what it does about it is left alone
                inside.kill(block=False)


class WebSocketHandler(Upgradable):
    """A connection whose app finds a WebSocket in its environ, if the client asks for one."""

    def run_application(self) -> None:
        """Call the app, with a WebSocket or without."""
        if not asks(self.environ):
            super().run_application()
            return
        choose = getattr(self.application, "app_protocol", None)
        try:
            headers, extensions = agree(self.environ, choose(self.environ["PATH_INFO"]) if choose else None)
        except HandshakeError as refused:
            self._refuse(refused)
            return
        self.start_response("101 Switching Protocols", headers)
        self.write(b"")
        websocket = WebSocket(self.environ, self.rfile, self.socket, extensions, self.limit_message)
        self.environ |= {"wsgi.websocket": websocket, "wsgi.websocket_version": VERSION, "wsgi.input": BytesIO()}
        last: tuple[int, str] = CloseReason.GOING_AWAY, ""
        try:
            self._said = ""
            self.occupy(websocket, self._call)
            last = _code(self._said)
        except websocket.error:  # nothing that the app could do: it was told that the client has gone
            pass
        except BaseException as error:
            logger.error("The app raised %r", error, exc_info=True)
            last = CloseReason.INTERNAL_ERROR, ""
        websocket.finish(*last, PATIENCE)
        del self.environ["wsgi.websocket"]  # it has the environ, and is to be freed now

    def _call(self) -> None:
        result: Iterable[bytes] | None = None
        try:
            result = self.application(self.environ, self._answer)
            for piece in result or ():  # it may be a generator, which does its work when it is iterated
                if piece:
                    break  # the page of an app that knows of no WebSocket
        finally:
            close = getattr(result, "close", None)
            if close:
                close()

    def _answer(self, status: str, headers: object, exc_info: object = None) -> Callable[[bytes], object]:
        """The app's start_response: its answer is the WebSocket, so of this one there is the status at most."""
        self._said = status
        return lambda data: None

    def _refuse(self, refused: HandshakeError) -> None:
        self.close_connection = True
        body = f"{refused}\n".encode()
        headers = [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))]
        self.start_response(refused.status, [*headers, *(refused.headers or [("Connection", "close")])])
        self.write(body)


def _code(status: str) -> tuple[int, str]:
    """The code of a goodbye, and its reason, for an app that has said `status` and returned."""
    if status.startswith("4"):
        return CloseReason.POLICY_VIOLATION, status
    return CloseReason.INTERNAL_ERROR if status.startswith("5") else CloseReason.NORMAL_CLOSURE, ""


__all__ = ["PATIENCE", "Server", "Upgradable", "WebSocketHandler"]
