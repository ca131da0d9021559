"""Real process managers for the functional tests, and a network of their own.

The configurations that users copy have fixed ports on all interfaces. So that they run here word for word, meet nobody and
reach no real network, each manager lives in a network namespace, network_namespaces(7). A socket stays in the namespace
that it was made in, wherever it goes: a small process inside makes the sockets for the test, which stays outside.

Which worker answers is no matter of chance: all others are stopped (SIGSTOP), and the request waits in the accept queue.
"""

import fcntl
import http.client
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn, Self

import pytest

from live import PATIENCE, Process

BIN = Path(sys.executable).parent
"""Where the commands of this very Python are: circusd, supervisord, chaussette."""
SEARCH_PATH = f"{BIN}:{os.environ.get('PATH', os.defpath)}"
SERVER = """\
import os


def app(environ, start_response):
    start_response("200 OK", [])
    return [b"%d" % os.getpid()]
"""
"""An app that tells who answers."""


def missing(what: str) -> NoReturn:
    """Skip the test, with the reason; where everything is said to be there, fail."""
    if os.environ.get("CI") == "true":
        pytest.fail(what)
    pytest.skip(what)


def tool(name: str) -> str:
    """The path of a program of the system."""
    return shutil.which(name) or missing(f"{name} is not installed")


class Network:
    """A network namespace with a loopback interface and nothing else."""

    def __init__(self) -> None:
        own, theirs = socket.socketpair()
        command = [tool("unshare"), "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
        self.process = Process([*command, sys.executable, __file__, str(theirs.fileno())], fds=[theirs.fileno()])
        theirs.close()
        own.settimeout(PATIENCE)
        self._channel, self._lock = own, threading.Lock()
        if own.recv(1) != b".":
            self.process.ended()
            self.close()
            missing(f"this machine allows no network namespaces: {self.process.log}")

    def inside(self, *command: str | Path) -> list[str]:
        """The command that runs `command` in the namespace, as the same process."""
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return [tool("nsenter"), f"--target={self.process.pid}", "--net", *user, "--", *map(str, command)]

    def connect(self, port: int = 8000, host: str = "127.0.0.1") -> socket.socket:
        """A connection to a port inside."""
        with self._lock:
            self._channel.send(bytes([socket.AF_INET6 if ":" in host else socket.AF_INET]))
            _, fds, _, _ = socket.recv_fds(self._channel, 1, 1)
        sock = socket.socket(fileno=fds[0])
        sock.settimeout(PATIENCE)
        try:
            sock.connect((host, port))
        except OSError:
            sock.close()
            raise
        return sock

    @contextmanager
    def client(self, port: int = 8000, host: str = "127.0.0.1") -> Iterator[http.client.HTTPConnection]:
        """An HTTP connection to a port inside."""
        connection = http.client.HTTPConnection("example.org", timeout=PATIENCE)
        connection.sock = self.connect(port, host)
        connection.auto_open = 0
        try:
            yield connection
        finally:
            connection.close()

    def get(self, port: int = 8000, host: str = "127.0.0.1") -> bytes:
        """The body that a GET on a connection of its own gets with status 200."""
        with self.client(port, host) as connection:
            connection.request("GET", "/", headers={"Connection": "close"})
            answer = connection.getresponse()
            assert answer.status == 200
            return answer.read()

    def close(self) -> None:
        self._channel.close()
        with self.process:
            self.process.ended()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ignored: object) -> None:
        self.close()


def _make_sockets(channel: socket.socket) -> None:
    """Inside the namespace: set the loopback up, then answer each address family with a socket, until nobody asks."""
    set_flags, up = 0x8914, 1  # SIOCSIFFLAGS and IFF_UP, netdevice(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH22x", b"lo", up))
    channel.send(b".")
    while family := channel.recv(1):
        with socket.socket(family[0], socket.SOCK_STREAM) as made:
            socket.send_fds(channel, [b"."], [made.fileno()])


