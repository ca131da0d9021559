"""The app as granian's workers call it, of either kind.

What is put right of granian's own way to run WSGI apps: it knows no `write()` and puts the process's environment, secrets too,
into the app's; of a client without HTTP/1.1's minor version and Host it makes up others.

hyper drops a Content-Length that comes with a Transfer-Encoding, so what came with both passes for chunked alone: after a
chunked request the connection is closed, as RFC 9112, section 6.3, demands where there were both.
"""

from collections import deque
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from functools import partial
from threading import Semaphore, get_ident
from typing import TYPE_CHECKING, Any, Protocol, cast

from granian._futures import _future_watcher_wrapper
from granian._granian import ASGIWorker, SocketHolder, WSGIWorker
from granian.asgi import LifespanProtocol
from granian.http import HTTP1Settings

from ..errors import AppError
from ..listeners import Listener
from .base import Pulse
from .facts import facts_of
from .goodbye import ASGIApp, Goodbye, Message, Receive, Send
from .shield import Shield

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication, WSGIEnvironment

_CONNECTIONS = 1000
"""How many a listener has open at once, idle ones too; more wait in the accept queue."""
_RUST_THREADS = 1
_BLOCKING_THREADS = 512  # granian's default: they start as they are needed
_THREAD_IDLE = 30  # seconds, granian's default
_CLOSE = ("connection", "close")


class Kind(Protocol):
    """What differs between WSGI and ASGI."""

    closing: bool

    @property
    def in_flight(self) -> int: ...

    def run(self, task: Pulse) -> None:
        """Run a task by whoever would serve a request that came now."""

    async def start(self) -> None:
        """Make the app ready. Raises AppError."""

    async def stop(self) -> None:
        """Let the app know that no more requests come."""

    def worker(self, listener: Listener, holder: SocketHolder) -> tuple[Any, Callable[..., Any]]:
        """granian's worker for a listener, and what it calls for each request."""
        ...


class Wsgi:
    """A WSGI app in granian's threads. Each listener has its own, and as many requests run as there are for one."""

    def __init__(self, app: "WSGIApplication", listeners: int, threads: int, http: HTTP1Settings | None) -> None:
        self._app, self._threads, self._http = app, threads, http
        # One listener has no more threads than may run, so its requests need not pay for a semaphore.
        self._free = Semaphore(threads) if listeners > 1 else nullcontext()
        self._at_work: set[int] = set()
        self._shields: list[Shield] = []
        self._tasks: deque[Pulse] = deque()

    @property
    def closing(self) -> bool:
        return any(shield.closing for shield in self._shields)

    @closing.setter
    def closing(self, truth: bool) -> None:
        for shield in self._shields:
            shield.closing = truth

    @property
    def in_flight(self) -> int:
        return len(self._at_work)

    async def start(self) -> None:
        """There is nothing to start."""

    async def stop(self) -> None:
        """There is nothing to stop."""

    def run(self, task: Pulse) -> None:
        """Run a task at once if a thread is free, else when one has become free."""
        self._tasks.append(task)
        if len(self._at_work) < self._threads:
            self._run_tasks()

    def worker(self, listener: Listener, holder: SocketHolder) -> tuple[Any, Callable[..., Any]]:
        facts = facts_of(listener) | {"SCRIPT_NAME": "", "wsgi.input_terminated": True}
        shield = Shield(self._app, facts)
        self._shields.append(shield)
        worker = WSGIWorker(
            *(1, (None, holder), None, _RUST_THREADS, _BLOCKING_THREADS, self._threads, _THREAD_IDLE, _CONNECTIONS),
            http1_opts=self._http,
        )
        return worker, partial(self._respond, shield)

    def _respond(self, shield: Shield, protocol: Any, environ: "WSGIEnvironment") -> None:
        me = get_ident()
        self._at_work.add(me)
        try:
            with self._free:
                _answer(shield, protocol, environ)
        finally:
            self._at_work.discard(me)
            if self._tasks:
                self._run_tasks()

    def _run_tasks(self) -> None:
        with suppress(IndexError):  # another thread was faster
            self._tasks.popleft()()


def _answer(shield: Shield, protocol: Any, environ: "WSGIEnvironment") -> None:
    if not environ.get("HTTP_HOST", "."):  # there was none
        del environ["HTTP_HOST"]
    if environ["SERVER_PROTOCOL"] == "HTTP/1":
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"
    code, headers = 500, list[tuple[str, str]]()

    def start(status: str, pairs: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], object]:
        nonlocal code, headers
        code, headers = int(status.partition(" ")[0]), pairs
        return lambda piece: None  # Shield has its own

    pieces: Iterable[bytes] = shield(environ, start)
    if "HTTP_TRANSFER_ENCODING" in environ:
        headers = [*(each for each in headers if each[0].lower() != "connection"), _CLOSE]
    if isinstance(pieces, list | tuple):
        protocol.response_bytes(code, headers, b"".join(pieces))
    else:
        protocol.response_iter(code, headers, pieces)


class Asgi:
    """An ASGI app on the main thread's loop."""

    def __init__(self, app: ASGIApp, http: HTTP1Settings | None) -> None:
        self._http = http
        self._app = Goodbye(app, hides_length=True)
        self._life = LifespanProtocol(app)

    @property
    def closing(self) -> bool:
        return self._app.closing

    @closing.setter
    def closing(self, truth: bool) -> None:
        self._app.closing = truth

    @property
    def in_flight(self) -> int:
        return self._app.in_flight

    async def start(self) -> None:
        await self._life.startup()
        if self._life.interrupt:
            raise AppError("The app could not start, see above.")

    async def stop(self) -> None:
        await self._life.shutdown()

    def run(self, task: Pulse) -> None:
        """Run a task: the loop that runs this is the app's."""
        task()

    def worker(self, listener: Listener, holder: SocketHolder) -> tuple[Any, Callable[..., Any]]:
        worker = ASGIWorker(
            *(1, (None, holder), None, _RUST_THREADS, _BLOCKING_THREADS, 1, _THREAD_IDLE, _CONNECTIONS),
            http1_opts=self._http,
            websockets_enabled=True,
        )
        return worker, _future_watcher_wrapper(self._respond)

    async def _respond(self, scope: Message, protocol: Any) -> None:
        scope.update(root_path="", state=self._life.state.copy())
        if scope["http_version"] == "1":
            scope["http_version"] = "1.0"
        await self._app(scope, cast(Receive, protocol.receive), cast(Send, protocol.send))
