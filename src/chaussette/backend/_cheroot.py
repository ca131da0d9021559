"""cheroot: the server of CherryPy, pure Python, threads.

What is cheroot's here is how a connection is worked on by its threads, and how an answer is written. What is put right:

- Its reader of headers takes two Content-Lengths, `+5`, `Host : x`, and `X_A` for `X-A`; its reader of chunked bodies hangs in
  `readline()`. Both are replaced by `http11`'s: a body is read before the app is called.
- Its loop knows one listener and has no drain, and gives a thread to a client that has said nothing yet: `_Loop` does not.
- It sends the body of an answer to HEAD, and answers 200 for an app that raises before its first piece.
"""

import os
import selectors
import socket
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, BinaryIO

from cheroot import server, wsgi

from ..config import Config
from ..http11 import Heads, Limits, Refused
from ..http11.body import Chunked, Fixed
from ..http11.errors import REASONS
from ..listeners import Listener
from ..logs import logger
from . import tuning
from .base import Pulse, no_pulse
from .facts import facts_of, facts_of_peer
from .heart import Heart
from .wakeup import wakeup_pipe

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_REFUSED = {
    **dict.fromkeys(("bind_addr", "reuse_port", "nodelay"), tuning.SOCKET),
    **dict.fromkeys(("numthreads", "max", "minthreads", "maxthreads"), tuning.THREADS),
    **dict.fromkeys(("keep_alive_conn_limit", "expiration_interval", "accepted_queue_size"), tuning.OURS),
} | {"request_queue_size": tuning.BACKLOG, "shutdown_timeout": tuning.DRAIN, "ssl_adapter": tuning.TLS}
_TURN = 1.0
"""Seconds that one turn of the loop waits at most, for the sake of connections that are idle for too long."""


class _Request(server.HTTPRequest):
    environ: dict[str, Any]

    def header_reader(self, rfile: Any, found: dict[bytes, bytes]) -> None:
        """Read header lines. Raises ValueError, which is answered with 400."""
        lines = []
        while (line := rfile.readline()) != b"\r\n":
            if not line.endswith(b"\r\n"):
                raise ValueError("a header line has no end")
            lines.append(line[:-2])
        try:
            self.environ, self.frame = self.conn.heads.read_block(b"\r\n".join(lines))
        except Refused as refused:
            raise ValueError(refused.why) from None
        if self.response_protocol == "HTTP/1.1" and not self.frame.has_host:
            raise ValueError("no Host header")
        # What cheroot looks at, in the case that it looks for.
        if self.frame.close or self.frame.keep_alive:
            found[b"Connection"] = b"close" if self.frame.close else b"Keep-Alive"
        if self.frame.expects:
            found[b"Expect"] = self.frame.expects.encode("latin-1")

    def respond(self) -> None:
        try:
            self.rfile = self._body()
        except Refused as refused:
            self.close_connection = True
            self.simple_response(f"{refused.status} {REASONS[refused.status]}", refused.why)
            return
        self.server.gateway(self).respond()
        self.ensure_headers_sent()
        if self.chunked_write:
            self.conn.wfile.write(b"0\r\n\r\n")

    def _body(self) -> BinaryIO:
        frame, source, heads = self.frame, self.conn.rfile, self.conn.heads
        if frame.length > heads.limits.body_size:
            raise Refused(413, f"a body of more than {heads.limits.body_size} bytes")
        reader: Chunked | Fixed = Chunked(heads) if frame.chunked else Fixed(heads, frame.length)
        rest = None if frame.chunked or frame.length else b""
        while rest is None:
            data = source.peek(1)
            if not data:
                raise ConnectionResetError("the client has gone in the middle of a body")
            rest = reader.feed(data)
            source.read(len(data) - len(rest or b""))
        if frame.chunked:
            self.environ["CONTENT_LENGTH"] = str(reader.store.size)
        return reader.store.finished()


class _Gateway(wsgi.Gateway):
    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]  # its stub says None
        request: _Request = self.req
        return request.environ | {
            "REQUEST_METHOD": request.method.decode("latin-1"),
            "PATH_INFO": request.path.decode("latin-1"),
            "QUERY_STRING": request.qs.decode("latin-1"),
            "REQUEST_URI": request.uri.decode("latin-1"),
            "SERVER_PROTOCOL": request.request_protocol.decode("latin-1"),
            "wsgi.input": request.rfile,
            "wsgi.input_terminated": True,
            **request.conn.peer,
        }

    def respond(self) -> None:
        try:
            self._respond()
        except (SystemExit, KeyboardInterrupt) as error:  # an app's, and no reason to end everybody's requests
            raise RuntimeError(f"the app raised {error!r}") from error

    def _respond(self) -> None:
        pieces = self.req.server.wsgi_app(self.env, self.start_response)
        try:
            for piece in pieces:
                if piece:
                    self.write(piece)
        finally:
            if hasattr(pieces, "close"):
                pieces.close()

    def write(self, piece: bytes) -> None:
        if self.req.method == b"HEAD":
            self.req.ensure_headers_sent()
        else:
            super().write(piece)


class _Connection(server.HTTPConnection):
    RequestHandlerClass = _Request

    def __init__(self, server: "_Server", sock: socket.socket, peer: object, heads: Heads) -> None:
        super().__init__(server, sock)
        self.heads, self.peer = heads, facts_of_peer(peer)
        self.remote_addr = self.peer["REMOTE_ADDR"]

    def close(self) -> None:
        try:
            super().close()
        finally:
            self.server._connections.open.discard(self)


