"""The servers that are compared, each as its own manual starts it for speed.

One worker process, four threads where it has threads, no access log, and a listening socket with TCP_NODELAY unless the
name says otherwise: without it some of them wait 40 ms for nothing, which would be no comparison.
"""

import os
import sys
import sysconfig
from collections.abc import Callable
from dataclasses import dataclass, replace

from chaussette.backend import backends
from chaussette.http11 import reader

from .alone import THREADS
from .compiled import compiled
from .harness import ROOT, SOURCE, chaussette
from .process import Contender
from .workloads import WORKLOADS


@dataclass(frozen=True, slots=True)
class Peer:
    """A server, without the app that it is to serve."""

    name: str
    package: str
    """What is installed for it; empty for what is no server."""
    serving: Callable[[str], Contender]
    """Is given the app, module:attribute."""
    own: bool = False
    """Whether it is Chaussette's: it is compared with the others and never one of them."""
    workloads: frozenset[str] = frozenset(workload.name for workload in WORKLOADS)
    """Those that it takes part in."""

    @property
    def rival(self) -> bool:
        """Whether Chaussette's engines are compared with it: it is a server, and not Chaussette's."""
        return not self.own and bool(self.package)


def peers(*options: str) -> list[Peer]:
    """All of them: Chaussette's own engines, as far as this Python's Chaussette has them, then the others.

    `options` are those of the chaussette command that its engines get beside their own.
    """
    known = set(backends())
    own = [_ours(name, backend, *own, *options) for name, backend, *own in _OWN if backend in known]
    if is_compiled() and "fast" in known:
        own.append(_not_compiled(own[0]))
    return [*own, *_OTHERS]


def is_compiled() -> bool:
    """Whether the Chaussette that is installed has its engines compiled."""
    return reader.__file__.endswith((".so", ".pyd"))


def _not_compiled(peer: Peer) -> Peer:
    """The same server from the source of this checkout."""

    def contender(app: str) -> Contender:
        made = peer.serving(app)
        return replace(made, name="fast-not-compiled", environ={**made.environ, "PYTHONPATH": SOURCE})

    return replace(peer, name="fast-not-compiled", serving=contender)


def serving(workload: str) -> list[Peer]:
    """Those that take part in a workload."""
    return [peer for peer in peers() if workload in peer.workloads]


def limit(folder: str) -> Peer:
    """What no server can undercut: see limit.c. `folder` is where it is compiled."""
    words = (compiled("limit", folder), "{fd}")
    return Peer("limit", "", lambda app: Contender("limit", words), workloads=frozenset({"hello", "close"}))


def _ours(name: str, backend: str, *options: str) -> Peer:
    return Peer(name, "chaussette", lambda app: chaussette(name, backend, app, *options), own=True)


def _alone(name: str, engine: str, package: str = "", nodelay: bool = True) -> Peer:
    words = (sys.executable, "-m", "benchmarks.alone", engine, "{fd}")
    return _peer(name, package or engine, *words, nodelay=nodelay)


def _gunicorn(kind: str, *options: str) -> Peer:
    words = (sys.executable, "-m", "gunicorn", "--bind", "fd://{fd}", "--log-level", "error", "--worker-class", kind)
    return _peer(f"gunicorn-{kind}", "gunicorn", *words, *options)


def _peer(name: str, package: str, *words: str, nodelay: bool = True) -> Peer:
    return Peer(name, package, lambda app: Contender(name, (*words, app), nodelay, {"PYTHONPATH": ROOT}))


_GRANIAN = (
    *(sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}"),
    *("--workers", "1", "--http", "1", "--no-ws", "--blocking-threads", str(THREADS), "--log-level", "error"),
)
_UWSGI = (
    *(os.path.join(sysconfig.get_path("scripts"), "uwsgi"), "--home", sys.prefix, "--need-app", "--die-on-term"),
    *("--disable-logging", "--listen", "1024", "--threads"),
)
_UWSGI_KEEPS = ("--http11-socket", "fd://{fd}", "--module")
_UWSGI_CLOSES = ("--http-socket", "fd://{fd}", "--module")
"""The one keeps all connections, the other none, without saying so: each takes part where that is right."""
_UWSGI_MANY = "64"
"""Threads: each keeps to a connection until that ends, so four of them answer four of fifty clients."""

_OWN = (
    ("fast", "fast", "--threads", str(THREADS)),
    ("fast-1-thread", "fast", "--threads", "1"),
    ("fastgevent", "fastgevent"),
)

_OTHERS = (
    _alone("bjoern", "bjoern"),
    _alone("fastpysgi", "fastpysgi"),
    _peer("granian", "granian", *_GRANIAN),
    _alone("meinheld", "meinheld"),
    _peer("uwsgi", "uWSGI", *_UWSGI, str(THREADS), *_UWSGI_KEEPS),
    replace(
        _peer("uwsgi-64-threads", "uWSGI", *_UWSGI, _UWSGI_MANY, *_UWSGI_KEEPS),
        workloads=frozenset(
            workload.name for workload in WORKLOADS if workload.name not in {"close", "chunks", "sleep"}
        ),
    ),
    replace(
        _peer("uwsgi-closing", "uWSGI", *_UWSGI, str(THREADS), *_UWSGI_CLOSES),
        workloads=frozenset({"close", "chunks"}),
    ),
    _alone("pyruvate", "pyruvate"),
    _alone("waitress", "waitress"),
    _alone("cheroot", "cheroot"),
    _gunicorn("sync"),
    _gunicorn("gthread", "--threads", str(THREADS)),
    _gunicorn("gevent"),
    _alone("gevent", "gevent"),
    _alone("gevent-nagle", "gevent", nodelay=False),
    _alone("uvicorn-a2wsgi", "uvicorn"),
)
