"""Whoever started this process, and how it is told what becomes of it.

::

    --ready-fd N        s6 and those that copied it             readyfd
    NOTIFY_SOCKET       systemd and those that copied it        notify
    nothing but a pid   the hook in `chaussette.circus`         beacon
    getppid(2)          whoever it is: is it still there?       parent

`meet` comes first of all, before the app is imported: what is refused is refused before it costs anything, and nothing that
is meant for this process reaches the app's own children.
"""

import os
from collections.abc import Callable
from types import TracebackType
from typing import Self

from ..config import Config
from ..errors import ChaussetteError
from ..logs import logger
from . import beacon, notify, parent, readyfd

__all__ = ["Manager", "meet"]


class Manager:
    """What a process tells to whoever started it. Made by `meet`; a `with` block of it tells an error that ends the block."""

    def __init__(self, config: Config, ready: Callable[[], None], notifier: notify.Notifier | None) -> None:
        self._config, self._ready, self._notifier = config, ready, notifier
        self.backend = config.backend
        """The engine, as the status names it."""
        self._serves = False
        self._in_flight: Callable[[], int] | None = None
        self._told = -1

    @property
    def watches(self) -> bool:
        """Whether it ends a process whose pulse it does not feel."""
        return self._notifier is not None and self._notifier.watchdog is not None

    def pulse(self) -> None:
        """Told by who serves requests: at first when it accepts, then about once a second. Does not raise."""
        if not self._serves:
            self._serves = True
            self._begin()
        if self._notifier is not None:
            self._notifier.alive()
            self._tell_of_drain()

    def drains(self, in_flight: Callable[[], int]) -> None:
        """Told when the drain begins; `in_flight` counts the requests that it is for."""
        if self._notifier is not None:
            self._notifier.tell("STOPPING=1")
            self._in_flight = in_flight
            self._tell_of_drain()

    def _begin(self) -> None:
        if self._config.ready_fd is not None:
            readyfd.tell(self._config.ready_fd)
        if self._notifier is not None and self._in_flight is None:
            self._notifier.tell("READY=1", f"STATUS=Serving {self._config.app} with {self.backend}")
        beacon.serves()
        try:
            self._ready()
        except Exception:
            logger.exception("What was to be done when requests are served failed")

    def _tell_of_drain(self) -> None:
        if self._notifier is not None and self._in_flight is not None and (count := self._in_flight()) != self._told:
            self._told = count
            self._notifier.tell(f"STATUS=Draining: {count} request{'' if count == 1 else 's'} in flight")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._notifier is not None and isinstance(error, ChaussetteError):
            self._notifier.tell("STATUS=" + " ".join(str(error).split()))


def meet(config: Config, ready: Callable[[], None] = lambda: None) -> Manager:
    """Find out who wants to be told; `ready` is called with them. Raises UsageError."""
    notifier = notify.from_environ(os.environ)
    if config.ready_fd is not None:
        readyfd.check(config)
    if config.exit_with_parent:
        parent.watch()
    return Manager(config, ready, notifier)
