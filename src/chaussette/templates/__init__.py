"""What a process manager has to be told to serve an app: complete configurations, made of the files in this folder.

A template is text for `str.format`. Nothing in it is a copy of what the code knows: time limits follow from the options of
the worker, and the worker's command line is made of them. Whatever comes from outside is quoted as the manager reads it.

No socket is opened here, and the app is not imported: what is printed on one machine may be meant for another.
"""

import shlex
from collections.abc import Callable
from importlib.resources import files
from ipaddress import ip_address
from pathlib import PurePosixPath

from ..errors import UsageError, near
from ..listeners import Address
from ..listeners.address import TCP, Unix
from .output import File, shown, write
from .site import PATIENCE, Site, site

__all__ = ["MANAGERS", "File", "Site", "render", "shown", "site", "write"]

_HOMES = [PurePosixPath("/", *names) for names in (("home",), ("root",), ("run", "user"))]
"""What ProtectHome= hides, systemd.exec(5)."""


def render(manager: str, site: Site) -> list[File]:
    """The configuration of a manager. Raises UsageError."""
    if manager not in MANAGERS:
        raise UsageError(
            f"There is no configuration for {manager}.{near(manager, MANAGERS)} There is one for: {', '.join(MANAGERS)}."
        )
    return MANAGERS[manager](site)


def _fill(template: str, site: Site, **facts: object) -> str:
    folder = files(__package__)
    return folder.joinpath(template).read_text().format(**(site.facts() | facts))


def _circus(site: Site) -> list[File]:
    for mark in ("$(circus.", "((circus."):
        _without(mark, site, "Circus replaces it by something else")
    _without(" ;", site, "Circus takes it for the beginning of a comment")
    names = [site.name, *(f"{site.name}-{number}" for number in range(2, len(site.sockets) + 1))]
    options = [word for name in names for word in ("--fd", f"$(circus.sockets.{name})")]
    sockets = [_circus_socket(site, name, address) for name, address in zip(names, site.sockets, strict=True)]
    text = _fill(
        "circus.ini", site, command=site.command(*options, "--exit-with-parent"), sockets="\n".join(sockets).rstrip()
    )
    return [File("circus.ini", text)]


def _circus_socket(site: Site, name: str, address: Address) -> str:
    if isinstance(address, Unix):
        mode = site.mode
        return _fill("socket_unix.ini", site, name=name, path=_path(address), mode=mode, umask=0o777 & ~mode)
    assert isinstance(address, TCP)
    family = "family = AF_INET6\n" if ":" in address.host else ""
    return _fill("socket_tcp.ini", site, name=name, host=address.host, port=address.port, family=family)


def _systemd(site: Site) -> list[File]:
    name, unix = site.name, any(isinstance(address, Unix) for address in site.sockets)
    facts = {
        "app_in_unit": site.config.app.replace("%", "%%"),
        "command": site.command("--bind", f"systemd:{name}", quote=_systemd_quote),
        "directory": site.directory.replace("%", "%%"),
        "protect_home": "read-only" if _is_at_home(site.directory, *site.chaussette) else "yes",
        "streams": "\n".join("ListenStream=" + _systemd_stream(address) for address in site.sockets),
        "mode": f"# For the group; SocketUser= and SocketGroup= say which.\nSocketMode={site.mode:04o}\n"
        if unix
        else "",
        "services": " ".join(f"{name}@{number}.service" for number in range(1, site.workers + 1)),
    }
    names = {
        "systemd.socket": f"{name}.socket",
        "systemd.service": f"{name}@.service",
        "systemd.target": f"{name}.target",
    }
    return [File(path, _fill(template, site, **facts)) for template, path in names.items()]


def _systemd_stream(address: Address) -> str:
    if isinstance(address, Unix):
        return address.path.replace("\0", "@", 1).replace("%", "%%")
    assert isinstance(address, TCP)
    if address.host == "localhost":
        address = address._replace(host="127.0.0.1")
    try:
        ip_address(address.host)
    except ValueError:
        raise UsageError(f"{address}: systemd knows no host names: write an IP address, 0.0.0.0 for all.") from None
    return str(address)


def _systemd_quote(text: str) -> str:
    """`text` as one word of ExecStart=, systemd.service(5): percent and dollar are doubled, C's escapes in quotes."""
    text = text.replace("%", "%%").replace("$", "$$")
    if shlex.quote(text.replace("$", "")) == text.replace("$", ""):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_at_home(*paths: str) -> bool:
    return any(home in PurePosixPath(path).parents for path in paths for home in _HOMES)


def _supervisor(site: Site) -> list[File]:
    for mark in (" ;", " #"):
        _without(mark, site, "Supervisor takes it for the beginning of a comment")
    address = _only_one("Supervisor", site)
    if isinstance(address, TCP) and ":" in address.host:
        raise UsageError(f"{address}: Supervisor opens no IPv6 sockets.")
    facts = {
        "socket": f"unix://{_path(address)}" if isinstance(address, Unix) else f"tcp://{address}",
        "mode": f"socket_mode = {site.mode:04o}\n" if isinstance(address, Unix) else "",
        "command": site.command("--fd", "0", "--exit-with-parent").replace("%", "%%"),
        "directory": site.directory.replace("%", "%%"),
    }
    return [File("supervisord.conf", _fill("supervisord.conf", site, **facts))]


def _s6(site: Site) -> list[File]:
    address = _only_one("s6", site)
    facts = {
        "python": shlex.quote(site.python),
        "bind": shlex.quote(str(address)),
        "mode": f", mode=0o{site.mode:o}" if isinstance(address, Unix) else "",
        "command": site.command("--fd", "0", "--ready-fd", "3", "--exit-with-parent"),
        "directory": shlex.quote(site.directory),
        "kill_ms": site.kill * 1000,
        "patience_ms": PATIENCE * 1000,
    }
    scripts = ("run", "finish", "reload", "log/run", "worker/run")
    values = ("worker/notification-fd", "worker/timeout-kill")
    return [
        File(f"{site.name}/{path}", _fill(f"s6/{path}", site, **facts), path in scripts) for path in (*scripts, *values)
    ]


def _without(mark: str, site: Site, why: str) -> None:
    for text in (site.directory, site.command()):
        if mark in text:
            raise UsageError(f"{mark!r} in {text}: {why}. Do without it.")


def _only_one(manager: str, site: Site) -> Address:
    first, *more = site.sockets
    if more:
        raise UsageError(f"{manager} gives a process one socket: leave out {', '.join(map(str, more))}.")
    if isinstance(first, Unix):
        _path(first)
    return first


def _path(address: Unix) -> str:
    if not address.path.startswith("/"):
        raise UsageError(f"{address}: the manager needs the full path of a unix socket.")
    return address.path


MANAGERS: dict[str, Callable[[Site], list[File]]] = {
    "circus": _circus,
    "systemd": _systemd,
    "supervisor": _supervisor,
    "s6": _s6,
}
