"""Tell a hook of Circus what has become of a worker, when all it knows is the worker's pid.

A worker that serves listens on the abstract unix socket `chaussette/PID/serves`, one that has failed on
`chaussette/PID/failed`, where it says why. See unix(7):

- There is nothing to configure and nothing to clean up: the name ends with the process, killed or not, so a later process
  with the same pid is never taken for it.
- The kernel says who listens (SO_PEERCRED), so a name that somebody else has taken is not believed. It says who asks, too:
  the reason of a failure, which may hold an app's secrets, is told to the parent process alone.
- No permission is needed, so the worker may be another user's.
- The names are those of a network namespace, and pids are those of a PID namespace: the manager and its workers must share
  both. A wrapper around the worker must become it, by exec.

Linux alone has such names. Elsewhere nobody is told, and the hook does not wait.

The hook runs in the manager's own process: this module is all of Chaussette that it needs, and imports the standard library
alone.
"""

import os
import socket
import sys
from contextlib import suppress
from time import monotonic, sleep

POSSIBLE = sys.platform == "linux"
"""Whether the system has abstract unix sockets."""
_SERVES, _FAILED = "serves", "failed"
_MOST = 2000
"""Bytes of a reason."""
_PROMPT = 5.0
"""Seconds for a worker that waits to say why."""

_held: list[socket.socket] = []
"""What is listened on for as long as this process lives."""


def serves() -> None:
    """Let it be known that this process serves."""
    sock = _listen(_SERVES)
    if sock is not None:
        _held.append(sock)


def failed(reason: str, seconds: float) -> None:
    """Let it be known for some seconds, and then return, that this process has failed."""
    sock, end = _listen(_FAILED), monotonic() + seconds
    if sock is None:
        sleep(seconds)
        return
    with sock:
        while (left := end - monotonic()) > 0:
            sock.settimeout(left)
            try:
                asking, _ = sock.accept()
            except TimeoutError:
                return
            with asking, suppress(OSError):  # it has gone
                if _peer(asking) == os.getppid():
                    asking.send(" ".join(reason.split()).encode()[:_MOST])


def ask(pid: int) -> str | None:
    """What became of the process `pid`: empty if it serves, the reason if it has failed, None if it is not known yet."""
    sock = _connected(pid, _SERVES)
    if sock is not None:
        sock.close()
        return ""
    sock = _connected(pid, _FAILED)
    if sock is None:
        return None
    with sock:
        try:
            return sock.recv(_MOST).decode(errors="replace") or "its log says why"
        except OSError:  # gone meanwhile, or stopped
            return None


def _listen(state: str) -> socket.socket | None:
    """A listening socket, or None where there cannot be one: then nobody is told, and who waits gives up in the end."""
    if not POSSIBLE:
        return None
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.bind(_name(os.getpid(), state))
        sock.listen()
    except OSError:  # somebody has taken the name
        sock.close()
        return None
    return sock


def _connected(pid: int, state: str) -> socket.socket | None:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(_PROMPT)
    try:
        sock.connect(_name(pid, state))
        if _peer(sock) == pid:
            return sock
    except OSError:  # nobody listens, yet
        pass
    sock.close()
    return None


def _name(pid: int, state: str) -> str:
    return f"\0chaussette/{pid}/{state}"


def _peer(sock: socket.socket) -> int:
    """The pid of who listens or asks: the first member of `struct ucred`, unix(7)."""
    return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], sys.byteorder, signed=True)
