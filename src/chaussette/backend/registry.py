"""One table of engines. A name resolves to a class when it is chosen, and not before: no engine is imported for a look.

Engines of third parties join by an entry point in the group `chaussette.backends`, whose name is the engine's and whose
object is the Backend class, or by `register()`. Such a class may have an attribute `info`, a BackendInfo; without one it
is taken to have no engine-specific options.
"""

from importlib import import_module
from typing import cast

from ..config import Config, flag
from ..errors import BackendError, near
from .base import ENGINE_OPTIONS, LIMITS, Backend, BackendInfo

GROUP = "chaussette.backends"

_BUILT_IN = (
    BackendInfo(
        name="waitress",
        target="chaussette.backend._waitress:Server",
        package="waitress",
        install="pip install waitress",
        summary="pure Python, strict, threads; comes with Chaussette",
        concurrency="threads",
        options=frozenset({"threads"}),
        pulse=True,
        upstream="maintained",
        loggers=("waitress",),
    ),
    BackendInfo(
        name="fast",
        target="chaussette.backend._fast:Server",
        summary="our own: pure Python, the speed of C, strict, threads that no slow client holds",
        concurrency="threads",
        options=frozenset({"threads", *LIMITS}),
        pulse=True,
        upstream="part of Chaussette",
    ),
    BackendInfo(
        name="fastgevent",
        target="chaussette.backend._fastgevent:Server",
        package="gevent",
        install="pip install 'chaussette[fastgevent]'",
        summary="our own on gevent's hub: what gevent does, strictly, at a fraction of the cost",
        concurrency="greenlets",
        monkey=True,
        options=frozenset({"spawn", *LIMITS}),
        pulse=True,
        upstream="part of Chaussette; gevent is maintained",
    ),
    BackendInfo(
        name="gevent",
        target="chaussette.backend._gevent:Server",
        package="gevent",
        install="pip install 'chaussette[gevent]'",
        summary="thousands of slow requests at once, on greenlets",
        concurrency="greenlets",
        monkey=True,
        options=frozenset({"spawn"}),
        pulse=True,
        upstream="maintained",
        loggers=("gevent.pywsgi",),
    ),
    BackendInfo(
        name="meinheld",
        target="chaussette.backend._meinheld:Server",
        package="meinheld",
        install="chaussette install meinheld",
        summary="written in C, fast; one request at a time",
        concurrency="one at a time",
        lacks=frozenset({"100-continue", "headers apart"}),
        pulse=True,
        upstream="ended in 2020; needs a C compiler",
    ),
    BackendInfo(
        name="bjoern",
        target="chaussette.backend._bjoern:Server",
        package="bjoern",
        install="pip install 'chaussette[bjoern]'",
        summary="written in C, the fastest; one request at a time",
        several_listeners=False,
        concurrency="one at a time",
        limits=("serves on one socket", "in a drain under load one request in some thousands was lost"),
        lacks=frozenset({"IPv6 clients", "client ports", "pipelining", "repeated headers", "strict framing"}),
        pulse=True,
        upstream="quiet since 2022; needs a C compiler and libev's headers (Debian: apt-get install libev-dev)",
    ),
    BackendInfo(
        name="cheroot",
        target="chaussette.backend._cheroot:Server",
        package="cheroot",
        install="pip install 'chaussette[cheroot]'",
        summary="CherryPy's server: pure Python, threads; strict here, as our own reader of requests guards it",
        concurrency="threads",
        options=frozenset({"threads"}),
        lacks=frozenset({"slow clients"}),
        pulse=True,
        upstream="maintained",
    ),
    BackendInfo(
        name="tornado",
        target="chaussette.backend._tornado:Server",
        package="tornado",
        install="pip install 'chaussette[tornado]'",
        summary="Tornado's HTTP server, and the app in its threads",
        concurrency="threads",
        options=frozenset({"threads"}),
        limits=("keeps request bodies in memory, and takes 100 MB at most",),
        pulse=True,
        upstream="maintained",
        loggers=("tornado",),
    ),
    BackendInfo(
        name="uvicorn",
        target="chaussette.backend._uvicorn:Server",
        package="uvicorn",
        install="pip install 'chaussette[uvicorn]'",
        summary="ASGI apps on asyncio; WSGI apps in threads",
        concurrency="threads",
        protocols=frozenset({"wsgi", "asgi"}),
        options=frozenset({"threads"}),
        pulse=True,
        upstream="maintained",
        loggers=("uvicorn",),
    ),
    BackendInfo(
        name="hypercorn",
        target="chaussette.backend._hypercorn:Server",
        package="hypercorn",
        install="pip install 'chaussette[hypercorn]'",
        summary="ASGI apps on asyncio, HTTP/2 too; WSGI apps in threads",
        concurrency="threads",
        protocols=frozenset({"wsgi", "asgi"}),
        options=frozenset({"threads"}),
        pulse=True,
        upstream="maintained, slowly",
        loggers=("hypercorn",),
    ),
    BackendInfo(
        name="gunicorn",
        target="chaussette.backend._gunicorn:Server",
        package="gunicorn",
        install="pip install 'chaussette[gunicorn]'",
        summary="gunicorn's threaded worker, without the processes around it",
        concurrency="threads",
        options=frozenset({"threads"}),
        lacks=frozenset({"slow clients"}),
        pulse=True,
        upstream="maintained",
        loggers=("gunicorn.error",),
    ),
    BackendInfo(
        name="wsgiref",
        target="chaussette.backend._wsgiref:Server",
        summary="the standard library's reference server, for a look",
        concurrency="one at a time",
        keep_alive=False,
        lacks=frozenset(
            {
                "100-continue",
                "chunked bodies",
                "headers apart",
                "late errors",
                "pipelining",
                "slow clients",
                "strict framing",
            }
        ),
        limits=("HTTP/1.0, one request a connection",),
        pulse=True,
        upstream="part of Python",
    ),
)

