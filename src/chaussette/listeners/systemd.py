"""Sockets that systemd passes on: socket activation, sd_listen_fds(3).

LISTEN_FDS is how many there are, from 3 up; LISTEN_FDNAMES their names, joined by colons (the FileDescriptorName= of a
socket unit, which is the unit's own name by default; several sockets of one unit have the same); LISTEN_PID the process that
they are for. A manager that is itself a service hands the variables on to its workers: then they are not ours.

The variables are taken out of the environment, and the sockets are kept from the app's own children.
"""

import os
from collections.abc import Iterator, MutableMapping
from contextlib import suppress

from ..errors import ListenerError, near

_FIRST = 3
"""SD_LISTEN_FDS_START."""
_VARIABLES = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID")


class Passed:
    """What systemd has passed on to this process."""

    def __init__(self) -> None:
        self.names: dict[int, str] = {}
        """The name of each file descriptor."""
        self._why_none = (
            "systemd has passed no sockets to this process: LISTEN_FDS is not set. A .socket unit makes it do so, or "
            "systemd-socket-activate(1)."
        )

    def take(self, environ: MutableMapping[str, str]) -> None:
        """Take the variables out of `environ`. When they are not there nothing changes. Raises ListenerError."""
        pid, count, names, _ = (environ.pop(name, "") for name in _VARIABLES)
        if not (pid or count):
            return
        if pid != str(os.getpid()):
            self._why_none = (
                f"systemd has passed its sockets to process {pid or '?'}, and this one is {os.getpid()}: "
                "let what stands between them become Chaussette by exec, or name the sockets by --fd."
            )
            return
        if not count.isdecimal():
            raise ListenerError(f"LISTEN_FDS={count} is no number: whoever set it wanted to pass sockets on.")
        given = names.split(":") if names else []
        for index in range(int(count)):
            fd = _FIRST + index
            self.names[fd] = given[index] if index < len(given) else "unknown"
            with suppress(OSError):  # not open: who serves on it says so
                os.set_inheritable(fd, False)

    def find(self, text: str) -> Iterator[int]:
        """The file descriptors that `systemd` or `systemd:NAME` means. Raises ListenerError, which lists the names."""
        if not self.names:
            raise ListenerError(f"--bind {text}: {self._why_none}")
        _, colon, wanted = text.partition(":")
        found = [fd for fd, name in self.names.items() if name == wanted or not colon]
        if not found:
            there = list(dict.fromkeys(self.names.values()))
            raise ListenerError(
                f"--bind {text}: systemd has passed no socket of that name.{near(wanted, there)} "
                f"There {'is' if len(there) == 1 else 'are'}: {', '.join(there)}."
            )
        return iter(found)


passed = Passed()
"""It is the process that they are passed to, and they are passed once."""
