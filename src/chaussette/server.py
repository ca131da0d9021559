"""The plot of the program.

::

    Config ──► engine ──► app ──► listeners ──► backend ──► serve ──► drain ──► exit status

The order is the point. The engine comes before the app, because it may patch the standard library, and because the app's
folder must not be able to replace a module of the engine's. The app comes before the listeners: an app that does not import
must not take connections off a queue that it shares with workers that can answer.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from . import backend as engines
from .application import import_from, load, resolve
from .backend.auto import AUTO, ORDER, best
from .config import Config
from .errors import AppError, BackendError, ExitStatus
from .interface import KINDS, kind_of
from .legacy import pointless
from .lifecycle import GiveUp, signals
from .listeners import Address, Listener, addresses, open_listeners, quiet
from .logs import logger
from .manager import Manager, meet
from .standard import first
from .traces import users_part

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication


def serve(
    config: Config,
    *,
    app: "WSGIApplication | None" = None,
    ready: Callable[[], None] = lambda: None,
    give_up: GiveUp = os._exit,
) -> ExitStatus:
    """Serve the app of `config`, or `app`, until a signal has drained it.

    `ready` is called once the engine accepts. `give_up` is called when requests are cut, see `lifecycle`; it must end the
    process. Raises AppError, ListenerError, BackendError or UsageError before anything is accepted.
    """
    with meet(config, ready) as manager:
        return _serve(config, app, manager, give_up)


def _serve(config: Config, app: "WSGIApplication | None", manager: Manager, give_up: GiveUp) -> ExitStatus:
    where = addresses(config)
    quiet(where)
    auto = config.backend == AUTO
    if auto:  # what kind of app it is nobody knows yet: most are WSGI, and greenlets must come before the app
        config = _with_best(config, "wsgi" if app is None else kind_of(app))
    engine, info = _engine(config, manager), engines.find(config.backend)
    for warning in pointless(config, where, info):
        logger.warning(warning)
    if info.keep_alive and "strict framing" in info.lacks:
        logger.warning("%s %s", info.name, engines.ABILITIES["strict framing"])
    if app is None:
        if not config.no_monkey:
            engine.setup()
        engines_from = sys.path[:]
        import_from(config.python_path)
        sys.argv[1:] = config.arguments
        protocols = ORDER if auto else info.protocols
        app = load(config.app, factory=config.factory, protocols=protocols, able=engines.serving)
        if auto:
            config = _with_best(config, kind_of(app))
            with first(engines_from):
                engine = _engine(config, manager)
    if auto:
        manager.backend, kind = config.backend, kind_of(app)
        why = ORDER[kind][config.backend]
        logger.info("--backend auto takes %s for this %s app: %s", config.backend, KINDS[kind], why)
    with hooks(config), closing(Server(app, where, engine, config)) as server:

        def cut(status: ExitStatus) -> None:
            server.close()
            give_up(status)

        with signals(server.backend, config.graceful_timeout, cut, manager.drains) as drain:
            server.announce()  # not before signals are handled: who reads it may send one
            server.serve_forever(manager.pulse)
    if not drain.asked:
        logger.error("The engine has ended by itself, and nobody asked it to: is it out of files or memory?")
        return ExitStatus.CRASH
    logger.info("Stopped: all requests are answered")
    return ExitStatus.OK


def _with_best(config: Config, kind: str) -> Config:
    return config._replace(backend=best(kind, config))


def _engine(config: Config, manager: Manager) -> type[engines.Backend]:
    """The engine of `config`, which it can honour. Raises BackendError or UsageError."""
    info = engines.find(config.backend)
    engines.check(info, config)
    if manager.watches and not info.pulse:
        raise BackendError(
            f"--backend {info.name} has no pulse that a watchdog could feel: remove WatchdogSec from the unit."
        )
    engine = engines.get(config.backend)
    engines.chosen(engine, config)  # a setting that is refused is to be so before the app is imported
    return engine


class Server:
    """An app, the listeners it is served on and the engine that serves it: what `make_server` returns."""

    def __init__(
        self, app: "WSGIApplication", where: Sequence[Address], engine: type[engines.Backend], config: Config
    ) -> None:
        self.app, self.config = app, config
        self._engine = engine
        self.listeners: list[Listener] = open_listeners(where, config)
        try:
            engines.check_families(engines.find(config.backend), [listener.kind for listener in self.listeners])
            self.backend = engine(app, self.listeners, config)
        except BaseException:
            self.close()
            raise

    def announce(self) -> None:
        """Say in the log what is served, and where."""
        logger.info("Application is %r", self.app)
        for listener in self.listeners:
            logger.info("Serving on %s", listener.url)
        logger.info("Using %r as a backend", self._engine)

    def serve_forever(self, pulse: engines.Pulse = engines.no_pulse) -> None:
        """Serve until `shutdown` is called, and what is in flight then is answered.

        `pulse` is called by who serves requests, first when the engine accepts, then about once a second. An engine that
        has none is taken to accept at once.
        """
        if engines.find(self.config.backend).pulse:
            self.backend.serve(pulse)
        else:
            pulse()
            self.backend.serve()

    def shutdown(self) -> None:
        """Ask for the drain, from a signal handler or another thread."""
        self.backend.shutdown()

    def close(self) -> None:
        """Close the listeners; a socket file that we made is removed."""
        for listener in self.listeners:
            listener.close()


def make_server(
    app: "WSGIApplication",
    host: str | None = None,
    port: int | None = None,
    backend: str = "waitress",
    backlog: int = 2048,
    spawn: int | None = None,
    address_family: socket.AddressFamily | None = None,
    graceful_timeout: float = 25.0,
) -> Server:
    """A server for `app`, listening already; `serve_forever()` serves and `shutdown()` ends it. As in Chaussette 1.3.

    `host` may also be `fd://12`, which is taken over and closed in the end, or `unix:/path`. Raises ListenerError,
    BackendError or UsageError.
    """
    config = Config(
        host=host,
        port=port,
        backend=backend,
        backlog=backlog,
        spawn=spawn,
        address_family=address_family.name if address_family else None,
        graceful_timeout=graceful_timeout,
    )
    if backend == AUTO:
        config = _with_best(config, kind_of(app))
    engines.check(engines.find(config.backend), config)
    server = Server(app, addresses(config), engines.get(config.backend), config)
    server.announce()
    return server


@contextmanager
def hooks(config: Config) -> Iterator[None]:
    """Run the pre-hook before the block and the post-hook after it, whatever ends it. Raises AppError.

    Requests that are cut end the process in the middle of the block: the post-hook is for those who drain.
    """
    before, after = _hook("pre-hook", config.pre_hook), _hook("post-hook", config.post_hook)
    before(config)
    try:
        yield
    finally:
        after(config)


def _hook(name: str, text: str | None) -> Callable[[Config], None]:
    if text is None:
        return lambda config: None
    hook = resolve(text)

    def run(config: Config) -> None:
        logger.info("Running the %s %r", name, hook)
        try:
            hook(config)
        except (Exception, SystemExit) as error:
            raise AppError(f"--{name} {text} raised {type(error).__name__}: {error}", users_part(error)) from None

    return run
