"""gevent's pywsgi: a greenlet for each connection, so that thousands may wait at once.

`stop()` would kill what still runs after a second, so it is not used: `close()` ends accepting, and the pool's greenlets
are waited for. What waits for a request line is idle; the last answer on a connection says `Connection: close`.
"""

import socket
from collections.abc import Iterator, Sequence
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any

from gevent import pywsgi
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer
from gevent.socket import socket as GeventSocket  # noqa: N812

from ..config import Config
from ..listeners import Listener
from ..logs import logger
from ..option import whole
from . import tuning
from .base import Pulse, no_pulse
from .framing import check_framing
from .hub import Asking
from .patch import patch

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


_LINE = "max_request_line"
"""gevent has it as a constant of the module, for all servers."""
_REFUSED = {
    **dict.fromkeys(("listener", "reuse_addr"), tuning.SOCKET),
    "application": tuning.APP,
    "backlog": tuning.BACKLOG,
    "spawn": "Write --spawn",
    **dict.fromkeys(("log", "error_log"), tuning.LOG),
    **dict.fromkeys(("handler_class", "environ"), tuning.NO_TEXT),
    "stop_timeout": tuning.DRAIN,
    **dict.fromkeys(("keyfile", "certfile", "ca_certs", "ciphers", "ssl_context", "ssl_version"), tuning.TLS),
}


class Handler(WSGIHandler):  # type: ignore[misc]
    """A connection. The engines with WebSockets have handlers of their own, which are this one and more."""

    idle = False
    response_headers: list[tuple[bytes, bytes]]

    def say_goodbye(self) -> None:
        """Do what is to be done when a drain begins: nothing, as the last answer says that it is the last."""

    def hang_up(self, late: bool) -> None:
        """End the connection if it is idle, as its grace is over; `late` when half of the drain's time is over, too."""
        if self.idle:
            with suppress(OSError):  # the client was faster
                self.socket.shutdown(socket.SHUT_RD)

    def read_requestline(self) -> str:
        self.idle = True
        try:
            self.rfile.peek(1)  # what has begun to arrive is not idle, and not cut when the grace is over
        finally:
            self.idle = False
        line: str = super().read_requestline()
        return line

    def handle(self) -> None:
        self.server.handlers.add(self)
        try:
            super().handle()
        finally:
            self.server.handlers.discard(self)

    def run_application(self) -> None:
        try:
            super().run_application()
        except (SystemExit, KeyboardInterrupt) as error:  # an app's, and no reason to end everybody's requests
            raise RuntimeError(f"the app raised {error!r}") from error

    def MessageClass(self, *args: object) -> Any:  # noqa: N802  gevent's name
        """Read the header lines, and check them before gevent drops a Content-Length beside a Transfer-Encoding."""
        headers = super().MessageClass(*args)
        check_framing(headers, self.request_version)
        return headers

    def _write(self, data: bytes) -> None:
        if self.command != "HEAD":
            super()._write(data)

    def finalize_headers(self) -> None:
        super().finalize_headers()
        if self.connection_upgraded:  # there is no body, so there is no length of it: RFC 9110, section 8.6
            self.response_headers = [pair for pair in self.response_headers if pair[0] != b"Content-Length"]
        if self.command == "HEAD":
            self.response_use_chunked = False  # there will be no chunks, and no last one
        if self.server.draining and not self.connection_upgraded:
            self.close_connection = True
            kept = [pair for pair in self.response_headers if pair[0].lower() != b"connection"]
            self.response_headers = [*kept, (b"Connection", b"close")]


class _Server(WSGIServer):  # type: ignore[misc]
    draining = False

    def __init__(
        self,
        app: "WSGIApplication",
        listener: Listener,
        pool: Pool,
        handler: type[Handler],
        config: Config,
        told: dict[str, Any],
    ) -> None:
        self.handlers: set[Handler] = set()
        self.config = config
        facts = {
            "SERVER_NAME": listener.server_name,
            "SERVER_PORT": listener.server_port,
            # Somebody else may serve on a socket that is not ours: gevent then accepts one connection at a time.
            "wsgi.multiprocess": not listener.owned,
            "wsgi.multithread": pool.size != 1,
            "REMOTE_ADDR": "",  # what a unix client has; a TCP client's address takes its place
        }
        # A duplicate, because closing it is how gevent stops accepting, and the listener is not ours to close.
        sock = GeventSocket(fileno=socket.dup(listener.sock.fileno()))
        super().__init__(sock, app, log=None, error_log=logger, handler_class=handler, spawn=pool, environ=facts)
        self.__dict__.update(told)


def _attributes(kind: type) -> list[tuple[str, Any]]:
    return [(name, getattr(kind, name)) for name in dir(kind) if not name.startswith("_")]


class Server:
    """gevent's pywsgi on listeners that are open already."""

    handler = Handler

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._app, self._listeners, self._config = app, listeners, config
        self._told = tuning.chosen(Server, config)
        self._pool: Any = None
        self._servers: list[_Server] = []
        self._asking = Asking()

    @classmethod
    def setup(cls) -> None:
        """Patch the standard library, so that an app that blocks lets the others run."""
        patch()

    @classmethod
    def settings(cls) -> tuning.Settings:
        """The numbers of gevent's server, and the longest request line."""
        numbers = {name: value for name, value in _attributes(WSGIServer) if type(value) in (int, float)}
        can = {
            name: tuning.number if name.endswith("_delay") else whole(1, 1 << 30)
            for name in (*numbers, _LINE)
            if name not in _REFUSED
        }
        return tuning.Settings(can, _REFUSED)

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        pywsgi.MAX_REQUEST_LINE = self._told.pop(_LINE, pywsgi.MAX_REQUEST_LINE)
        self._pool = Pool(self._config.spawn)
        self._servers = [
            _Server(self._app, listener, self._pool, self.handler, self._config, self._told)
            for listener in self._listeners
        ]
        for server in self._servers:
            server.draining = self._asking.asked
            server.start()
        with self._asking.heard(pulse) as asked:
            asked.wait()
            self._drain()

    def shutdown(self) -> None:
        """Ask for the drain."""
        for server in self._servers:
            server.draining = True
        self._asking.ask()

    def in_flight(self) -> int:
        """Connections that do anything but wait for a request."""
        return sum(not handler.idle for handler in self._handlers())

    def _handlers(self) -> Iterator[Handler]:
        for server in self._servers:
            yield from list(server.handlers)

    def _drain(self) -> None:
        for server in self._servers:
            server.close()
        for listener in self._listeners:
            listener.sock.close()
        for handler in self._handlers():
            handler.say_goodbye()
        # An answer that had begun before the drain did not say that it is the last: its connection is idle again later.
        wait, half = self._config.linger, monotonic() + self._config.graceful_timeout / 2
        while not self._pool.join(timeout=wait):
            for handler in self._handlers():
                handler.hang_up(late=monotonic() >= half)
            wait = 0.2
