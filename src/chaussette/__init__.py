"""Chaussette: a WSGI server for sockets that somebody else opened.

Everything public is here, in `chaussette.server.make_server`, in `chaussette.backend` (engines) and in
`chaussette.listeners` (sockets). Importing it loads no engine.
"""

from ._version import __version__
from .backend import Backend, BackendInfo
from .config import Config
from .errors import AppError, BackendError, ChaussetteError, ExitStatus, ListenerError, UsageError
from .listeners import Listener
from .server import make_server, serve

__all__ = [
    "AppError",
    "Backend",
    "BackendError",
    "BackendInfo",
    "ChaussetteError",
    "Config",
    "ExitStatus",
    "Listener",
    "ListenerError",
    "UsageError",
    "__version__",
    "make_server",
    "serve",
]
