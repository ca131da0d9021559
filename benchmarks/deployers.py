"""The rows of `lossless`: Chaussette's engines, and others each deployed in its own best way.

Who takes an open socket is deployed as Chaussette is, by Circus; who wants to be its own manager is.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from chaussette.backend import backends, find

from .deployment import Deployment, Order
from .managers import Circus, Gunicorn, Master, Systemd

HOOK = "hooks.after_spawn = chaussette.circus.wait_ready"
_FIRST = ("fast", "fastgevent", "gevent", "waitress", "meinheld", "wsgiref")
"""Those of Chaussette's engines that take part unasked."""
_APP = "deployed:app"
_ASGI = (
    "from a2wsgi import WSGIMiddleware\n\nfrom benchmarks.release import app\n\nasgi = WSGIMiddleware(app, workers=8)\n"
)


@dataclass(frozen=True, slots=True)
class Deployer:
    """A server and how it is deployed."""

    name: str
    package: str
    words: tuple[str, ...]
    """The command of a worker; {fd} stands for the socket that it is given."""
    own: bool = False
    """Whether it is Chaussette's."""
    asked_for: bool = False
    """Whether it takes part only if it is named."""
    one_at_a_time: bool = False
    """Whether a worker has one request in work and the others wait in the accept queue."""
    keep_alive: bool = True
    inherits: bool = True
    """Whether it takes a socket that is open already."""
    manager: type[Deployment] = Circus
    master: tuple[str, ...] = ()
    """The command of a server that is its own manager; {port} and {workers} are filled in."""
    activated: tuple[str, ...] = ()
    """The command of a worker that finds systemd's sockets by itself, if that is another one."""
    app: str = ""
    hook: str = ""

    def order(self, folder: str, kind: type[Deployment], workers: int, environ: Mapping[str, str]) -> Order:
        """What is to be deployed by a manager of `kind`."""

        def command(where: str) -> Sequence[str]:
            words = self.master if issubclass(kind, Master) else self.words
            if kind is Systemd and self.activated:
                words = self.activated
            return [
                word.replace("{fd}", where).replace("{port}", where).replace("{workers}", str(workers))
                for word in words
            ]

        bare = Order(folder, command, workers=workers, hook=self.hook, environ=environ)
        return replace(bare, app=self.app) if self.app else bare


def deployers() -> list[Deployer]:
    """All of them: Chaussette's engines, then the others."""
    native = replace(_ours("tornado"), name="tornado-app", app="from benchmarks.release_tornado import app\n")
    return [*(_ours(name) for name in _sorted(backends())), native, *_OTHERS]


def _sorted(names: Sequence[str]) -> list[str]:
    return [*(name for name in _FIRST if name in names), *(name for name in names if name not in _FIRST)]


def _ours(name: str) -> Deployer:
    info = find(name)
    words = (sys.executable, "-m", "chaussette", "--fd", "{fd}", "--backend", name, _APP)
    return Deployer(
        name,
        info.package,
        words,
        own=True,
        asked_for=name not in _FIRST,
        one_at_a_time=info.concurrency == "one at a time",
        keep_alive=info.keep_alive,
        hook=HOOK,
    )


def _python(*words: str) -> tuple[str, ...]:
    return (sys.executable, "-m", *words)


_GUNICORN = _python("gunicorn", "--worker-class", "gthread", "--threads", "4", "--graceful-timeout", "30")
_OTHERS = (
    Deployer(
        "gunicorn-itself",
        "gunicorn",
        (*_GUNICORN, "--bind", "fd://{fd}", "--workers", "1", _APP),
        activated=(*_GUNICORN, "--workers", "1", _APP),
        manager=Gunicorn,
        master=(*_GUNICORN, "--bind", "127.0.0.1:{port}", "--workers", "{workers}", _APP),
    ),
    Deployer(
        "uvicorn-itself",
        "uvicorn",
        _python("uvicorn", "--fd", "{fd}", "--lifespan", "off", "--no-access-log", "deployed:asgi"),
        app=_ASGI,
    ),
    Deployer(
        "hypercorn-itself",
        "hypercorn",
        _python("hypercorn", "--bind", "fd://{fd}", "--graceful-timeout", "30", "deployed:asgi"),
        app=_ASGI,
    ),
    Deployer(
        "granian-itself",
        "granian",
        (),
        inherits=False,
        manager=Master,
        master=_python(
            *("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", "{port}", "--workers", "{workers}"),
            *("--respawn-failed-workers", "--no-ws", "--blocking-threads", "4", _APP),
        ),
    ),
)
