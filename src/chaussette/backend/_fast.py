"""`fast`: our own engine of threads, see `chaussette.engine.threads`. It drains by itself; here it learns the
options."""

import _thread
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..config import Config
from ..engine.threads import Server as Engine
from ..errors import BackendError
from ..listeners import Listener
from .base import Pulse, no_pulse
from .own import settings, sites

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class Server:
    """The engine of threads on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        if _thread.start_new_thread.__module__ != "_thread":
            raise BackendError(
                "--backend fast serves by threads, and the app has made greenlets of them (the monkey patch of gevent or "
                "eventlet): choose --backend fastgevent."
            )
        self._engine = Engine(app, sites(listeners), threads=config.threads or 4, settings=settings(listeners, config))

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        self._engine.serve(pulse)

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._engine.shutdown()

    def in_flight(self) -> int:
        """Requests that are half read, in the app, or half sent."""
        return self._engine.in_flight()
