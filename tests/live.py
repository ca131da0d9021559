"""Real processes on real sockets, for every functional test.

The test makes the listening socket and hands it to the process, so a first request waits in the accept queue until the
process serves: nothing polls, nothing sleeps. What a test must know of a process (that it got a signal, which port it chose)
it reads from its log, which blocks until the line comes or the process ends.
"""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from chaussette.backend import backends, find

TESTS = Path(__file__).parent
APPS = TESTS / "apps"
ROOT = TESTS.parent
PATIENCE = 30.0
"""Seconds that a test waits for anything: far longer than it takes, so that only a hang meets it."""
KINDS = ("tcp", "tcp6", "unix")
BACKENDS = tuple(name for name in backends() if find(name).target.startswith("chaussette.backend."))
"""The engines that must be here: one that is missing fails its tests, it does not skip them."""

Address = tuple[str, int] | str


class Process:
    """A child process and its log (standard output and error); ended by pid on the way out."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        fds: Sequence[int] = (),
        cwd: Path = APPS,
        env: dict[str, str] | None = None,
        stdin: int | None = subprocess.DEVNULL,
        session: bool = False,
    ) -> None:
        self.command = list(command)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CHAUSSETTE_")}
        self.popen = subprocess.Popen(
            self.command,
            pass_fds=fds,
            cwd=cwd,
            env={**environ, **(env or {})},
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=session,
        )
        self._lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.popen.stdout is not None
        for line in self.popen.stdout:
            with self._news:
                self._lines.append(line)
                self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    @property
    def pid(self) -> int:
        return self.popen.pid

    @property
    def log(self) -> str:
        return "".join(self._lines)

    def wait_for(self, text: str, *, times: int = 1) -> str:
        """The log's line with `text` in it, the last of `times` such lines; an AssertionError if it does not come."""
        with self._news:
            self._news.wait_for(lambda: self._ended or self.log.count(text) >= times, PATIENCE)
            found = [line for line in self._lines if text in line]
            assert self.log.count(text) >= times, f"{text!r} did not come; the log:\n{self.log}"
            return found[-1]

    def signal(self, number: int) -> None:
        self.popen.send_signal(number)

    def ended(self) -> int:
        """Wait for the end of the process; its exit status."""
        status = self.popen.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def wait_for_end(self) -> bool:
        """Whether everybody ends who writes to the log: the process, and what it has left behind."""
        self._reader.join(PATIENCE)
        return self._ended

    def terminate(self) -> int:
        """Send SIGTERM and wait; the exit status."""
        self.signal(signal.SIGTERM)
        return self.ended()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.popen.stdout is not None
        self.popen.stdout.close()
        if kind is not None:
            print(f"--- log of {self.command} ---\n{self.log}", file=sys.stderr)


def chaussette(
    *arguments: str, fds: Sequence[int] = (), cwd: Path = APPS, session: bool = False, **env: str
) -> Process:
    """The `chaussette` command of this Python."""
    return Process([sys.executable, "-m", "chaussette", *arguments], fds=fds, cwd=cwd, session=session, env=env)


@contextlib.contextmanager
def listening(kind: str = "tcp", folder: Path = Path()) -> Iterator[socket.socket]:
    """A listening socket of the test's own; `folder` is where one of kind "unix" has its file."""
    family = {"tcp": socket.AF_INET, "tcp6": socket.AF_INET6, "unix": socket.AF_UNIX}[kind]
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        where: dict[str, Address] = {"tcp": ("127.0.0.1", 0), "tcp6": ("::1", 0), "unix": str(folder / "test.sock")}
        sock.bind(where[kind])
        sock.listen(1024)
        yield sock


def own_address(sock: socket.socket) -> Address:
    """The path, or host and port, of a listening socket."""
    name = sock.getsockname()
    return name if isinstance(name, str) else (name[0], name[1])


def connect(address: Address | socket.socket) -> socket.socket:
    """A connected socket; `address` may be the listening socket itself."""
    where = own_address(address) if isinstance(address, socket.socket) else address
    if isinstance(where, str):
        sock = socket.socket(socket.AF_UNIX)
    else:
        sock = socket.socket(socket.AF_INET6 if ":" in where[0] else socket.AF_INET)
    sock.settimeout(PATIENCE)
    sock.connect(where)
    return sock


@contextlib.contextmanager
def client(address: Address | socket.socket) -> Iterator[http.client.HTTPConnection]:
    """One HTTP connection, kept alive as long as the server lets it."""
    connection = http.client.HTTPConnection("example.org", timeout=PATIENCE)
    connection.sock = connect(address)
    connection.auto_open = 0
    try:
        yield connection
    finally:
        connection.close()


def get(address: Address | socket.socket, path: str = "/") -> tuple[int, bytes]:
    """Status and body of one GET on a connection of its own."""
    with client(address) as connection:
        connection.request("GET", path, headers={"Connection": "close"})
        answer = connection.getresponse()
        return answer.status, answer.read()


class Gate:
    """Where an app waits until the test lets it go: `/hold` and `/stream` of `apps/behaviour.py` connect to it."""

    def __init__(self, folder: Path) -> None:
        self.path = str(folder / "gate.sock")
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(16)
        self._held: list[socket.socket] = []

    def wait(self, patience: float = PATIENCE) -> None:
        """Wait until an app stands at the gate."""
        self._listener.settimeout(patience)
        held, _ = self._listener.accept()
        self._held.append(held)

    def open(self) -> None:
        """Let everybody go who stands at the gate."""
        for held in self._held:
            held.sendall(b"go")
            held.close()
        self._held.clear()

    def close(self) -> None:
        self._listener.close()
        for held in self._held:
            held.close()
