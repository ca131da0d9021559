"""meinheld: a server in C on its own event loop. Fast, without a maintainer since 2020, one request at a time.

What has to be put right: it says that SERVER_NAME and SERVER_PORT are 127.0.0.1 and 8000, takes IPv6 and unix clients'
addresses for IPv4 ones. `shield` does the rest, such as a file_wrapper that delivers part of a file. What has to be put right
in C is done where it is built, see `install`. Its way to patch the standard library is of 2013 and fails at the first socket,
so it is left alone.

It installs C signal handlers of its own when its loop starts; ours are put back from inside the loop.
"""

import signal
import socket
from collections.abc import Iterable, Sequence
from threading import current_thread, main_thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from meinheld import server

from ..config import Config
from ..listeners import Listener
from ..logs import logger
from ..option import whole
from . import tuning
from .base import Pulse, no_pulse
from .idle import busy, hang_up_idle
from .shield import Shield

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_KEEP_ALIVE = 10
"""Seconds that an idle connection is kept: less than the proxies in front keep theirs, they reconnect without harm."""
_BODY_LIMIT = 1 << 30
"""Bytes in a request body. meinheld's own limit resets the connection at about 15 MB."""
_REFUSED = {
    "listen_socket": tuning.SOCKET,
    "backlog": tuning.BACKLOG,
    **dict.fromkeys(("access_logger", "error_logger"), tuning.LOG),
    **dict.fromkeys(("watchdog", "fastwatchdog"), tuning.OURS),
}
_ITS_SIGNALS = (signal.SIGINT, signal.SIGTERM)
"""The signals that meinheld handles in C while its loop runs."""
_FOREVER = 1 << 20
"""Seconds, for meinheld's own drain timeout: whoever calls us bounds the drain."""


class Server:
    """meinheld on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._app, self._listeners, self._config = app, listeners, config
        self._told = {"keepalive": _KEEP_ALIVE, "max_content_length": _BODY_LIMIT} | tuning.chosen(Server, config)
        self._addresses: list[object] = []
        self._hang_up = float("inf")
        self._asked = False
        self._pulse: Pulse = no_pulse

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    @classmethod
    def settings(cls) -> tuning.Settings:
        """The numbers that meinheld has a function to set, and one to get."""
        names = [name.removeprefix("set_") for name in dir(server) if name.startswith("set_")]
        can = {name: whole(0, 1 << 31) for name in names if hasattr(server, f"get_{name}") and name not in _REFUSED}
        return tuning.Settings(can, _REFUSED)

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        self._addresses = [listener.sock.getsockname() for listener in self._listeners]
        server.set_access_logger(None)
        server.set_error_logger(_Errors)
        for name, value in self._told.items():
            getattr(server, f"set_{name}")(value)
        server.set_watchdog(self._tick)
        server.set_listen_socket([socket.dup(listener.sock.fileno()) for listener in self._listeners])
        handlers = {number: signal.getsignal(number) for number in _ITS_SIGNALS}
        self._pulse = pulse
        server.schedule_call(0, lambda: self._begin(handlers))
        # One that comes before ours are back must wait: meinheld's handler would end the loop without a drain.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ITS_SIGNALS)
        server.run(self._environ_put_right())

    def shutdown(self) -> None:
        """Ask for the drain."""
        if not self._asked:
            self._asked = True
            self._hang_up = monotonic() + self._config.linger
            self._stop_accepting()

    def in_flight(self) -> int:
        """Connections that are not idle, as far as the kernel can tell."""
        return len(busy(self._addresses))

    def _begin(self, handlers: dict[signal.Signals, Any]) -> None:
        """What the loop does first: put our signal handlers back, and obey a `shutdown()` that came before it ran."""
        if current_thread() is main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _ITS_SIGNALS)
        if self._asked:
            self._stop_accepting()
        self._pulse()

    def _stop_accepting(self) -> None:
        server.set_keepalive(0)  # from now on an answer says `Connection: close`, and is the last
        server.shutdown(_FOREVER)

    def _tick(self) -> None:
        """Called by the loop about once a second."""
        self._pulse()
        if monotonic() >= self._hang_up:
            hang_up_idle(self._addresses)

    def _environ_put_right(self) -> "WSGIApplication":
        app = Shield(self._app, {})
        facts = {_place(listener.sock): (listener.server_name, listener.server_port) for listener in self._listeners}
        name, port = next(iter(facts.values()))

        def one_ipv4(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
            environ["SERVER_NAME"] = name
            environ["SERVER_PORT"] = port
            return app(environ, start_response)

        def any_kind(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
            sock = socket.socket(fileno=environ["meinheld.client"].get_fd())
            try:
                peer, place = sock.getpeername(), _place(sock)
            finally:
                sock.detach()
            environ["SERVER_NAME"], environ["SERVER_PORT"] = facts[place]
            if isinstance(peer, tuple):
                environ["REMOTE_ADDR"], environ["REMOTE_PORT"] = peer[0], str(peer[1])
            else:
                environ["REMOTE_ADDR"] = ""
                del environ["REMOTE_PORT"]
            return app(environ, start_response)

        return one_ipv4 if [listener.kind for listener in self._listeners] == ["tcp"] else any_kind


def _place(sock: socket.socket) -> object:
    """What a listener and the connections that it accepts have in common: the port, or the path."""
    name = sock.getsockname()
    return name[1] if isinstance(name, tuple) else name


class _Errors:
    """What meinheld calls for an error: it passes an exception triple."""

    @staticmethod
    def error(*exc_info: object) -> None:
        logger.error("meinheld: an error in the app or a connection", exc_info=exc_info)  # type: ignore[arg-type]
