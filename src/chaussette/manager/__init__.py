"""Whoever started this process, and how it is told what becomes of it.

::

    --ready-fd N        s6 and those that copied it             readyfd
    nothing but a pid   the hook in `chaussette.circus`         beacon
    getppid(2)          whoever it is: is it still there?       parent

`meet` comes first of all, before the app is imported: what is refused is refused before it costs anything, and nothing that
is meant for this process reaches the app's own children.
"""

from collections.abc import Callable

from ..config import Config
from . import beacon, parent, readyfd

__all__ = ["Manager", "meet"]


class Manager:
    """What a process tells to whoever started it. Made by `meet`."""

    def __init__(self, ready: Callable[[], None], ready_fd: int | None) -> None:
        self._ready, self._ready_fd = ready, ready_fd
        self._serves = False

    def pulse(self) -> None:
        """Told by who serves requests: at first when it accepts, then about once a second. Never blocks, never raises."""
        if not self._serves:
            self._serves = True
            self._begin()

    def _begin(self) -> None:
        if self._ready_fd is not None:
            readyfd.tell(self._ready_fd)
        beacon.serves()
        self._ready()


def meet(config: Config, ready: Callable[[], None] = lambda: None) -> Manager:
    """Find out who wants to be told; `ready` is called with them. Raises UsageError."""
    if config.ready_fd is not None:
        readyfd.check(config)
    if config.exit_with_parent:
        parent.watch()
    return Manager(ready, config.ready_fd)
