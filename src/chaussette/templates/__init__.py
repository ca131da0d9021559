"""What a process manager has to be told to serve an app: complete configurations, made of the files in this folder.

A template is text for `str.format`. Nothing in it is a copy of what the code knows: time limits follow from the options of
the worker, and the worker's command line is made of them. Whatever comes from outside is quoted as the manager reads it.

No socket is opened here, and the app is not imported: what is printed on one machine may be meant for another.
"""

import math
import os
import shlex
import sys
from collections.abc import Callable, Iterable, Sequence
from importlib.resources import files
from typing import NamedTuple

from ..application import check
from ..config import Config
from ..errors import UsageError, near
from ..listeners import TCP, Address, Unix, addresses
from ..option import Option, value_of, whole
from ..sources import to_argv

MARGIN = 5
"""Seconds from the end of a drain at the latest to the manager's SIGKILL: to log what was cut, on a busy machine."""
PATIENCE = 120
"""Seconds that a worker is given to import its app and serve: longer than any import, shorter than a deploy's patience."""
SOCKET_MODE = 0o660
"""For the owner and the group of a unix socket, in which the proxy is; each manager has another default, some for everybody."""


class File(NamedTuple):
    """A file of a configuration."""

    path: str
    text: str
    executable: bool = False


class Site(NamedTuple):
    """What is to be served, by how many, and what it is called."""

    config: Config
    name: str
    workers: int
    directory: str
    """Where the app is imported from."""
    chaussette: tuple[str, ...]
    """The command to start Chaussette, with full paths."""

    @property
    def kill(self) -> int:
        """Seconds after which the manager may kill: a drain has ended by then."""
        return math.ceil(self.config.graceful_timeout) + MARGIN

    @property
    def sockets(self) -> tuple[Address, ...]:
        """What the manager is to listen on. Raises UsageError for what no manager can open."""
        found = addresses(self.config)
        for address in found:
            if not isinstance(address, TCP | Unix):
                raise UsageError(f"{address}: the manager is to open the socket: name it with --bind HOST:PORT or unix:/path.")
            if isinstance(address, TCP) and not address.port:
                raise UsageError("Port 0 is another one at each start: choose one that a proxy can know.")
        return found

    def command(self, *options: str, quote: Callable[[str], str] = shlex.quote) -> str:
        """The command line of a worker. `options` tell it of the manager, and are quoted already."""
        own = self.config._replace(fd=(), bind=(), host=None, port=None, address_family=None, backlog=_BACKLOG, unix_mode=None)
        argv = to_argv(own)
        end = argv.index("--")
        flags, rest = argv[:end], argv[end + 1 :]
        if any(word.startswith("-") for word in rest):
            rest.insert(0, "--")
        return " ".join([*map(quote, self.chaussette), *options, *map(quote, [*flags, *rest])])

    def facts(self) -> dict[str, object]:
        """What every template may name."""
        return {
            "app": self.config.app,
            "name": self.name,
            "workers": self.workers,
            "numbers": " ".join(map(str, range(1, self.workers + 1))),
            "directory": self.directory,
            "backlog": self.config.backlog,
            "graceful": f"{self.config.graceful_timeout:g}",
            "kill": self.kill,
            "patience": PATIENCE,
        }


_BACKLOG = Config().backlog
_WORKERS = Option("processes", whole(1, 1024))


def site(config: Config, name: str = "web", workers: str = "") -> Site:
    """The site that is served from the current folder by this very Chaussette. Raises UsageError or AppError.

    `workers` is the text of a number; empty, it is one for each core that this process may use.
    """
    check(config.app)
    count = value_of(_WORKERS, workers, "--workers") if workers else len(os.sched_getaffinity(0))
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(f"--name {name}: letters, digits, '-' and '_' only, as in web or my-site.")
    for text in (config.app, *config.arguments, os.getcwd()):
        if not text.isprintable():
            raise UsageError(f"{text!r} cannot stand in a configuration: it has characters that do not print.")
    script = os.path.join(os.path.dirname(sys.executable), "chaussette")
    command = (script,) if os.path.isfile(script) else (sys.executable, "-m", "chaussette")
    return Site(config, name, count, os.getcwd(), command)


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
    names = [site.name, *(f"{site.name}-{number}" for number in range(2, len(site.sockets) + 1))]
    options = [word for name in names for word in ("--fd", f"$(circus.sockets.{name})")]
    sockets = [_circus_socket(site, name, address) for name, address in zip(names, site.sockets, strict=True)]
    text = _fill(
        "circus.ini", site, command=site.command(*options, "--exit-with-parent"), sockets="\n".join(sockets).rstrip()
    )
    return [File("circus.ini", text)]


