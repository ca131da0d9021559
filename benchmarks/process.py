"""A server process: started on a core of its own, on a socket that we opened, ended by its pid.

Its CPU time is read from the clock that the kernel keeps for each process, clock_getcpuclockid(3): user and
system time of all its threads, what utime and stime in /proc/PID/stat give in steps of 10 ms, but in
nanoseconds. A server may be several processes, so the clocks of the whole tree are added up.
"""

import ctypes
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache

_LIBC = ctypes.CDLL(None, use_errno=True)
_BACKLOG = 2048
_START_SECONDS = 20.0
_END_SECONDS = 5.0


class ServerFailedError(Exception):
    """A server did not do what was measured: the text says what happened."""


@dataclass(frozen=True, slots=True)
class Contender:
    """A server that takes part: how to start it."""

    name: str
    command: tuple[str, ...]
    """Its words may hold {fd}, the listening socket that it inherits, or {port}, one that it must bind."""
    nodelay: bool = True
    """Whether the listening socket that it inherits has TCP_NODELAY set."""
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def inherits(self) -> bool:
        """Whether it takes a socket that is open already."""
        return any("{fd}" in word for word in self.command)


@dataclass(frozen=True, slots=True)
class Running:
    """A server that runs."""

    pid: int
    port: int

    def cpu(self) -> dict[int, float]:
        """The CPU seconds that each process of the server has used."""
        return {pid: seconds for pid in tree(self.pid) if (seconds := _cpu(pid)) is not None}


@cache
def cores() -> tuple[int, int]:
    """The core of the server and that of the load. They are never the same."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise SystemExit("A measurement needs two cores: one for the server, one for the load.")
    return usable[0], usable[1]


def listening(nodelay: bool) -> socket.socket:
    """A listening socket on a free port of the loopback, as a process manager would open it."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", 0))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, nodelay)
    sock.listen(_BACKLOG)
    return sock


def environment() -> dict[str, str]:
    """The environment of a server: compiled modules are kept, as they are wherever it is installed."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CHAUSSETTE"))}


def spawn(contender: Contender, sock: socket.socket | None, port: int, errors: int) -> subprocess.Popen[bytes]:
    """Start a server on its core. `errors` is the file descriptor of its log."""
    fds = [] if sock is None else [sock.fileno()]
    words = [word.format(fd=fds[0] if fds else "", port=port) for word in contender.command]
    core = cores()[0]
    return subprocess.Popen(
        words,
        pass_fds=fds,
        env={**environment(), **contender.environ},
        stdin=subprocess.DEVNULL,
        stdout=errors,
        stderr=errors,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )


@contextmanager
def running(contender: Contender) -> Iterator[Running]:
    """Start a server, wait for its first answer, and end it after the block. Raises ServerFailedError."""
    sock = listening(contender.nodelay)
    port = sock.getsockname()[1]
    if not contender.inherits:
        sock.close()
    with tempfile.TemporaryFile() as log:
        process = spawn(contender, sock if contender.inherits else None, port, log.fileno())
        sock.close()  # what the server inherited stays open, and a client of a dead server is refused at once
        try:
            _await(process, port)
            yield Running(process.pid, port)
            if process.poll() is not None:
                raise ServerFailedError(f"ended by itself, status {process.returncode}")
        except ServerFailedError as error:
            log.seek(0)
            tail = log.read()[-2000:].decode(errors="replace").strip()
            raise ServerFailedError(f"{error}\n{tail}" if tail else str(error)) from None
        finally:
            end(process)


def _await(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            first_answer(port, _START_SECONDS)
        except OSError as error:
            if process.poll() is not None:
                raise ServerFailedError(f"ended at the start, status {process.returncode}") from None
            if not isinstance(error, ConnectionError):
                raise ServerFailedError(f"no first answer: {error}") from None
            time.sleep(0.01)
        else:
            return
    raise ServerFailedError(f"no answer within {_START_SECONDS:g} seconds")


def first_answer(port: int, seconds: float) -> None:
    """Get / and return at the first bytes of an answer. Raises OSError."""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        if not client.recv(4096):
            raise ConnectionResetError("the connection ended without an answer")


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server and its children: asked first, then made to."""
    pids = tree(process.pid)
    process.terminate()
    try:
        process.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in pids[1:]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def tree(root: int) -> list[int]:
    """A process and all that descend from it."""
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdecimal():
            try:
                with open(f"/proc/{name}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):  # gone since the folder was listed
                continue
            parents.setdefault(parent, []).append(int(name))
    found = [root]
    for pid in found:  # grows while it is walked
        found += parents.get(pid, [])
    return found


def _cpu(pid: int) -> float | None:
    clock = ctypes.c_int()
    if _LIBC.clock_getcpuclockid(pid, ctypes.byref(clock)):
        return None
    try:
        return time.clock_gettime(clock.value)
    except OSError:  # ended since it was listed
        return None
