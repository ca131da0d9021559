"""waitress, the default engine: pure Python, threads, strict about framing.

waitress has no drain: at SystemExit it cancels what waits for a thread. So its loop is turned here, one step at a time,
and after `shutdown()` until the last connection is gone. An idle connection is told by three facts of a channel: no
request that runs or waits, none that is half read, no output left.

`_start=False` keeps waitress from calling `listen()` again, which would put its backlog in place of the manager's. One
server for each listener, all on one loop and one set of threads: waitress itself refuses TCP beside AF_UNIX.
"""

import encodings.idna  # noqa: F401 - for the host that waitress looks up: an unicodedata.py of the app must not be it
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from waitress import create_server, wasyncore
from waitress.adjustments import Adjustments, asbool, aslist, asset
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.task import ThreadedTaskDispatcher, WSGITask

from ..config import Config
from ..listeners import Listener
from ..option import truth
from . import tuning
from .base import Pulse, no_pulse
from .heart import Heart

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_SETTINGS = {
    # Whether to trust a proxy's headers is the app's choice, as with every other engine.
    "clear_untrusted_proxy_headers": False,
    # waitress stops accepting at 100, for the sake of select(2); the loop here uses poll(2). Half of the 1,024 file
    # descriptors that a process usually has, as a request and its answer may each need one for a temporary file.
    "connection_limit": 500,
}
_REFUSED = {
    **dict.fromkeys(("host", "port", "listen", "ipv4", "ipv6", "sockets", "unix_socket"), tuning.SOCKET),
    "unix_socket_perms": "Write --unix-mode",
    "backlog": tuning.BACKLOG,
    "threads": tuning.THREADS,
    "server_name": tuning.SOCKET,
    **dict.fromkeys(("asyncore_loop_timeout", "asyncore_use_poll"), tuning.OURS),
}
_PARSERS = {int: tuning.integer, asbool: truth, aslist: tuning.several, asset: tuning.several}
"""In place of waitress's own casts, of which some take anything and others say nothing of what they want."""
_TURN = 1.0
"""Seconds that one step of the loop waits at most. Signals and answers wake it by waitress's trigger; this is for timers."""


class _Task(WSGITask):  # type: ignore[misc]
    shared = False

    @property
    def has_body(self) -> bool:
        """Whether the answer may have one; that to HEAD may not."""
        if self.request.command != "HEAD":
            return bool(super().has_body)
        self.logged_write_no_body = True  # it is no mistake of the app's
        return False

    def execute(self) -> None:
        # waitress keeps the environ that it makes here, and takes it again.
        environ = self.get_environment()
        environ["wsgi.multiprocess"] = self.shared
        if self.request.command == "HEAD":  # waitress sends the file
            del environ["wsgi.file_wrapper"]
        try:
            WSGITask.execute(self)
        except (SystemExit, KeyboardInterrupt) as error:  # waitress would leave the client without an answer
            raise RuntimeError(f"the app raised {error!r}") from error


class _UnixTask(_Task):
    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        environ.pop("REMOTE_PORT", None)
        return environ


class _LastTask(_Task):
    """A task of the drain: its answer says `Connection: close`.

    The app may not say that itself (PEP 3333 forbids hop-by-hop headers), but the client may: then waitress obeys.
    """

    def build_response_header(self) -> bytes:
        self.request.headers["CONNECTION"] = "close"
        head: bytes = super().build_response_header()
        return head


class _LastUnixTask(_LastTask, _UnixTask):
    pass


class _Headers(dict[str, str]):
    """Remembers the codings, which waitress takes out: for it `chunked, chunked` is chunked, and an empty list is none."""

    coding: str | None = None

    def pop(self, key: str, default: Any = None) -> Any:
        found = super().pop(key, None)
        if key == "TRANSFER_ENCODING":
            self.coding = found
        return default if found is None else found


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    def parse_header(self, header_plus: bytes) -> None:
        self.headers = headers = _Headers()
        super().parse_header(header_plus)
        host = headers.get("HOST", "" if self.version == "1.1" else "none")
        if not host or "," in host:  # it joins what comes twice
            raise ParsingError("no Host, or two")
        coding = headers.get("TRANSFER_ENCODING", headers.coding)
        if coding is not None and (coding.lower() != "chunked" or not self.chunked):
            raise ParsingError("a transfer coding other than one chunked, or in HTTP/1.0")
        if self.chunked and "CONTENT_LENGTH" in self.headers:  # RFC 9112, section 6.3: somebody else may read the other
            raise ParsingError("both Content-Length and Transfer-Encoding")


