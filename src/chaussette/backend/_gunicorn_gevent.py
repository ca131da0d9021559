"""gunicorn's gevent worker: its own reader of requests, and a greenlet for each connection.

What is taken of the worker is how a connection is worked on. Its loop looks once a second whether it shall end, and then waits
for connections that are idle as long as they like: here the hub is told at once, and what is idle when the grace is over is
hung up.
"""

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import gevent
from gevent.pool import Pool
from gevent.server import StreamServer
from gevent.socket import socket as GeventSocket  # noqa: N812
from gunicorn.workers.ggevent import GeventWorker

from ..config import Config
from ..listeners import Listener
from . import tuning
from .base import Pulse, no_pulse
from .gunicorns import Log, Named, configured, settings
from .hub import Asking
from .idle import is_busy
from .patch import patch

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class _Worker(GeventWorker):  # type: ignore[misc]
    def __init__(self, app: "WSGIApplication", *arguments: Any) -> None:
        super().__init__(*arguments)
        self.wsgi = app
        self.clients: dict[gevent.Greenlet, Any] = {}
        self.waiting: set[Any] = set()
        """Those of the clients whose next request is not there, in full at least."""

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        greenlet = gevent.getcurrent()
        self.clients[greenlet] = client
        try:
            super().handle(listener, client, addr)
        finally:
            del self.clients[greenlet]

    @contextmanager
    def timeout_ctx(self) -> Iterator[None]:
        """The time that a connection has for its next request."""
        client = self.clients[gevent.getcurrent()]
        self.waiting.add(client)
        try:
            with super().timeout_ctx():
                yield
        finally:
            self.waiting.discard(client)


class _Server(StreamServer):  # type: ignore[misc]
    def __init__(self, worker: _Worker, listener: Listener, pool: Pool) -> None:
        # A duplicate, because closing it is how gevent stops accepting, and the listener is not ours to close.
        sock = GeventSocket(fileno=socket.dup(listener.sock.fileno()))
        super().__init__(sock, handle=partial(worker.handle, sock), spawn=pool)
        if not listener.owned:
            self.max_accept = 1  # somebody else may serve on it


class Server:
    """gunicorn's gevent worker on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._app, self._listeners, self._config = Named(app, listeners), listeners, config
        self._told = tuning.chosen(Server, config)
        self._worker: _Worker | None = None
        self._asking = Asking()

    @classmethod
    def setup(cls) -> None:
        """Patch the standard library, so that an app that blocks lets the others run."""
        patch()

    @classmethod
    def settings(cls) -> tuning.Settings:
        """gunicorn's settings, of those that its worker obeys without the arbiter."""
        return settings({"threads": "It has greenlets: write --spawn", "worker_connections": "Write --spawn"})

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        told = configured(self._told)
        worker = self._worker = _Worker(self._app, 0, os.getppid(), [], None, 0, told, Log(told))
        pool = Pool(self._config.spawn)
        servers = [_Server(worker, listener, pool) for listener in self._listeners]
        with self._asking.heard(pulse) as asked:
            worker.alive = not self._asking.asked
            for server in servers:
                server.start()
            asked.wait()
            for server in servers:
                server.close()
            for listener in self._listeners:
                listener.sock.close()
            self._drain(worker, pool)
        worker.tmp.close()

    def shutdown(self) -> None:
        """Ask for the drain."""
        if self._worker is not None:
            self._worker.alive = False
        self._asking.ask()

    def in_flight(self) -> int:
        """Connections that do anything but wait for a request."""
        return len(self._worker.clients) - len(self._worker.waiting) if self._worker else 0

    def _drain(self, worker: _Worker, pool: Any) -> None:
        wait = self._config.linger
        while not pool.join(timeout=wait):
            for client in [each for each in worker.waiting if not is_busy(each)]:
                with suppress(OSError):  # the client was faster
                    client.shutdown(socket.SHUT_RD)
            wait = 0.2
