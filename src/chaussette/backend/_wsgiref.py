"""wsgiref, the standard library's reference server: HTTP/1.0, one request at a time, nothing to install.

One selector over all listeners and a wake-up pipe, in place of socketserver's own loop, whose `shutdown()` blocks. What
has not been accepted when the drain begins stays in the accept queue for whoever shares it.
"""

import os
import selectors
import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, cast
from wsgiref.simple_server import ServerHandler, WSGIRequestHandler, WSGIServer

from ..config import Config
from ..listeners import Listener
from .base import Pulse, no_pulse
from .shield import Shield
from .wakeup import wakeup_pipe

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


_TURN = 1.0
"""Seconds that the loop waits at most, for the sake of the pulse."""


class _Handler(ServerHandler):
    os_environ: dict[str, str] = {}  # noqa: RUF012  wsgiref mixes the process's environment, secrets too, into the app's


class _Request(WSGIRequestHandler):
    timeout = 10
    """Seconds: whoever connects and says nothing holds the only thread there is."""

    def __init__(self, request: Any, address: Any, server: Any) -> None:
        # wsgiref takes the peer's address apart; a unix socket's is an empty text.
        super().__init__(request, address if isinstance(address, tuple) else ("", 0), server)

    def handle(self) -> None:
        self.raw_requestline = self.rfile.readline(65537)
        if len(self.raw_requestline) > 65536:
            self.requestline = self.request_version = self.command = ""
            self.send_error(414)
        elif self.parse_request():
            stdin = cast(IO[bytes], self.rfile)
            output = cast(IO[bytes], self.wfile)
            shared = cast(_Server, self.server).shared
            handler = _Handler(
                stdin, output, self.get_stderr(), self.get_environ(), multithread=False, multiprocess=shared
            )
            handler.request_handler = self  # type: ignore[attr-defined]
            handler.run(self.server.get_app())  # type: ignore[attr-defined]

    def get_environ(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environ()
        if self.client_address[1]:
            environ["REMOTE_PORT"] = str(self.client_address[1])
        return environ

    def address_string(self) -> str:
        return str(self.client_address[0])

    def log_message(self, format: str, *args: Any) -> None:
        """No access log: it is no engine's own business."""


class _Server(WSGIServer):
    def __init__(self, app: "WSGIApplication", listener: Listener) -> None:
        super(WSGIServer, self).__init__(("", 0), _Request, bind_and_activate=False)
        self.socket.close()
        self.socket = listener.sock
        self.server_name, self.server_port = listener.server_name, int(listener.server_port)
        self.shared = not listener.owned
        self.setup_environ()
        self.set_app(Shield(app, {}))

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = self.socket.accept()
        connection.setblocking(True)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Server:
    """wsgiref on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._app, self._listeners = app, listeners
        self._serving = False
        self._wake = -1
        self._stop = False

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`; the request that is being worked on then is finished."""
        with wakeup_pipe() as (woken, self._wake), selectors.DefaultSelector() as selector:
            selector.register(woken, selectors.EVENT_READ)
            for listener in self._listeners:
                selector.register(listener.sock, selectors.EVENT_READ, _Server(self._app, listener))
            while not self._stop:
                pulse()
                ready = [key for key, _ in selector.select(_TURN)]
                if any(key.fd == woken for key in ready):
                    os.read(woken, 512)
                self._answer([key.data for key in ready if key.data])
            self._wake = -1

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._stop = True
        if self._wake != -1:
            with suppress(OSError):  # it has seen `_stop` already, and is through
                os.write(self._wake, b".")

    def in_flight(self) -> int:
        """The one request that is being worked on, if there is one."""
        return int(self._serving)

    def _answer(self, servers: list[_Server]) -> None:
        for server in servers:
            if not self._stop:
                self._serving = True
                server._handle_request_noblock()  # type: ignore[attr-defined]
                self._serving = False
