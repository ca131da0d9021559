"""uvicorn: ASGI apps on asyncio; WSGI apps in threads, by `bridge`.

It drains by itself, but closes idle connections at once, and handles signals itself, which `lifecycle` does here. So a drain
takes the listeners out of the loop, waits for the grace, and then lets uvicorn end.

Of its loops it has asyncio's own: libuv, below uvloop, would call `listen(2)` on a socket that is not ours.
"""

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, get_type_hints

import uvicorn
from uvicorn.config import HTTP_PROTOCOLS, WS_PROTOCOLS
from uvicorn.importer import import_from_string

from ..config import Config
from ..interface import is_asgi
from ..listeners import Listener
from . import tuning
from .aio import ACCEPTED_AT_ONCE, Asgi, beating, linger, listening
from .base import Pulse, no_pulse
from .heart import Heart

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_IDLE = 75
"""Seconds that an idle connection is kept: more than the 60 that proxies keep their side. uvicorn has 5."""
_REFUSED = {
    **dict.fromkeys(("host", "port", "uds", "fd"), tuning.SOCKET),
    "backlog": tuning.BACKLOG,
    "loop": "libuv, below uvloop, would call listen(2) on a socket that is not ours",
    "timeout_graceful_shutdown": tuning.DRAIN,
    **dict.fromkeys(("log_config", "log_level", "access_log", "use_colors"), tuning.LOG),
    **dict.fromkeys(
        ("workers", "timeout_worker_healthcheck", "env_file", "callback_notify", "timeout_notify"), tuning.PROCESS
    ),
    **dict.fromkeys(("limit_max_requests", "limit_max_requests_jitter"), tuning.RESTART),
    "reload": "Write --use-reloader",
    **dict.fromkeys(("reload_dirs", "reload_delay", "reload_includes", "reload_excludes"), "Write --use-reloader"),
    **dict.fromkeys(
        ("ssl_keyfile", "ssl_certfile", "ssl_keyfile_password", "ssl_version", "ssl_cert_reqs"), tuning.TLS
    ),
    **dict.fromkeys(("ssl_ca_certs", "ssl_ciphers", "ssl_context_factory"), tuning.TLS),
    **dict.fromkeys(("app", "interface"), tuning.APP),
    "factory": "Write --factory",
    "http2": "Choose --backend hypercorn for HTTP/2",
    "headers": tuning.NO_TEXT,
}
_HTTP = ("auto", "h11", "httptools")
"""uvicorn's parsers of which the framing is tested here."""


class _Server(uvicorn.Server):
    heart: Heart

    async def main_loop(self) -> None:
        """uvicorn accepts."""
        async with beating(self.heart):
            await super().main_loop()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """uvicorn waits for what is in flight."""
        async with beating(self.heart):
            await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are not uvicorn's here."""
        yield


class Server(Asgi):
    """uvicorn on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        super().__init__(app, listeners, config)
        self._told = tuning.chosen(Server, config)
        self._is_asgi = is_asgi(app)

    @classmethod
    def settings(cls) -> tuning.Settings:
        """The arguments of uvicorn's Config."""
        hints = get_type_hints(uvicorn.Config.__init__)
        hints.pop("return", None)
        found = tuning.Settings.of(hints, _REFUSED, _check)
        return found._replace(can={**found.can, "http": tuning.one_of(*_HTTP)})

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        asyncio.run(self._serve(pulse))

    async def _serve(self, pulse: Pulse) -> None:
        socks = [listening(listener) for listener in self._listeners]
        server = _Server(
            uvicorn.Config(
                self._app,
                **{
                    "loop": "asyncio",
                    "interface": "asgi3",
                    "lifespan": "auto" if self._is_asgi else "off",
                    "ws": "auto" if self._is_asgi else "none",
                    "proxy_headers": False,  # whom to trust is the app's choice, as with every other engine
                    "backlog": ACCEPTED_AT_ONCE,
                    "timeout_keep_alive": _IDLE,
                    "log_config": None,
                    "log_level": "warning",
                    "access_log": False,
                    **self._told,
                },
            )
        )
        server.heart = Heart(pulse, self._run)
        async with self._asking.heard() as asked:
            serving = asyncio.create_task(server.serve(sockets=list(socks)))
            await asyncio.wait([serving, asyncio.create_task(asked.wait())], return_when=asyncio.FIRST_COMPLETED)
            await linger(socks, self._config.linger, lambda: bool(server.server_state.connections))
            server.should_exit = True
            await serving


def _check(values: dict[str, Any]) -> None:
    """Raises ValueError for a parser, or a WebSocket library, that is not installed."""
    for key, known in (("http", HTTP_PROTOCOLS), ("ws", WS_PROTOCOLS)):
        try:
            import_from_string(known[values[key]] if key in values else None)
        except ImportError as error:
            raise ValueError(f"{values[key]} needs {error.name}, which is not installed") from None
