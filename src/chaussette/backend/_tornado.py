"""Tornado's HTTP server, and a WSGI app in its threads.

Tornado's own WSGIContainer sends an answer when all of it is there, answers nothing where the app raises, and knows no listener
but the Host header. `_Container` sends each piece when it is made, and waits for a client that is slow to take it.

`stop()` ends accepting. `close_all_connections()` would cut requests that run, so a drain closes what waits for a request.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, get_type_hints

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest, RequestStartLine, ResponseStartLine
from tornado.iostream import StreamClosedError
from tornado.wsgi import WSGIContainer

from ..config import Config
from ..listeners import Listener
from ..logs import logger
from . import tuning
from .aio import Asking, beating
from .base import Pulse, no_pulse
from .facts import facts_of, facts_of_peer
from .heart import Heart
from .shield import Shield

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_IDLE = 75
"""Seconds for the next request to come, headers and all: more than the 60 that proxies keep their side. Tornado has an hour."""
_HEADER_SIZE = 65536
_REFUSED = {"request_callback": tuning.APP, "ssl_options": tuning.TLS}


class _Container(WSGIContainer):
    """Calls the app for a request, and sends what it returns."""

    def __init__(self, app: "WSGIApplication", listener: Listener, threads: ThreadPoolExecutor) -> None:
        super().__init__(app, threads)
        self._app, self._threads = Shield(app, {}), threads
        self._facts = facts_of(listener) | {"SCRIPT_NAME": "", "wsgi.input_terminated": True}
        self.draining = False

    async def handle_request(self, request: HTTPServerRequest) -> None:
        connection, run = request.connection, asyncio.get_running_loop().run_in_executor
        assert isinstance(connection, HTTP1Connection)
        status, headers = ResponseStartLine("HTTP/1.1", 500, ""), HTTPHeaders()

        def start(line: str, pairs: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], object]:
            nonlocal status
            headers.clear()
            code, _, reason = line.partition(" ")
            status = ResponseStartLine("HTTP/1.1", int(code), reason)
            for name, value in pairs:
                headers.add(name, value)
            return lambda piece: None  # Shield has its own

        pieces: Iterable[bytes] = await run(self._threads, self._app, self.environ(request), start)
        if self.draining:
            connection._disconnect_on_finish = True
        try:
            if isinstance(pieces, list | tuple):
                if "Content-Length" not in headers and status.code not in (204, 304):
                    headers["Content-Length"] = str(sum(map(len, pieces)))
                connection.write_headers(status, headers, b"".join(pieces))
            else:
                iterator = iter(pieces)
                await connection.write_headers(status, headers, await run(self._threads, next, iterator, None))
                while (chunk := await run(self._threads, next, iterator, None)) is not None:
                    await connection.write(chunk)
            connection.finish()
        except StreamClosedError:  # the client has gone
            pass
        except Exception as error:
            logger.error("The app raised %r", error, exc_info=True)
            connection.close()
        finally:
            if hasattr(pieces, "close"):
                await run(self._threads, pieces.close)

    def environ(self, request: HTTPServerRequest) -> dict[str, Any]:
        environ = super().environ(request)
        # X_Name would pass for X-Name, and last: no proxy that guards one knows of the other.
        for name in sorted(dict(request.headers.get_all()), key=lambda name: "_" not in name):
            key, joint = "HTTP_" + name.upper().replace("-", "_"), "; " if name == "Cookie" else ", "
            environ[key] = joint.join(request.headers.get_list(name))
            if "_" in name:
                del environ[key]
        context: Any = request.connection.context  # type: ignore[union-attr]
        environ |= self._facts | facts_of_peer(context.address) | {"wsgi.url_scheme": request.protocol}
        if request.remote_ip != context._orig_remote_ip:  # a proxy has told it, and Tornado was told to trust it
            environ["REMOTE_ADDR"] = request.remote_ip
            environ.pop("REMOTE_PORT", None)
        return environ


class _Server(HTTPServer):
    """Knows which connections wait for a request."""

    def initialize(self, container: _Container, told: dict[str, Any]) -> None:  # type: ignore[override]
        super().initialize(container, **{"idle_connection_timeout": _IDLE, "max_header_size": _HEADER_SIZE, **told})
        self.container = container
        self.waiting: set[HTTP1Connection] = set()

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        self.waiting.add(request_conn)
        return _Delegate(super().start_request(server_conn, request_conn), lambda: self.waiting.discard(request_conn))

    @property
    def idle(self) -> list[HTTP1Connection]:
        """Connections with no part of a request. Closed ones leave the set here: nobody else tells."""
        self.waiting = {each for each in self.waiting if each.stream and not each.stream.closed()}
        return [each for each in self.waiting if not each.stream._read_buffer_size]

    @property
    def open(self) -> int:
        return len(self._connections)


class _Delegate(HTTPMessageDelegate):
    """Says when the headers of a request are there."""

    def __init__(self, inner: HTTPMessageDelegate, arrived: Callable[[], None]) -> None:
        self._inner, self._arrived = inner, arrived
        self.data_received, self.finish = inner.data_received, inner.finish  # type: ignore[method-assign]
        self.on_connection_close = inner.on_connection_close  # type: ignore[method-assign]

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> Any:
        self._arrived()
        return self._inner.headers_received(start_line, headers)


class Server:
    """Tornado on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._app, self._listeners, self._config = app, listeners, config
        self._told = tuning.chosen(Server, config)
        self._servers: list[_Server] = []
        self._asking = Asking()

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    @classmethod
    def settings(cls) -> tuning.Settings:
        """The arguments of Tornado's HTTPServer."""
        hints = get_type_hints(HTTPServer.initialize)
        hints.pop("return", None)
        return tuning.Settings.of(hints, _REFUSED)

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        asyncio.run(self._serve(pulse))

    def shutdown(self) -> None:
        """Ask for the drain."""
        for server in self._servers:
            server.container.draining = True
        self._asking.ask()

    def in_flight(self) -> int:
        """Connections that do anything but wait for a request."""
        return sum(server.open - len(server.idle) for server in self._servers)

    async def _serve(self, pulse: Pulse) -> None:
        with ThreadPoolExecutor(self._config.threads or 4) as threads:
            for listener in self._listeners:
                server = _Server(_Container(self._app, listener, threads), self._told)
                server.add_sockets([listener.sock])
                self._servers.append(server)
            async with self._asking.heard() as asked, beating(Heart(pulse, threads.submit)):
                await asked.wait()
                await self._drain()

    async def _drain(self) -> None:
        for server in self._servers:
            server.container.draining = True
            server.stop()
        now = asyncio.get_running_loop().time
        hang_up = now() + self._config.linger
        while any(server.open for server in self._servers):
            if now() >= hang_up:
                for connection in [each for server in self._servers for each in server.idle]:
                    connection.close()
            await asyncio.sleep(0.05)
