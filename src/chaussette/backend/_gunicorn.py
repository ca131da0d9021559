"""gunicorn's threaded worker.

It drains by itself and answers on idle connections for a while; how long is a number of its module. What its loop calls to tell
the arbiter that it lives is the pulse.
"""

import os
import socket
from collections.abc import Sequence
from selectors import DefaultSelector
from typing import TYPE_CHECKING

from gunicorn.workers import gthread

from ..config import Config
from ..listeners import Listener
from . import tuning
from .base import Pulse, no_pulse
from .gunicorns import Log, Named, configured, settings
from .heart import Heart

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class _Worker(gthread.ThreadWorker):  # type: ignore[misc]
    heart: Heart

    def start(self, app: "WSGIApplication", pulse: Pulse) -> None:
        """What `init_process` does, less what is for a forked child."""
        self.wsgi = app
        self.tpool = self.get_thread_pool()
        self.heart = Heart(pulse, self.tpool.submit)
        self.poller = DefaultSelector()
        self.method_queue.init()

    def notify(self) -> None:
        self.heart.beat()

    def is_parent_alive(self) -> bool:
        return True

    @property
    def in_flight(self) -> int:
        return int(self.nr_conns) - len(self.keepalived_conns) - len(self.pending_conns)


class Server:
    """gunicorn's threaded worker on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._app, self._listeners, self._config = Named(app, listeners), listeners, config
        self._told = tuning.chosen(Server, config)
        self._worker: _Worker | None = None
        self._asked = False

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    @classmethod
    def settings(cls) -> tuning.Settings:
        """gunicorn's settings, of those that its worker obeys without the arbiter."""
        return settings({"threads": tuning.THREADS})

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        told = configured(self._told | {"threads": self._config.threads or 4})
        gthread.STOP_KEEPALIVE_LINGER = self._config.linger
        socks = [socket.socket(fileno=socket.dup(each.sock.fileno())) for each in self._listeners]
        worker = _Worker(0, os.getppid(), socks, None, 0, told, Log(told))
        worker.start(self._app, pulse)
        self._worker = worker
        worker.alive = not self._asked
        worker.run()
        worker.tpool.shutdown()
        worker.tmp.close()

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._asked = True
        if self._worker is not None:
            self._worker.handle_exit(None, None)

    def in_flight(self) -> int:
        """Connections that do anything but wait for a request."""
        return self._worker.in_flight if self._worker else 0