def _circus_socket(site: Site, name: str, address: Address) -> str:
    if isinstance(address, Unix):
        mode = _mode(site)
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
        "mode": f"# For the group; SocketUser= and SocketGroup= say which.\nSocketMode={_mode(site):04o}\n" if unix else "",
        "services": " ".join(f"{name}@{number}.service" for number in range(1, site.workers + 1)),
    }
    names = {"systemd.socket": f"{name}.socket", "systemd.service": f"{name}@.service", "systemd.target": f"{name}.target"}
    return [File(path, _fill(template, site, **facts)) for template, path in names.items()]


def _systemd_stream(address: Address) -> str:
    if isinstance(address, Unix):
        return address.path.replace("\0", "@", 1).replace("%", "%%")
    return str(address).replace("localhost:", "127.0.0.1:")


def _systemd_quote(text: str) -> str:
    """`text` as one word of ExecStart=, systemd.service(5): percent and dollar are doubled, C's escapes in quotes."""
    text = text.replace("%", "%%").replace("$", "$$")
    if shlex.quote(text.replace("$", "")) == text.replace("$", ""):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _is_at_home(*paths: str) -> bool:
    return any(path.startswith(("/home/", "/root/", "/run/user/")) for path in paths)


def _supervisor(site: Site) -> list[File]:
    address = _only_one("Supervisor", site)
    facts = {
        "socket": f"unix://{_path(address)}" if isinstance(address, Unix) else f"tcp://{address}",
        "mode": f"socket_mode = {_mode(site):04o}\n" if isinstance(address, Unix) else "",
        "command": site.command("--fd", "0", "--exit-with-parent").replace("%", "%%"),
        "directory": site.directory.replace("%", "%%"),
    }
    return [File("supervisord.conf", _fill("supervisord.conf", site, **facts))]


def _s6(site: Site) -> list[File]:
    address = _only_one("s6", site)
    facts = {
        "python": shlex.quote(sys.executable),
        "bind": shlex.quote(str(address)),
        "mode": f", mode=0o{_mode(site):o}" if isinstance(address, Unix) else "",
        "command": site.command("--fd", "0", "--ready-fd", "3", "--exit-with-parent"),
        "directory": shlex.quote(site.directory),
        "kill_ms": site.kill * 1000,
        "patience_ms": PATIENCE * 1000,
    }
    scripts = ("run", "reload", "log/run", "worker/run")
    values = ("worker/notification-fd", "worker/timeout-kill")
    return [
        File(f"{site.name}/{path}", _fill(f"s6/{path}", site, **facts), path in scripts) for path in (*scripts, *values)
    ]


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


def _mode(site: Site) -> int:
    return SOCKET_MODE if site.config.unix_mode is None else site.config.unix_mode


MANAGERS: dict[str, Callable[[Site], list[File]]] = {
    "circus": _circus,
    "systemd": _systemd,
    "supervisor": _supervisor,
    "s6": _s6,
}


def shown(made: Sequence[File]) -> str:
    """All files as one text: one alone as it is, several each under its path, as `systemctl cat` shows them."""
    if len(made) == 1:
        return made[0].text
    return "\n".join(f"# {file.path}\n{file.text}" for file in made)


def write(made: Iterable[File], folder: str) -> list[str]:
    """Write the files into a folder, which is made; their paths. Raises UsageError, and writes none, if one is there already."""
    paths = [os.path.join(folder, file.path) for file in made]
    for path in paths:
        if os.path.lexists(path):
            raise UsageError(f"--output {folder}: {path} is there already: remove it, or choose another folder.")
    try:
        for path, file in zip(paths, made, strict=True):
            os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
            with open(path, "x") as opened:
                opened.write(file.text)
            if file.executable:
                os.chmod(path, os.stat(path).st_mode | 0o111)
    except OSError as error:
        raise UsageError(f"--output {folder}: {error.filename}: {error.strerror}.") from None
    return paths