class Circus:
    """A real circusd in a namespace: its process, and what circusctl does to it."""

    def __init__(self, process: Process, network: Network) -> None:
        self.process, self._network = process, network

    def ctl(self, *words: str) -> str:
        """What `circusctl` says, which must succeed."""
        command = self._network.inside(BIN / "circusctl", "--timeout", "60", *words)
        done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def workers(self, watcher: str = "web") -> set[int]:
        """The pids of a watcher's processes."""
        return {int(pid) for pid in self.ctl("list", watcher).split(",")}


@contextmanager
def circusd(config: str, folder: Path, network: Network, **env: str) -> Iterator[Circus]:
    """Run circusd with `config` in a folder, which holds or gets a `server.py`. All that it started ends with it."""
    (folder / "circus.ini").write_text(config)
    if not (folder / "server.py").exists():
        (folder / "server.py").write_text(SERVER)
    command = network.inside(BIN / "circusd", "circus.ini")
    with Process(command, cwd=folder, env={"PATH": SEARCH_PATH, "TMPDIR": str(folder), **env}) as process:
        with managing(process):
            process.wait_for("Arbiter now waiting for commands")
            process.wait_for("circusd-stats started")  # the last of what it starts
            yield Circus(process, network)


@contextmanager
def managing(process: Process) -> Iterator[None]:
    """The life of a manager: at the end of the block it must end when told to, with status 0. What it started ends too."""
    try:
        yield
        for _ in range(3):  # Circus drops a signal that comes while it starts a process
            process.signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.popen.wait(PATIENCE / 3)
                break
        assert process.ended() == 0
    finally:
        if process.popen.poll() is None:
            kill_children(process)


def kill_children(process: Process) -> None:
    """Kill what a process started, which cannot start more meanwhile."""
    process.signal(signal.SIGSTOP)
    for task in Path(f"/proc/{process.pid}/task").iterdir():
        for pid in (task / "children").read_text().split():
            os.kill(int(pid), signal.SIGKILL)


@contextmanager
def alone(worker: int, workers: set[int]) -> Iterator[None]:
    """Stop all `workers` but one: whatever is asked in this block is for that one to answer."""
    others = workers - {worker}
    for pid in others:
        os.kill(pid, signal.SIGSTOP)
    for pid in others:
        while _runs(pid):
            os.sched_yield()
    try:
        yield
    finally:
        for pid in others:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _runs(pid: int) -> bool:
    """Whether a thread of `pid` runs on: one of them takes SIGSTOP, and until it has its turn the others may accept."""
    with suppress(FileNotFoundError, ProcessLookupError):
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        return any((task / "stat").read_text().rpartition(")")[2].split()[0] not in "TtZX" for task in tasks)
    return False


def who_answers(ask: Callable[[], bytes], workers: set[int]) -> set[int]:
    """The pids that answer when each of `workers` is left alone in turn."""
    seen = set()
    for worker in workers:
        with alone(worker, workers):
            seen.add(int(ask()))
    return seen


class Visitor:
    """A client that asks all the time, one request after the other, each on a new connection."""

    def __init__(self, ask: Callable[[], bytes]) -> None:
        self._ask = ask
        self._news = threading.Condition()
        self._seen: list[int] = []
        self._failures: list[BaseException] = []
        self._over = False
        self._thread = threading.Thread(target=self._visit)

    def _visit(self) -> None:
        while not self._over:
            try:
                pid = int(self._ask())
            except (OSError, http.client.HTTPException, ValueError, AssertionError) as failure:
                self._failures.append(failure)
                self._over = True
            else:
                self._seen.append(pid)
            with self._news:
                self._news.notify_all()

    def meets(self, workers: set[int]) -> None:
        """Wait until one of `workers` answers a request that is made from now on."""
        start = len(self._seen) + 1  # the request that is under way was made before
        with self._news:
            met = self._news.wait_for(
                lambda: self._over or (len(self._seen) > start and self._seen[-1] in workers), PATIENCE
            )
        assert not self._failures, f"after {len(self._seen)} answers: {self._failures[0]!r}"
        assert met, f"none of {workers} answered"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *ignored: object) -> None:
        self._over = True
        self._thread.join(PATIENCE)
        assert not self._failures, f"after {len(self._seen)} answers: {self._failures[0]!r}"


if __name__ == "__main__":
    _make_sockets(socket.socket(fileno=int(sys.argv[1])))
