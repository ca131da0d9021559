"""gunicorn's threaded worker, without its arbiter: the process manager is that.

It drains by itself and answers on idle connections for a while; how long is a number of its module. Signals are `lifecycle`'s,
and who the parent is does not matter here. What its loop calls to tell the arbiter that it lives is the pulse.
"""

import os
import socket
from collections.abc import Callable, Iterable, Sequence
from selectors import DefaultSelector
from typing import TYPE_CHECKING, Any

from gunicorn.config import KNOWN_SETTINGS, validate_bool
from gunicorn.config import Config as Settings
from gunicorn.glogging import Logger
from gunicorn.http.wsgi import FileWrapper
from gunicorn.workers import gthread

from ..config import Config
from ..listeners import Listener
from ..option import truth, whole
from . import tuning
from .base import Pulse, no_pulse
from .heart import Heart
from .shield import Shield

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

_SETTINGS = {
    "keepalive": 75,  # seconds: more than the 60 that proxies keep their side
    "worker_connections": 1000,
    "graceful_timeout": 1 << 20,  # whoever calls us bounds it
    "forwarded_allow_ips": "",  # whom to trust is the app's choice, as with every other engine
}
_ALONE = "Only gunicorn's arbiter, or another of its workers, obeys it"
_SECTIONS = {
    "Config File": "Write --config, with options of Chaussette's",
    "HTTP/2": "Choose --backend hypercorn for HTTP/2",
    "Logging": tuning.LOG,
    "SSL": tuning.TLS,
    "Server Hooks": "Write --pre-hook or --post-hook, or wrap the app",
    "Server Socket": tuning.SOCKET,
    **dict.fromkeys(("Control", "Debugging", "Dirty Arbiter Hooks", "Dirty Arbiters", "Process Naming"), _ALONE),
    **dict.fromkeys(("Server Mechanics", "Worker Processes"), _ALONE),
}
"""What is refused, by gunicorn's own sections, but for `_PASSED`."""
_PASSED = {
    *("forwarded_allow_ips", "forwarder_headers", "header_map", "keepalive", "proxy_allow_ips", "proxy_protocol"),
    "worker_connections",
}
_REFUSED = {
    "backlog": tuning.BACKLOG,
    "threads": tuning.THREADS,
    "workers": tuning.PROCESS,
    "graceful_timeout": tuning.DRAIN,
    **dict.fromkeys(("max_requests", "max_requests_jitter"), tuning.RESTART),
    **dict.fromkeys(("permit_obsolete_folding", "strip_header_spaces", "casefold_http_method"), tuning.FRAMING),
    **dict.fromkeys(("permit_unconventional_http_method", "permit_unconventional_http_version"), tuning.FRAMING),
    "sendfile": "Set the environment variable SENDFILE=no",
}


def _parser(setting: Any) -> Callable[[str], Any]:
    """How gunicorn's command line makes a value of a text."""
    if setting.validator is validate_bool:
        return truth
    if setting.type is int:
        return whole(0, 1 << 62)
    if setting.name == "header_map":  # its third way takes X_Name for X-Name
        return tuning.one_of("drop", "refuse")

    def parse(text: str) -> Any:
        made = setting()
        try:
            made.set(text)
        except Exception as error:
            raise ValueError(f"what gunicorn takes: {error}") from None
        return text

    return parse


class _Log(Logger):  # type: ignore[misc]
    def setup(self, cfg: Any) -> None:
        """Where the log goes, `logs` has settled."""
        self._access_log_enabled = False


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
        self._listeners, self._config = listeners, config
        self._told = _SETTINGS | tuning.chosen(Server, config)
        shared = not all(listener.owned for listener in listeners)
        self._app = Shield(app, {"wsgi.multiprocess": shared, "wsgi.file_wrapper": FileWrapper})
        self._names = {each.sock.getsockname()[0]: each.server_name for each in listeners if each.kind != "unix"}
        self._worker: _Worker | None = None
        self._asked = False

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    @classmethod
    def settings(cls) -> tuning.Settings:
        """gunicorn's settings, of those that its worker obeys without the arbiter."""
        sections = {
            each.name: "" if each.name in _PASSED else _SECTIONS.get(each.section, "") for each in KNOWN_SETTINGS
        }
        cannot = {name: reason for name, reason in sections.items() if reason} | _REFUSED
        return tuning.Settings({each.name: _parser(each) for each in KNOWN_SETTINGS if each.name not in cannot}, cannot)

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        settings = Settings()
        for name, value in {**self._told, "threads": self._config.threads or 4}.items():
            settings.set(name, value)
        gthread.STOP_KEEPALIVE_LINGER = self._config.linger
        socks = [socket.socket(fileno=socket.dup(each.sock.fileno())) for each in self._listeners]
        worker = _Worker(0, os.getppid(), socks, None, 0, settings, _Log(settings))
        worker.start(self._named, pulse)
        self._worker = worker
        worker.alive = not self._asked
        worker.run()
        worker.tpool.shutdown()
        worker.tmp.close()

    def _named(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """gunicorn says of a unix socket that it has no name, and of one on all addresses that 0.0.0.0 is."""
        environ["SERVER_NAME"] = self._names.get(environ["SERVER_NAME"], "localhost")
        return self._app(environ, start_response)

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._asked = True
        if self._worker is not None:
            self._worker.handle_exit(None, None)

    def in_flight(self) -> int:
        """Connections that do anything but wait for a request."""
        return self._worker.in_flight if self._worker else 0