_registered: dict[str, BackendInfo] = {info.name: info for info in _BUILT_IN}
_classes: dict[str, type[Backend]] = {}


def register(name: str, server: type[Backend]) -> None:
    """Add the engine `name`, or replace it, with a class that keeps the contract of `Backend`."""
    _classes[name] = server
    _registered[name] = _info_of(name, server)


def backends() -> list[str]:
    """The names of all engines, installed or not, sorted."""
    return sorted({*_registered, *_entry_points()})


def get(name: str) -> type[Backend]:
    """The class of the engine `name`. Raises BackendError if there is none, or if it is not installed."""
    info = find(name)
    if name not in _classes:
        _classes[name] = _load(info)
    return _classes[name]


def find(name: str) -> BackendInfo:
    """What is known of the engine `name`. Raises BackendError if there is none.

    Of another package's engine this imports the glue, as only that knows; `get` would do so anyway.
    """
    if name in _registered:
        return _registered[name]
    points = _entry_points()
    if name not in points:
        known = backends()
        raise BackendError(
            f"--backend {name}: there is no such engine.{near(name, known)} There are: {', '.join(known)}."
        )
    told = getattr(_load(points[name]), "info", None)
    if not isinstance(told, BackendInfo):
        return points[name]
    package, install = points[name].package, told.install or points[name].install
    return told._replace(name=name, target=points[name].target, package=package, install=install)


def _load(info: BackendInfo) -> type[Backend]:
    module, _, attribute = info.target.partition(":")
    try:
        return cast("type[Backend]", getattr(import_module(module), attribute))
    except ImportError as error:
        raise BackendError(_not_installed(info, error)) from None


def serving(protocol: str) -> list[str]:
    """The engines that serve apps of a kind, `wsgi` or `asgi`."""
    return sorted(name for name, each in _registered.items() if protocol in each.protocols)


def check(info: BackendInfo, config: Config) -> None:
    """Refuse an option that the engine cannot honour. Raises BackendError."""
    for option, needed in ENGINE_OPTIONS.items():
        if getattr(config, option) is not None and option not in info.options:
            able = [name for name, each in _registered.items() if option in each.options]
            raise BackendError(
                f"{flag(option)}: {info.name} has no {needed}. Leave it out, or choose --backend {' or '.join(able)}."
            )


def check_families(info: BackendInfo, kinds: list[str]) -> None:
    """Refuse listeners that the engine cannot serve on. Raises BackendError."""
    for kind in kinds:
        if kind not in info.families:
            raise BackendError(f"--backend {info.name} cannot serve on a {kind} socket: choose another engine.")
    if len(kinds) > 1 and not info.several_listeners:
        raise BackendError(f"--backend {info.name} serves one socket, and {len(kinds)} were given.")


def version(info: BackendInfo) -> str | None:
    """The version of the engine that is installed, or None. The standard library's have Python's."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed
    from platform import python_version

    if not info.package:
        return python_version()
    try:
        return installed(info.package)
    except PackageNotFoundError:
        return None


def _not_installed(info: BackendInfo, error: ImportError) -> str:
    if version(info) is None:
        return f"--backend {info.name} is not installed: {info.install or 'install its package'}"
    return f"--backend {info.name} is installed but does not import ({error}): try again with {info.install}"


def _info_of(name: str, server: type[Backend]) -> BackendInfo:
    info = getattr(server, "info", None)
    target = f"{server.__module__}:{server.__qualname__}"
    return info._replace(name=name) if isinstance(info, BackendInfo) else BackendInfo(name=name, target=target)


def _entry_points() -> dict[str, BackendInfo]:
    """The engines of other packages. An own name is never taken over by a package that happens to be installed."""
    from importlib.metadata import entry_points

    infos = {}
    for point in entry_points(group=GROUP):
        if point.name not in _registered:
            package = point.dist.name if point.dist else ""
            infos[point.name] = BackendInfo(
                name=point.name,
                target=point.value,
                package=package,
                install=f"pip install {package}",
                summary=f"from {package}",
            )
    return infos
