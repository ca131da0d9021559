"""The connections of another process."""

import ctypes
import os
import signal
import socket
import stat
import time
from contextlib import suppress

_LIBC = ctypes.CDLL(None, use_errno=True)
_PIDFD_GETFD = 438
"""The number of pidfd_getfd(2), which libc has no function for; it is the same on all architectures."""


def stop(pid: int) -> None:
    """Send SIGSTOP, and wait until no thread of the process runs any more."""
    os.kill(pid, signal.SIGSTOP)
    while any(_state(pid, task) not in "Tt" for task in os.listdir(f"/proc/{pid}/task")):
        time.sleep(0.001)


def peers(pid: int) -> set[int]:
    """The clients' ports of its TCP connections."""
    found = set()
    pidfd = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            if not stat.S_ISSOCK(os.stat(f"/proc/{pid}/fd/{name}").st_mode):
                continue
            fd = _LIBC.syscall(_PIDFD_GETFD, pidfd, int(name), 0)
            if fd < 0:
                raise OSError(ctypes.get_errno(), "pidfd_getfd")
            with socket.socket(fileno=fd) as sock, suppress(OSError):  # a listener has no peer
                peer = sock.getpeername()
                if isinstance(peer, tuple):
                    found.add(peer[1])
    finally:
        os.close(pidfd)
    return found


def _state(pid: int, task: str) -> str:
    with open(f"/proc/{pid}/task/{task}/stat") as file:
        return file.read().rpartition(")")[2].split()[0]
