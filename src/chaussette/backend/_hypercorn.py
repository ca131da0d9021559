"""Hypercorn: ASGI apps on asyncio, over HTTP/1.1 and, in the clear, HTTP/2; WSGI apps in threads, by `bridge`.

It drains by itself, but closes idle connections at once. So a drain takes the listeners out of the loop, waits for the grace,
and then lets Hypercorn end. Its own way to run a WSGI app keeps bodies in memory and answers an empty one with 500.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, cast, get_type_hints

import hypercorn.asyncio
from hypercorn.config import Config as Settings
from hypercorn.config import Sockets
from hypercorn.typing import Framework
from hypercorn.utils import LifespanFailureError

from ..config import Config
from ..errors import AppError
from ..listeners import Listener
from . import tuning
from .aio import ACCEPTED_AT_ONCE, Asgi, Listening, beating, linger, listening
from .base import Pulse, no_pulse
from .heart import Heart
from .idle import is_connected

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_IDLE = 75
"""Seconds that an idle connection is kept: more than the 60 that proxies keep their side. Hypercorn has 5."""
_FOREVER = float(1 << 20)
"""Seconds, for Hypercorn's own deadline of the drain: whoever calls us bounds it."""
_REFUSED = {
    **dict.fromkeys(("bind", "insecure_bind", "quic_bind", "umask"), tuning.SOCKET),
    "backlog": tuning.BACKLOG,
    **dict.fromkeys(("graceful_timeout", "shutdown_timeout"), tuning.DRAIN),
    **dict.fromkeys(
        ("access_log_format", "accesslog", "errorlog", "logconfig", "logconfig_dict", "loglevel"), tuning.LOG
    ),
    **dict.fromkeys(("logger_class", "debug"), tuning.LOG),
    **dict.fromkeys(
        ("ca_certs", "certfile", "ciphers", "keyfile", "keyfile_password", "verify_flags", "verify_mode"), tuning.TLS
    ),
    **dict.fromkeys(("alpn_protocols", "cert_reqs", "ssl_handshake_timeout"), tuning.TLS),
    **dict.fromkeys(("daemon", "group", "pid_path", "user", "worker_class", "workers"), tuning.PROCESS),
    **dict.fromkeys(("max_requests", "max_requests_jitter"), tuning.RESTART),
    "use_reloader": "Write --use-reloader",
    "application_path": tuning.APP,
    "wsgi_max_body_size": tuning.OURS,
}


class _Settings(Settings):
    keep_alive_timeout = _IDLE
    graceful_timeout = _FOREVER
    startup_timeout = _FOREVER
    shutdown_timeout = _FOREVER
    backlog = ACCEPTED_AT_ONCE

    def __init__(self, socks: Sequence[Listening], told: dict[str, Any]) -> None:
        super().__init__()
        for name, value in told.items():
            setattr(self, name, value)
        self._socks = socks
        self.errorlog = logging.getLogger("hypercorn.error")
        self.errorlog.setLevel("WARNING")

    def create_sockets(self) -> Sockets:
        return Sockets([], list(self._socks), [])


class Server(Asgi):
    """Hypercorn on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        super().__init__(app, listeners, config)
        self._told = tuning.chosen(Server, config)

    @classmethod
    def settings(cls) -> tuning.Settings:
        """The attributes of Hypercorn's Config."""
        plain = {name: type(value) for name, value in vars(Settings).items() if not name.startswith("_")}
        kinds = {name: kind for name, kind in plain.items() if kind in (bool, int, float, str, list)}
        hints = {name: kind for name, kind in get_type_hints(Settings).items() if not name.startswith("_")}
        return tuning.Settings.of({**kinds, **hints, "root_path": str}, _REFUSED)

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        try:
            asyncio.run(self._serve(pulse))
        except LifespanFailureError as error:
            raise AppError(f"The app could not start: {error}") from None

    async def _serve(self, pulse: Pulse) -> None:
        socks = [listening(listener) for listener in self._listeners]
        addresses = [sock.getsockname() for sock in socks]
        async with self._asking.heard() as asked, AsyncExitStack() as stack:

            async def asked_and_lingered() -> None:
                await stack.enter_async_context(beating(Heart(pulse, self._run)))  # Hypercorn accepts
                await asked.wait()
                await linger(socks, self._config.linger, lambda: is_connected(addresses))

            await hypercorn.asyncio.serve(
                cast(Framework, self._app),
                _Settings(socks, self._told),
                mode="asgi",
                shutdown_trigger=asked_and_lingered,
            )
