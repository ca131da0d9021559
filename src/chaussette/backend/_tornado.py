"""Tornado's HTTP server: a Tornado app on its loop, or a WSGI app in threads.

Tornado's own WSGIContainer sends an answer when all of it is there, answers nothing where the app raises, and knows no listener
but the Host header. `_Container` sends each piece when it is made, and waits for a client that is slow to take it.

`stop()` ends accepting. `close_all_connections()` would cut requests that run, so a drain closes what waits for a request. A
WebSocket has left Tornado's server by then, and is told to go away at once, with code 1001: it is never idle as a request is.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, get_type_hints
from weakref import WeakSet

from tornado.http1connection import HTTP1Connection
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders, HTTPMessageDelegate, HTTPServerRequest, RequestStartLine, ResponseStartLine
from tornado.iostream import IOStream, StreamClosedError
from tornado.wsgi import WSGIContainer

from ..config import Config
from ..interface import kind_of
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
    """Knows what each connection does."""

    def initialize(self, app: Any, told: dict[str, Any]) -> None:  # type: ignore[override]
        super().initialize(app, **{"idle_connection_timeout": _IDLE, "max_header_size": _HEADER_SIZE, **told})
        self.draining = False
        self.waiting: set[HTTP1Connection] = set()
        self._exchanges: WeakSet[HTTP1Connection] = WeakSet()
        self._detached: dict[IOStream, object] = {}

    def start_request(self, server_conn: object, request_conn: Any) -> HTTPMessageDelegate:
        self.waiting.add(request_conn)
        return _Delegate(super().start_request(server_conn, request_conn), self, request_conn)

    def arrived(self, exchange: HTTP1Connection, delegate: HTTPMessageDelegate) -> None:
        """The headers of a request are there."""
        stream = exchange.stream

        def left(_: object) -> None:
            if exchange.stream is None and not stream.closed():
                self._detached[stream] = _handler(delegate)

        self.waiting.discard(exchange)
        self._exchanges.add(exchange)
        exchange._disconnect_on_finish |= self.draining
        exchange._finish_future.add_done_callback(left)

    def drain(self) -> None:
        """Accept no more. Answers that have not begun will say that they are the last."""
        self.draining = True
        self.stop()
        for exchange in list(self._exchanges):
            if exchange._response_start_line is None:  # else the client does not know, and may send another request
                exchange._disconnect_on_finish = True

    def close_web_sockets(self) -> None:
        """Tell them to go away; the handler's own `close` does nothing when it is called again."""
        for handler in list(self._detached.values()):
            if getattr(handler, "ws_connection", None):
                handler.close(1001, "going away")  # type: ignore[attr-defined]

    @property
    def idle(self) -> list[HTTP1Connection]:
        """Connections with no part of a request. Closed ones leave the set here: nobody else tells."""
        self.waiting = {each for each in self.waiting if each.stream and not each.stream.closed()}
        return [each for each in self.waiting if not each.stream._read_buffer_size]

    @property
    def open(self) -> int:
        self._detached = {stream: each for stream, each in self._detached.items() if not stream.closed()}
        return len(self._connections) + len(self._detached)


def _handler(delegate: object) -> object:
    """The handler that a Tornado app has made for a request, if any."""
    while delegate is not None and not hasattr(delegate, "handler"):
        delegate = getattr(delegate, "delegate", None)
    return getattr(delegate, "handler", None)


class _Delegate(HTTPMessageDelegate):
    """Says when the headers of a request are there."""

    def __init__(self, inner: HTTPMessageDelegate, server: _Server, exchange: HTTP1Connection) -> None:
        self._inner, self._server, self._exchange = inner, server, exchange
        self.data_received, self.finish = inner.data_received, inner.finish  # type: ignore[method-assign]
        self.on_connection_close = inner.on_connection_close  # type: ignore[method-assign]

    def headers_received(self, start_line: RequestStartLine | ResponseStartLine, headers: HTTPHeaders) -> Any:
        self._server.arrived(self._exchange, self._inner)
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
            server.draining = True
        self._asking.ask()

    def in_flight(self) -> int:
        """Connections that do anything but wait for a request."""
        return sum(server.open - len(server.idle) for server in self._servers)

    async def _serve(self, pulse: Pulse) -> None:
        native = kind_of(self._app) == "tornado"
        if native:  # one line for each request is the app's to ask for
            logging.getLogger("tornado.access").setLevel("WARNING")
        with ThreadPoolExecutor(self._config.threads or 4) as threads:
            for listener in self._listeners:
                app = self._app if native else _Container(self._app, listener, threads)
                server = _Server(app, self._told)
                server.add_sockets([listener.sock])
                self._servers.append(server)
            heart = Heart(pulse, (lambda task: task()) if native else threads.submit)
            async with self._asking.heard() as asked, beating(heart):
                await asked.wait()
                await self._drain()

    async def _drain(self) -> None:
        for server in self._servers:
            server.drain()
        now = asyncio.get_running_loop().time
        hang_up = now() + self._config.linger
        while any(server.open for server in self._servers):
            for server in self._servers:
                server.close_web_sockets()
                for connection in server.idle if now() >= hang_up else ():
                    connection.close()
            await asyncio.sleep(0.05)
