"""`fastgevent`: our own engine on gevent's hub, see `chaussette.engine.greenlets`. It drains by itself.

The engine is imported before the standard library is patched, and waits by the hub's own watchers: it needs
no patch. The app does, so that its waiting lets the others run.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..config import Config
from ..engine.greenlets import Server as Engine
from ..listeners import Listener
from .base import Pulse, no_pulse
from .hub import awake
from .own import settings, sites
from .patch import patch

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


class Server:
    """The engine of greenlets on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._engine = Engine(app, sites(listeners), spawn=config.spawn, settings=settings(listeners, config))

    @classmethod
    def setup(cls) -> None:
        """Patch the standard library, so that an app that blocks lets the others run."""
        patch()

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        with awake():
            self._engine.serve(pulse)

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._engine.shutdown()

    def in_flight(self) -> int:
        """Requests that are half read, in the app, or half sent."""
        return self._engine.in_flight()
