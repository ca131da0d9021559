"""One table of engines. A name resolves to a class when it is chosen, and not before: no engine is imported for a look.

Engines of third parties join by an entry point in the group `chaussette.backends`, whose name is the engine's and whose
object is the Backend class, or by `register()`. Such a class may have an attribute `info`, a BackendInfo; without one it
is taken to have no engine-specific options.
"""

from importlib import import_module
from typing import cast

from .._version import __version__
from ..config import Config, flag
from ..errors import BackendError, near
from .base import ENGINE_OPTIONS, Backend, BackendInfo
from .known import KNOWN

GROUP = "chaussette.backends"

_registered: dict[str, BackendInfo] = {info.name: info for info in KNOWN}
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
    """The engines that serve apps of a kind: `wsgi`, `asgi` or `tornado`."""
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
    if info.package == "chaussette":
        return __version__
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
