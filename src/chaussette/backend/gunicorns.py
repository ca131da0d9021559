"""What gunicorn's workers share here, whatever works on their requests: settings, a log, and the app as they call it.

A worker runs without gunicorn's arbiter: the process manager is that. Signals are `lifecycle`'s, and who the parent is does
not matter.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from gunicorn.config import KNOWN_SETTINGS, validate_bool
from gunicorn.config import Config as Settings
from gunicorn.glogging import Logger
from gunicorn.http.wsgi import FileWrapper

from ..listeners import Listener
from ..option import truth, whole
from . import tuning
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


def settings(refused: Mapping[str, str]) -> tuning.Settings:
    """gunicorn's settings, of those that its workers obey without the arbiter, less those in `refused`."""
    sections = {each.name: "" if each.name in _PASSED else _SECTIONS.get(each.section, "") for each in KNOWN_SETTINGS}
    cannot = {**{name: reason for name, reason in sections.items() if reason}, **_REFUSED, **refused}
    return tuning.Settings({each.name: _parser(each) for each in KNOWN_SETTINGS if each.name not in cannot}, cannot)


def configured(told: Mapping[str, Any]) -> Any:
    """gunicorn's Config, with what differs from its defaults."""
    made = Settings()
    for name, value in {**_SETTINGS, **told}.items():
        made.set(name, value)
    return made


class Log(Logger):  # type: ignore[misc]
    """gunicorn's log."""

    def setup(self, cfg: Any) -> None:
        """Where the log goes, `logs` has settled."""
        self._access_log_enabled = False


class Named:
    """The app. gunicorn says of a unix socket that it has no name, and of one on all addresses that 0.0.0.0 is."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener]) -> None:
        shared = not all(listener.owned for listener in listeners)
        self._app = Shield(app, {"wsgi.multiprocess": shared, "wsgi.file_wrapper": FileWrapper})
        self._names = {each.sock.getsockname()[0]: each.server_name for each in listeners if each.kind != "unix"}

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["SERVER_NAME"] = self._names.get(environ["SERVER_NAME"], "localhost")
        return self._app(environ, start_response)
