"""Circus's expressions for the fd of a named socket, where Circus left them as they were.

Circus replaces `$(circus.sockets.web)` and `((circus.sockets.web))` in `cmd` and `args` by a number. What reaches us as
text is either the form of Chaussette's first manual, `${socket:web}`, which Circus no longer knows, or a name that Circus
has no socket for. No environment variable tells the child its fds, but the kernel does: every listening socket that this
process inherited is one of Circus's. One of them is unambiguous; the names of several are not recoverable.
"""

import os
import re
import socket

from ..errors import ListenerError
from .adopt import why_not

_NAME = re.compile(r"[:.]([\w-]+)[)}]*$")
_FORGIVEN = re.compile(r"^\$[{(]socket:[\w-]+[)}]$|^\$\{circus\.sockets\.[\w-]+\}$")


def find(text: str) -> int:
    """The fd that `text` stands for. Raises ListenerError, which lists the sockets that there are."""
    match = _NAME.search(text)
    name = match[1] if match else "NAME"
    found = inherited()
    if not found:
        raise ListenerError(
            f"--fd {text}: nobody replaced this, and this process inherited no listening socket. "
            f"Under Circus, set use_sockets = True in the watcher and write $(circus.sockets.{name})."
        )
    listing = ", ".join(f"fd {fd} is {where}" for fd, where in found.items())
    if not _FORGIVEN.match(text):
        raise ListenerError(
            f"--fd {text}: Circus left this as it is, so it has no [socket:{name}]: is the name right? Inherited: {listing}."
        )
    if len(found) > 1:
        raise ListenerError(
            f"--fd {text} could be any of {len(found)} sockets: write $(circus.sockets.{name}). Inherited: {listing}."
        )
    return next(iter(found))


def inherited() -> dict[int, str]:
    """The listening sockets of this process, by fd, each with its address. The lowest fd of each socket stands for it."""
    folder = "/proc/self/fd" if os.path.isdir("/proc/self/fd") else "/dev/fd"
    seen: dict[tuple[int, int], int] = {}
    for fd in sorted(int(name) for name in os.listdir(folder)):
        if _is_open(fd) and not why_not(fd):
            what = os.fstat(fd)
            seen.setdefault((what.st_dev, what.st_ino), fd)
    return {fd: _where(fd) for fd in seen.values()}


def _is_open(fd: int) -> bool:
    try:
        os.fstat(fd)
    except OSError:  # the fd that listed the folder
        return False
    return True


def _where(fd: int) -> str:
    sock = socket.socket(fileno=fd)
    try:
        name = sock.getsockname()
    finally:
        sock.detach()
    if isinstance(name, tuple):
        return f"[{name[0]}]:{name[1]}" if ":" in name[0] else f"{name[0]}:{name[1]}"
    return "unix:" + os.fsdecode(name).replace("\0", "@", 1)
