"""The apps of the workloads: each costs as little as it can, so that what is measured is the server.

One server process answers all workloads, each at a path of its own: `APPS`. What each answers is defined here
once, for the app and for the check of its answer.
"""

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, BinaryIO

from .apps import hello

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

FILE = "BENCHMARKS_FILE"
"""The environment variable that names the file to send."""

LARGE = random.Random(1).randbytes(10 << 20)
"""10 MB in which no part is like another: an answer that lost, doubled or mixed up a block differs."""
JSON = b'{"items": [' + b", ".join(b'{"id": %3d, "name": "item %3d"}' % (n, n) for n in range(30)) + b"]}"
CHUNK = LARGE[:1000]
CHUNKS = 100
PAUSE_SECONDS = 0.2
_SLEEP_SECONDS = 0.005
_BLOCK = 64 << 10


def echo(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """What came."""
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(len(body)))])
    return [body]


def chunks(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """A stream: its length is not known to the server."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    for _ in range(CHUNKS):
        yield CHUNK


def paused(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """A stream whose second piece takes time to make."""
    start_response("200 OK", [("Content-Type", "application/octet-stream")])
    yield CHUNK
    time.sleep(PAUSE_SECONDS)
    yield CHUNK


class _Blocks:
    """A file in blocks, for a server that has no wsgi.file_wrapper."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(self._size):
            yield block

    def close(self) -> None:
        self._file.close()


def file(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """A file, by the server's own way to send one if it has any (PEP 3333, optional platform-specific handling)."""
    opened = open(os.environ[FILE], "rb")  # noqa: SIM115 (the server closes what it wraps)
    size = os.fstat(opened.fileno()).st_size
    start_response("200 OK", [("Content-Type", "application/octet-stream"), ("Content-Length", str(size))])
    wrapped: Iterable[bytes] = environ.get("wsgi.file_wrapper", _Blocks)(opened, _BLOCK)
    return wrapped


def sleep(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """What waits for a database."""
    time.sleep(_SLEEP_SECONDS)  # looked up late: gevent puts its own there
    return hello(environ, start_response)


def _constant(body: bytes, kind: str) -> Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]:
    headers = [("Content-Type", kind), ("Content-Length", str(len(body)))]

    def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        start_response("200 OK", headers[:])
        return [body]

    return app


APPS = {
    "/": hello,
    "/json": _constant(JSON, "application/json"),
    "/echo": echo,
    "/64k": _constant(LARGE[: 64 << 10], "application/octet-stream"),
    "/10m": _constant(LARGE, "application/octet-stream"),
    "/chunks": chunks,
    "/paused": paused,
    "/file": file,
    "/sleep": sleep,
}


def all_of_them(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """The app of the path."""
    return APPS[environ["PATH_INFO"]](environ, start_response)
