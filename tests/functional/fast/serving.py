"""Processes of the engines of our own, and clients that say exactly what a test wants."""

import contextlib
import os
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from live import Process, connect, listening, own_address

HERE = Path(__file__).parent
PYTHON = (sys.executable, "-m", "chaussette")
Answer = tuple[int, dict[str, str], bytes]


class Served(Process):
    """A process that serves on a listener of the test's."""

    def __init__(self, listener: socket.socket, arguments: Sequence[str], command: Sequence[str] = PYTHON) -> None:
        self.address = own_address(listener)
        fd = listener.fileno()
        super().__init__([*command, *arguments, "--fd", str(fd)], fds=[fd], cwd=HERE)


@contextlib.contextmanager
def serving(
    *arguments: str,
    listener: socket.socket | None = None,
    app: str = "wsgi_apps:app",
    command: Sequence[str] = PYTHON,
) -> Iterator[Served]:
    """A process that serves the test's app with these arguments."""
    with contextlib.ExitStack() as stack:
        sock = listener or stack.enter_context(listening())
        yield stack.enter_context(Served(sock, [*arguments, app], command))


def request(path: str = "/", *headers: str, method: str = "GET", body: bytes = b"", version: str = "1.1") -> bytes:
    lines = [f"{method} {path} HTTP/{version}", "Host: example.org", *headers]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Client:
    """A connection that reads responses, framed as they say."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.sock = connect(served.address)
        self._file = self.sock.makefile("rb")

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def close(self) -> None:
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
            while piece := self.chunk():
                pieces.append(piece)
            return b"".join(pieces)
        if "content-length" in headers:
            return self._exactly(int(headers["content-length"]))
        return self._file.read()

    def chunk(self) -> bytes:
        """The next of a body that comes in chunks; the last is empty."""
        piece = self._exactly(int(self._line(), 16))
        assert self._line() == b"\r\n"
        return piece

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
    return len(os.listdir(f"/proc/{served.pid}/fd"))
