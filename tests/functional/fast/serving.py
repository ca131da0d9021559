"""Real processes on real sockets for the engines of our own, and clients that say exactly what a test wants.

The test makes the listener, so the first request waits in the queue until the process serves, and nothing
polls.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).parent
Answer = tuple[int, dict[str, str], bytes]
PATIENCE = 30.0
"""Seconds that a test waits for anything: much longer than it takes."""


class Served:
    """A process that serves, and its log."""

    def __init__(self, listener: socket.socket, arguments: Sequence[str]) -> None:
        self.address = listener.getsockname()
        self.family = listener.family
        command = [sys.executable, "-m", "chaussette", *arguments, "--fd", str(listener.fileno())]
        self.popen = subprocess.Popen(
            [*command, "--python-path", str(HERE)],
            pass_fds=[listener.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
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
    def log(self) -> str:
        return "".join(self._lines)

    def wait_for(self, text: str, times: int = 1) -> None:
        """Wait until the log says `text`, so many times."""
        with self._news:
            self._news.wait_for(lambda: self._ended or self.log.count(text) >= times, PATIENCE)
        assert self.log.count(text) >= times, f"{text!r} did not come; the log:\n{self.log}"

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        self.popen.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> int:
        status = self.popen.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    def close(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
            self.popen.wait(PATIENCE)
        self._reader.join(PATIENCE)
        assert self.popen.stdout is not None
        self.popen.stdout.close()

    def connect(self) -> socket.socket:
        sock = socket.socket(self.family)
        sock.settimeout(PATIENCE)
        sock.connect(self.address)
        return sock


@contextlib.contextmanager
def listening(family: int = socket.AF_INET, where: object = ("127.0.0.1", 0)) -> Iterator[socket.socket]:
    with socket.socket(family) as listener:
        listener.bind(where)  # type: ignore[arg-type]
        listener.listen(1024)
        yield listener


@contextlib.contextmanager
def serving(*arguments: str, listener: socket.socket | None = None, app: str = "wsgi_apps:app") -> Iterator[Served]:
    """A process that serves the test's app with these arguments, killed on the way out if it is there
    still."""
    with contextlib.ExitStack() as stack:
        served = Served(listener or stack.enter_context(listening()), [*arguments, app])
        stack.callback(served.close)
        try:
            yield served
        except BaseException:
            print(served.log, file=sys.stderr)
            raise


def request(path: str = "/", *headers: str, method: str = "GET", body: bytes = b"", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: example.org", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Client:
    """A connection that reads responses, framed as they say."""

    def __init__(self, served: Served) -> None:
        self.sock = served.connect()
        self._file = self.sock.makefile("rb")

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *about: object) -> None:
        self._file.close()
        self.sock.close()

    def ask(
        self, path: str = "/", *headers: str, method: str = "GET", body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        self.sock.sendall(request(path, *headers, method=method, body=body))
        return self.answer(method=method)

    def answer(self, *, method: str = "GET") -> Answer:
        """Status, headers with lower-case names, body. Raises EOFError if it is cut."""
        status, headers = self.head()
        return status, headers, self.body(status, headers, method)

    def head(self) -> tuple[int, dict[str, str]]:
        line = self._line()
        found = re.fullmatch(rb"HTTP/1\.1 ([0-9]{3}) .*\r\n", line)
        assert found, line
        headers: dict[str, str] = {}
        while (line := self._line()) != b"\r\n":
            name, _, value = line.decode("latin-1").partition(":")
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value.strip()
        return int(found[1]), headers

    def body(self, status: int, headers: dict[str, str], method: str = "GET") -> bytes:
        if method == "HEAD" or status in (204, 304) or status < 200:
            return b""
        if headers.get("transfer-encoding") == "chunked":
            pieces = []
            while size := int(self._line(), 16):
                pieces.append(self._exactly(size))
                assert self._exactly(2) == b"\r\n"
            assert self._line() == b"\r\n"
            return b"".join(pieces)
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"]))
        return self._file.read()

    def rest(self) -> bytes:
        """All that comes until the server closes."""
        return self._file.read()

    def _line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\n"):
            raise EOFError(line)
        return line

    def _exactly(self, size: int) -> bytes:
        data = self._file.read(size)
        if len(data) != size:
            raise EOFError(data[:100])
        return data


def get(served: Served, path: str = "/", *headers: str) -> Answer:
    with Client(served) as client:
        return client.ask(path, *headers, "Connection: close")


def open_files(served: Served) -> int:
    return len(os.listdir(f"/proc/{served.popen.pid}/fd"))
