"""systemd's protocol for services of `Type=notify`: sd_notify(3), spoken here in the few lines that it takes.

A message is a datagram of `NAME=value` lines to the unix socket that NOTIFY_SOCKET names. What is told:

- `READY=1` when requests are served, `STOPPING=1` when the drain begins, and a `STATUS` that `systemctl status` shows.
- `WATCHDOG=1`, if the unit has a WatchdogSec, sd_watchdog_enabled(3): twice in that time at least, as long as the engine's
  pulse is felt, see `backend.base`. So what is told is that a request that came now would be begun. A server whose threads
  all hang is ended by systemd, and so is one whose requests take longer than WatchdogSec and leave no thread for others.

`RELOADING=1` is never told, as this process never reloads: SIGHUP means "make way for a new one" to it, and drains.

The variables are taken out of the environment, so that nothing that the app starts speaks in our name. Those that were
meant for somebody else are not used: a manager that is itself a service (circusd, say) hands its own on to its workers, and a
worker that told STOPPING=1 at a reload would stop all. SYSTEMD_EXEC_PID and WATCHDOG_PID tell whose they are.
"""

import os
from _socket import AF_UNIX, SOCK_DGRAM
from _socket import socket as RawSocket  # noqa: N812 - to be used in gevent's hub, where a patched one must not block
from collections.abc import MutableMapping
from time import monotonic

from ..errors import UsageError
from ..logs import logger

_VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
_SHORTEST = 3.0
"""Seconds of WatchdogSec: the pulse comes about once a second, and must come twice in that time with some to spare."""
_PULSE = 1.0
_PATIENCE = 1.0
"""Seconds that a message may wait for systemd to read others."""


class Notifier:
    """The socket of a service manager that listens. Made by `from_environ`."""

    def __init__(self, address: str, watchdog: float | None) -> None:
        self._address, self.watchdog = address, watchdog
        self._sock: RawSocket | None = None
        self._failed = False
        self._next = 0.0

    def tell(self, *lines: str) -> None:
        """Send a message. A manager that does not listen is told of in the log, once, and nothing else happens."""
        if self._sock is None:
            self._sock = RawSocket(AF_UNIX, SOCK_DGRAM)
            self._sock.settimeout(_PATIENCE)
        try:
            self._sock.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            if not self._failed:
                self._failed = True
                logger.warning("NOTIFY_SOCKET %s: %s", self._address.replace("\0", "@", 1), error)

    def alive(self) -> None:
        """Tell the watchdog, if there is one, when half of its time would have passed before the next pulse."""
        if self.watchdog is not None and (now := monotonic()) >= self._next:
            self._next = now + self.watchdog / 2 - _PULSE
            self.tell("WATCHDOG=1")


def from_environ(environ: MutableMapping[str, str]) -> Notifier | None:
    """Take the variables out of `environ`; None if nobody listens to this process. Raises UsageError."""
    where, microseconds, watched = (environ.pop(name, "") for name in _VARIABLES)
    own = str(os.getpid())
    if not where or environ.get("SYSTEMD_EXEC_PID", own) not in ("", own):
        return None
    if not where.startswith(("/", "@")):
        logger.warning("NOTIFY_SOCKET %s is no unix socket: nobody is told how this process does", where)
        return None
    watchdog = None
    if microseconds.isdecimal() and watched in ("", own):
        watchdog = int(microseconds) / 1e6
        if watchdog < _SHORTEST:
            raise UsageError(
                f"WATCHDOG_USEC={microseconds}: WatchdogSec={watchdog:g} is too short for a server that tells once a second "
                f"that it lives: set {_SHORTEST:g} or more."
            )
    return Notifier("\0" + where[1:] if where.startswith("@") else where, watchdog)
