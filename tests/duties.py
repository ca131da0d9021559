"""What Chaussette owes on every engine, whatever the engine does by itself: probes of a server whose process is at hand too.

No engine may declare that it lacks one of these, and the tests of the contract hold them at more length. These probes are for
`bare.py`, which asks engines without Chaussette too.
"""

import ctypes
import errno
import http.client
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from live import Address, Gate, Process, client
from probes import Served, environ

_PIDFD_GETFD = 438
"""Its number among the system calls of Linux, on every architecture; Python has no function for it."""
_LIBC = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Running(Served):
    """A server, its process, and our copy of its listening socket, if it was handed one."""

    process: Process
    listener: socket.socket | None
    heard: Callable[[], None]
    """Returns when a signal that was sent has come through."""

    def end(self) -> None:
        """Ask it to end."""
        self.process.signal(signal.SIGTERM)
        self.heard()


class Duty(NamedTuple):
    """What to look for, and the kind of socket that the server must be on."""

    check: Callable[[Running, float], bool]
    kind: str = "tcp"


def does(duty: Duty, running: Running, patience: float) -> bool:
    """Whether the server does what it should, within `patience` seconds; if it hangs up or hangs, it does not."""
    try:
        return duty.check(running, patience)
    except (OSError, http.client.HTTPException, ValueError, LookupError):
        return False


def sets_nodelay(address: Address, gate: Gate, pid: int, patience: float) -> bool:
    """Whether a connection that process `pid`, or a child of it, has accepted has TCP_NODELAY."""
    with client(address) as connection:
        own = connection.sock.getsockname()
        connection.request("GET", "/hold")
        gate.wait(patience)
        try:
            return any(
                sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                for sock in _sockets(pid)
                if sock.family == socket.AF_INET and _peer(sock) == own
            )
        finally:
            gate.open()


def _sets_nodelay(running: Running, patience: float) -> bool:
    return sets_nodelay(running.address, running.gate, running.process.pid, patience)


def _answers_500(running: Running, patience: float) -> bool:
    return _status(running, "/boom", patience) == 500 and _status(running, "/", patience) == 200


def _survives_exit(running: Running, patience: float) -> bool:
    return _status(running, "/exit", patience) == 500 and _status(running, "/", patience) == 200


def _tells_addresses(running: Running, patience: float) -> bool:
    told = environ(running, patience)
    return (told.get("REMOTE_ADDR"), told.get("SERVER_PORT")) == tuple(map(str, running.address))


def _tells_addresses_on_unix(running: Running, patience: float) -> bool:
    told = environ(running, patience)
    return told.get("REMOTE_ADDR") == "" and bool(told.get("SERVER_NAME")) and str(told.get("SERVER_PORT")).isdecimal()


def _drains(running: Running, patience: float) -> bool:
    with client(running.address) as connection:
        connection.sock.settimeout(patience)
        connection.request("GET", "/hold")
        running.gate.wait(patience)
        running.end()
        running.gate.open()
        answer = connection.getresponse()
        return answer.status == 200 and bool(answer.read())


def _answers_the_idle(running: Running, patience: float) -> bool:
    with client(running.address) as connection:
        connection.sock.settimeout(patience)
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        if answer.will_close:  # it has no connections that are idle
            return True
        running.end()
        connection.request("GET", "/")
        return connection.getresponse().status == 200


def _leaves_the_socket(running: Running, patience: float) -> bool:
    if not isinstance(running.address, str) or running.listener is None:
        return False
    running.end()
    running.process.popen.wait(patience + 10)
    listens = running.listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    return bool(listens) and os.path.exists(running.address)


DUTIES: dict[str, Duty] = {
    "an app that raises gets 500": Duty(_answers_500),
    "an app that calls `sys.exit()` gets 500, and the server goes on": Duty(_survives_exit),
    "REMOTE_ADDR and SERVER_PORT are right": Duty(_tells_addresses),
    "on a unix socket REMOTE_ADDR is empty, SERVER_NAME and SERVER_PORT are not": Duty(
        _tells_addresses_on_unix, "unix"
    ),
    "connections have TCP_NODELAY, whoever opened the socket": Duty(_sets_nodelay),
    "what is in flight at SIGTERM is answered": Duty(_drains),
    "on a connection that is idle at SIGTERM the next request is answered": Duty(_answers_the_idle),
    "a unix socket that it was handed is there for others when it has ended": Duty(_leaves_the_socket, "unix"),
}


def _status(running: Running, path: str, patience: float) -> int:
    with client(running.address) as connection:
        connection.sock.settimeout(patience)
        connection.request("GET", path, headers={"Connection": "close"})
        return connection.getresponse().status


def _sockets(pid: int) -> Iterator[socket.socket]:
    """The sockets of a process and of its children, each as a copy for as long as it is looked at."""
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        children = file.read().split()
    for child in children:
        yield from _sockets(int(child))
    pidfd = os.pidfd_open(pid)
    try:
        for name in os.listdir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):
                if not os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket:"):
                    continue
            fd = _LIBC.syscall(_PIDFD_GETFD, pidfd, int(name), 0)
            if fd == -1:
                number = ctypes.get_errno()
                if number == errno.EBADF:  # closed since
                    continue
                raise OSError(number, os.strerror(number))
            with socket.socket(fileno=fd) as sock:
                yield sock
    finally:
        os.close(pidfd)


def _peer(sock: socket.socket) -> object:
    with suppress(OSError):  # it listens
        return sock.getpeername()
    return None