class _Loop:
    """Where connections wait for a request: in place of cheroot's ConnectionManager."""

    can_add_keepalive_connection = True
    """Whether an answer may leave its connection open."""

    def __init__(self, server: "_Server", listeners: Sequence[Listener]) -> None:
        self._server, self._listeners = server, listeners
        limits = Limits(header_size=server.max_request_header_size, body_size=server.max_request_body_size)
        self._heads = [Heads(facts_of(each), limits) for each in listeners]
        self._selector = selectors.DefaultSelector()
        self.open: set[_Connection] = set()
        self.idle: set[_Connection] = set()

    def start(self, woken: int) -> None:
        self._selector.register(woken, selectors.EVENT_READ)
        for listener, heads in zip(self._listeners, self._heads, strict=True):
            self._selector.register(listener.sock, selectors.EVENT_READ, (listener, heads))

    def turn(self, wait: float) -> None:
        """Wait for what comes first; hand requests to the threads, and close what is idle for too long."""
        for key, _ in self._selector.select(wait):
            match key.data:
                case None:
                    os.read(key.fd, 512)
                case _Connection() as connection:
                    self.idle.discard(connection)
                    self._selector.unregister(connection.socket)
                    self._server.process_conn(connection)
                case listener, heads:
                    self._accept(listener, heads)
        old = monotonic() - self._server.timeout
        for connection in [each for each in list(self.idle) if each.last_used < old]:
            self.idle.discard(connection)
            self._selector.unregister(connection.socket)
            connection.close()

    def put(self, connection: "_Connection") -> None:
        """Wait for the next request of a connection. Called by cheroot's threads too."""
        connection.last_used = monotonic()
        if connection.rfile.has_data():
            self._server.process_conn(connection)
        else:
            self.idle.add(connection)
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)

    def stop_accepting(self) -> None:
        for listener in self._listeners:
            self._selector.unregister(listener.sock)
            listener.sock.close()

    def hang_up(self) -> None:
        """Let idle connections come to their end; a request that has arrived just now is read first."""
        for connection in list(self.idle):
            with suppress(OSError):  # the client was faster
                connection.socket.shutdown(socket.SHUT_RD)

    def _accept(self, listener: Listener, heads: Heads) -> None:
        try:
            sock, peer = listener.sock.accept()
        except (BlockingIOError, ConnectionError):  # another process was faster, or the client has gone
            return
        except OSError as error:  # no files or memory: after a moment there may be some again
            logger.warning("Cannot accept: %s", error.strerror)
            sleep(0.1)
            return
        sock.settimeout(self._server.timeout)
        connection = _Connection(self._server, sock, peer, heads)
        self.open.add(connection)
        self.put(connection)


class _Server(wsgi.Server):
    max_request_header_size, max_request_body_size = Limits().header_size, Limits().body_size

    def __init__(self, app: "WSGIApplication", threads: int, listeners: Sequence[Listener], **told: Any) -> None:
        super().__init__(("localhost", 80), app, numthreads=threads, max=threads)
        self.__dict__.update(told)
        self.gateway = _Gateway
        self._connections = _Loop(self, listeners)
        self.ready = True

    def error_log(self, message: str = "", level: int = 20, traceback: bool = False) -> None:
        logger.log(level if level > 20 else 10, "cheroot: %s", message, exc_info=traceback)


class _Beat:
    """The pulse as a connection that cheroot's threads work on."""

    def __init__(self, run: Pulse) -> None:
        self._run = run

    def communicate(self) -> bool:
        self._run()
        return False

    def close(self) -> None:
        """There is nothing to close."""


class Server:
    """cheroot on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._app, self._listeners, self._config = app, listeners, config
        self._told = tuning.chosen(Server, config)
        self._loop: _Loop | None = None
        self._asked = False

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    @classmethod
    def settings(cls) -> tuning.Settings:
        """Those that are cheroot's to obey here: its loop, and so most of them, `_Loop` has replaced."""
        kinds = {"timeout": float, "server_name": str, "max_request_header_size": int, "max_request_body_size": int}
        return tuning.Settings.of(kinds, _REFUSED)

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        server = _Server(self._app, self._config.threads or 4, self._listeners, **self._told)
        server.requests.start()
        self._loop = loop = server._connections
        heart = Heart(pulse, lambda run: server.process_conn(_Beat(run)))
        with wakeup_pipe() as (woken, self._wake):
            loop.start(woken)
            while not self._asked:
                heart.beat()
                loop.turn(_TURN)
            loop.can_add_keepalive_connection = False
            loop.stop_accepting()
            hang_up = monotonic() + self._config.linger
            while loop.open:
                if monotonic() >= hang_up:
                    loop.hang_up()
                heart.beat()
                loop.turn(0.1)
        server.requests.stop()

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._asked = True
        if self._loop is not None:
            self._loop.can_add_keepalive_connection = False
            with suppress(OSError):  # it has seen `_asked` already, and is through
                os.write(self._wake, b".")

    def in_flight(self) -> int:
        """Connections that do anything but wait for a request."""
        return len(self._loop.open - self._loop.idle) if self._loop else 0