class _Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = _Parser
    last_task_class = _LastTask

    @property
    def idle(self) -> bool:
        return not self.requests and self.request is None and not self.total_outbufs_len


def _channels_of(listener: Listener) -> type[_Channel]:
    """The class of one listener's channels. What never changes is in classes, so that a request does not pay for it."""
    tasks = (_UnixTask, _LastUnixTask) if listener.kind == "unix" else (_Task, _LastTask)
    task, last = (type(base.__name__, (base,), {"shared": not listener.owned}) for base in tasks)
    return type("Channel", (_Channel,), {"task_class": task, "last_task_class": last})


class _Beat:
    """The pulse as a task of waitress's threads."""

    def __init__(self, run: Pulse) -> None:
        self.service = run

    def cancel(self) -> None:
        """What becomes of a task that waits when the threads end: nothing."""


def _heart(threads: ThreadedTaskDispatcher, pulse: Pulse) -> Heart:
    def submit(run: Pulse) -> None:
        with threads.lock:  # not `add_task`, which warns of requests that have to wait
            threads.queue.append(_Beat(run))
            threads.queue_cv.notify()

    return Heart(pulse, submit)


class Server:
    """waitress on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._app, self._listeners, self._config = app, listeners, config
        self._adjustments = _SETTINGS | tuning.chosen(Server, config)
        self._map: dict[int, Any] = {}
        self._servers: list[Any] = []
        self._stop = False

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    @classmethod
    def settings(cls) -> tuning.Settings:
        """waitress's adjustments."""
        can = {name: _PARSERS.get(cast, cast) for name, cast in Adjustments._params if name not in _REFUSED}
        return tuning.Settings(can, _REFUSED, lambda values: Adjustments(sockets=[], **values))

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        threads = ThreadedTaskDispatcher()
        threads.set_thread_count(self._config.threads or 4)
        self._servers = [self._open(listener, threads) for listener in self._listeners]
        turn, sockets, heart = wasyncore.poll2, self._map, _heart(threads, pulse)
        while not self._stop:
            heart.beat()
            turn(_TURN, sockets)
        self._drain(heart)
        threads.shutdown()
        for server in self._servers:
            server.trigger.close()

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._stop = True
        for server in self._servers:
            server.channel_class.task_class = server.channel_class.last_task_class
            server.pull_trigger()

    def in_flight(self) -> int:
        """Requests that run, wait for a thread, are half read or half sent."""
        return sum(max(len(channel.requests), 1) for channel in self._channels() if not channel.idle)

    def _open(self, listener: Listener, threads: ThreadedTaskDispatcher) -> Any:
        server = create_server(
            self._app,
            map=self._map,
            _start=False,
            _dispatcher=threads,
            sockets=[listener.sock],
            server_name=listener.server_name,
            threads=self._config.threads or 4,
            **self._adjustments,
        )
        server.channel_class = _channels_of(listener)
        server.accepting = True
        if listener.kind == "unix":  # waitress says "localhost" of the client, and the path for a port
            server.effective_port = listener.server_port
            server.fix_addr = lambda _: ("", None)
        return server

    def _drain(self, heart: Heart) -> None:
        for server in self._servers:
            server.accepting = False
            server.del_channel()
            server.socket.close()
        hang_up = monotonic() + self._config.linger
        while self._channels():
            if monotonic() >= hang_up:
                for channel in self._channels():
                    channel.will_close = channel.will_close or channel.idle
            heart.beat()
            wasyncore.poll2(0.1, self._map)

    def _channels(self) -> list[Any]:
        return [channel for server in self._servers for channel in list(server.active_channels.values())]
