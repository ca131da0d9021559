"""What the engines of our own, `fast` and `fastgevent`, are told: listeners and options in their terms."""

from collections.abc import Sequence
from typing import Any, BinaryIO

from ..config import Config
from ..engine.acceptor import Site
from ..engine.settings import Settings
from ..http11 import Limits, temporary_file
from ..listeners import Listener
from ..standard import standard_library

_NAMES = {
    "request_line": "limit_request_line",
    "header_size": "limit_header_size",
    "header_count": "limit_header_count",
    "body_size": "limit_body",
    "memory": "inbuf",
    "connections": "limit_connections",
}
"""The options whose names are not the engine's own."""


def sites(listeners: Sequence[Listener]) -> list[Site]:
    """The listeners, as an engine wants them."""
    return [Site(listener.sock, listener.server_name, listener.server_port) for listener in listeners]


def settings(listeners: Sequence[Listener], config: Config) -> Settings:
    """What `config` asks for; the rest is the engine's to choose."""
    return Settings(
        **_asked(Settings, config),
        limits=Limits(**_asked(Limits, config)),
        grace=config.linger,
        spool=_spool,
        # A listener that somebody gave us he may have given to others too.
        multiprocess=not all(listener.owned for listener in listeners),
    )


def _spool() -> BinaryIO:
    with standard_library():
        return temporary_file()


def _asked(kind: type[Settings] | type[Limits], config: Config) -> dict[str, Any]:
    """The values of options that were asked for, by the names that `kind` has for them."""
    values = {name: getattr(config, _NAMES.get(name, name), None) for name in kind._fields}
    return {name: value for name, value in values.items() if value is not None}
