"""The app that is deployed in `lossless`: every answer is made of what was asked, so that no answer can stand for another.

A path ends with a token of the client's. `/say` answers it, `/wait` does so after a while, `/upload` with a digest of the
body, `/stream` in pieces that take their time. `X-Worker` tells which process has answered.
"""

import hashlib
import os
import socket
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

IMPORT_SECONDS = "LOSSLESS_IMPORT_SECONDS"
"""The environment variable that makes the import take its time."""
BELL = "LOSSLESS_BELL"
"""The environment variable that names the unix datagram socket that is told when the app works on a `/wait`."""
WAIT_SECONDS = 2.0
STREAM_SECONDS = 5.0
PIECES = 50
_BLOCK = 64 << 10

time.sleep(float(os.environ.get(IMPORT_SECONDS, 0)))


def app(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """Do what the first part of the path says."""
    _, what, token = environ["PATH_INFO"].split("/")
    headers = [("Content-Type", "text/plain"), ("X-Worker", str(os.getpid()))]
    if what == "stream":
        start_response("200 OK", headers)
        return _pieces(token)
    if what == "wait":
        ring(token)
        time.sleep(WAIT_SECONDS)
    body = said(token)
    if what == "upload":
        body = digest(token, _blocks(environ))
    start_response("200 OK", [*headers, ("Content-Length", str(len(body)))])
    return [body]


def ring(token: str) -> None:
    """Say that the app works on a `/wait`."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as bell, suppress(BlockingIOError):  # nobody listens
        bell.setblocking(False)
        bell.sendto(token.encode(), os.environ[BELL])


def said(token: str) -> bytes:
    """What `/say` and `/wait` answer: some more than a token, so that half of it can be missing."""
    return f"{token}\n".encode() * 20


def piece(token: str, number: int) -> bytes:
    """A piece of what `/stream` answers."""
    return f"{token} {number}\n".encode() * 100


def digest(token: str, blocks: Iterable[bytes]) -> bytes:
    """What `/upload` answers."""
    found = hashlib.sha256(token.encode())
    for block in blocks:
        found.update(block)
    return found.hexdigest().encode()


def _pieces(token: str) -> Iterator[bytes]:
    for number in range(PIECES):
        yield piece(token, number)
        time.sleep(STREAM_SECONDS / PIECES)


def _blocks(environ: "WSGIEnvironment") -> Iterator[bytes]:
    left = int(environ["CONTENT_LENGTH"])
    while left:
        block = environ["wsgi.input"].read(min(left, _BLOCK))
        if not block:
            raise ValueError(f"the body ended {left} bytes early")
        left -= len(block)
        yield block
