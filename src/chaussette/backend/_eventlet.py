"""eventlet's WSGI server: a greenlet for each connection. Its own maintainers plan to retire it.

What is eventlet's here is how a connection is worked on. Its loop that accepts knows no drain, and takes all AF_UNIX clients
for one: `_accept` is in its place. What else is put right:

- Its sockets, which take the place of the standard library's, guess the family of a file descriptor: IPv4, always.
- Its reader of heads takes two Content-Lengths, `+5` and `Host : x`, and takes the body of an unknown coding for a request.
- It says HTTP/1.0 of every request and text/plain of every body, has no QUERY_STRING where there is none, and sends the body of
  an answer to HEAD.

The hub must not be blocked, and a signal handler may run inside it, where nothing may wait: `shutdown()` only writes to a pipe.
"""

import socket
import threading
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from os import read, write  # now: the patched ones wait, and a signal handler must not
from time import monotonic
from typing import TYPE_CHECKING, Any

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of its end: the log says that
    import eventlet
from eventlet import wsgi
from eventlet.green.threading import current_thread as green_current_thread
from eventlet.greenio import GreenSocket
from eventlet.hubs import trampoline
from eventlet.semaphore import Semaphore

from ..config import Config
from ..listeners import Listener
from ..logs import logger
from .base import Pulse, no_pulse
from .facts import facts_of, facts_of_peer
from .framing import check_framing
from .shield import Shield
from .wakeup import wakeup_pipe

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_CONNECTIONS = 1000
"""How many it has open at once, idle ones too, unless `--spawn` says another number; more wait in the accept queue."""
_TIMEOUT = 75
"""Seconds that a client may take for its next request, or be silent: more than the 60 that proxies keep their side."""
_TURN = 0.05
"""Seconds between two looks at the connections in a drain."""


class _Handler(wsgi.HttpProtocol):  # type: ignore[misc]
    def _read_request_line(self) -> Any:
        self.connection.settimeout(_TIMEOUT)
        self.server.waiting.add(self)
        try:
            self.rfile.peek(1)  # what has begun to arrive is not idle, and not cut when the grace is over
        except ConnectionError:
            return b""
        finally:
            self.server.waiting.discard(self)
        return super()._read_request_line()

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        try:
            check_framing(self.headers, self.request_version)
        except ValueError as error:
            self.send_error(400, str(error))
            self.close_connection = True
            return False
        return True

    def get_environ(self) -> Any:
        environ = super().get_environ()
        del environ["REMOTE_PORT"], environ["headers_raw"]  # a list, where PEP 3333 wants text
        if "content-type" not in self.headers:
            del environ["CONTENT_TYPE"]
        environ.setdefault("QUERY_STRING", "")
        return environ | {
            **self.server.facts,
            **facts_of_peer(self.client_address),
            "SERVER_PROTOCOL": self.request_version,
            "chaussette.handler": self,
        }

    def log_message(self, format: str, *args: Any) -> None:
        """No access log: it is no engine's own business."""


class _Server(wsgi.Server):  # type: ignore[misc]
    def __init__(self, app: "WSGIApplication", listener: Listener) -> None:
        super().__init__(
            *(listener.sock, listener.sock.getsockname(), self._answer),
            protocol=_Handler,
            max_http_version=wsgi.DEFAULT_MAX_HTTP_VERSION,
            minimum_chunk_size=1,  # each piece is sent when the app has made it
            socket_timeout=_TIMEOUT,
            log_output=False,
            debug=False,  # no traceback for the client
        )
        self.facts = facts_of(listener) | {"wsgi.input_terminated": True}
        self.draining = False
        self.open: set[Any] = set()
        self.waiting: set[_Handler] = set()
        self._shield = Shield(app, {})

    def _answer(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        handler = environ.pop("chaussette.handler")

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            kept = [pair for pair in headers if pair[0].lower() != "connection"]
            if self.draining or len(kept) < len(headers):  # an app that says Connection means close
                handler.close_connection = True
            return start_response(status, kept)

        return self._shield(environ, start)


class Server:
    """eventlet on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._app, self._listeners, self._config = app, listeners, config
        self._servers: list[_Server] = []
        self._asked = False
        self._wake = -1

    @classmethod
    def setup(cls) -> None:
        """Patch the standard library, so that an app that blocks lets the others run."""
        eventlet.monkey_patch()
        GreenSocket.__init__.__defaults__ = (-1,)  # let the kernel tell the family
        # Threads are known by their greenlets now, but for the main one, which signal handlers are for.
        threading._active[threading.get_ident()] = threading.main_thread()  # type: ignore[attr-defined]
        threading.current_thread = _current_thread

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        logger.warning("eventlet is about to be retired by its maintainers: --backend gevent and fastgevent are not")
        room = Semaphore(self._config.spawn or _CONNECTIONS)
        self._servers = [_Server(self._app, listener) for listener in self._listeners]
        with wakeup_pipe() as (woken, self._wake):
            loops = [eventlet.spawn(_accept, server, room) for server in self._servers]
            heart = eventlet.spawn(_beat, pulse)
            while not self._asked:
                trampoline(woken, read=True)
                read(woken, 512)
            for loop in loops:
                loop.kill()
            self._drain()
            heart.kill()
            self._wake = -1

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._asked = True
        for server in self._servers:
            server.draining = True
        if self._wake != -1:
            with suppress(OSError):  # it has seen `_asked` already, and is through
                write(self._wake, b".")

    def in_flight(self) -> int:
        """Connections that do anything but wait for a request."""
        return sum(len(server.open) - len(server.waiting) for server in self._servers)

    def _drain(self) -> None:
        for server, listener in zip(self._servers, self._listeners, strict=True):
            server.draining = True
            listener.sock.close()
        hang_up = monotonic() + self._config.linger
        while any(server.open for server in self._servers):
            if monotonic() >= hang_up:
                for handler in [each for server in self._servers for each in server.waiting]:
                    with suppress(OSError):  # the client was faster
                        handler.connection.shutdown(socket.SHUT_RD)
            eventlet.sleep(_TURN)


def _current_thread() -> threading.Thread:
    """What logging asks, in a signal handler too: and eventlet raises KeyError in a greenlet that ends just then."""
    try:
        return green_current_thread()  # type: ignore[no-any-return]
    except KeyError:
        return threading.main_thread()


def _accept(server: _Server, room: Semaphore) -> None:
    """Accept while there is room. It may be killed wherever it waits: there it has accepted nothing."""
    listener = GreenSocket(server.socket)
    listener.setblocking(False)
    while True:
        trampoline(listener, read=True)
        room.acquire()
        try:
            sock, peer = listener.accept()
        except (BlockingIOError, ConnectionError):  # another process was faster, or the client has gone
            room.release()
        except OSError as error:  # no files or memory: after a moment there may be some again
            room.release()
            logger.warning("Cannot accept: %s", error.strerror)
            eventlet.sleep(0.1)
        else:
            server.open.add(sock)
            eventlet.spawn(_work, server, room, GreenSocket(sock), peer)


def _work(server: _Server, room: Semaphore, sock: Any, peer: object) -> None:
    try:
        server.process_request([peer, sock, wsgi.STATE_IDLE])
    except OSError as error:
        logger.debug("A connection ended: %s", error)
    finally:
        sock.close()
        server.open.discard(sock.fd)
        room.release()


def _beat(pulse: Pulse) -> None:
    while True:
        pulse()
        eventlet.sleep(1)
