"""What is to be served, and what every manager has to know of it: the command line of a worker, and the times that follow."""

import math
import os
import shlex
import sys
from collections.abc import Callable
from typing import NamedTuple

from ..application import check
from ..config import Config
from ..errors import UsageError
from ..listeners import Address, addresses
from ..listeners.address import TCP, Unix
from ..option import Option, value_of, whole
from ..sources import to_argv

MARGIN = 5
"""Seconds from the end of a drain at the latest to the manager's SIGKILL: to log what was cut, on a busy machine."""
PATIENCE = 120
"""Seconds that a worker is given to import its app and serve: longer than any import, shorter than a deploy's patience."""
SOCKET_MODE = 0o660
"""For the owner and the group of a unix socket, in which the proxy is; each manager has another default, some for everybody."""


class Site(NamedTuple):
    """What is to be served, by how many, and what it is called."""

    config: Config
    name: str
    workers: int
    directory: str
    """Where the app is imported from."""
    chaussette: tuple[str, ...]
    """The command to start Chaussette, with full paths."""
    python: str

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
                raise UsageError(
                    f"{address}: the manager is to open the socket: name it with --bind HOST:PORT or unix:/path."
                )
            if isinstance(address, TCP) and not address.port:
                raise UsageError("Port 0 is another one at each start: choose one that a proxy can know.")
        # No host is every address, which not every manager understands.
        return tuple(
            address._replace(host="0.0.0.0") if isinstance(address, TCP) and not address.host else address
            for address in found
        )

    @property
    def mode(self) -> int:
        """The permissions of a unix socket."""
        return SOCKET_MODE if self.config.unix_mode is None else self.config.unix_mode

    def command(self, *options: str, quote: Callable[[str], str] = shlex.quote) -> str:
        """The command line of a worker. `options` tell it of the manager, and are quoted already."""
        own = self.config._replace(
            fd=(), bind=(), host=None, port=None, address_family=None, backlog=_BACKLOG, unix_mode=None
        )
        if "--exit-with-parent" in options:
            own = own._replace(exit_with_parent=False)
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
    count = value_of(_WORKERS, workers, "--workers") if workers else _cores()
    if not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
        raise UsageError(f"--name {name}: letters, digits, '-' and '_' only, as in web or my-site.")
    for text in (config.app, *config.arguments, os.getcwd()):
        if not text.isprintable():
            raise UsageError(f"{text!r} cannot stand in a configuration: it has characters that do not print.")
    if config.use_reloader:
        raise UsageError(
            "--use-reloader is for development, and what a manager starts must serve by itself: leave it out."
        )
    if config.ready_fd is not None:
        raise UsageError("--ready-fd: it is in the configuration of the manager that knows it, s6: leave it out.")
    script = os.path.join(os.path.dirname(sys.executable), "chaussette")
    command = (script,) if os.path.isfile(script) else (sys.executable, "-m", "chaussette")
    return Site(config, name, count, os.getcwd(), command, sys.executable)


def _cores() -> int:
    """How many cores this process may use; all, on a system that cannot tell, such as macOS."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
