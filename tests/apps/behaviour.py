"""One app, a path for each behaviour that a server is tested for."""

import json
import os
import socket
import time
from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment
from wsgiref.validate import validator


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    path = environ["PATH_INFO"]
    if path == "/boom":
        raise RuntimeError("the app says boom")
    if path == "/exit":
        raise SystemExit(3)
    if path == "/stream":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _stream()
    if path in ("/boom/first", "/boom/later"):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _failing(later=path == "/boom/later")
    if path == "/write":
        write = start_response("200 OK", [("Content-Type", "text/plain")])
        write(b"written, ")
        return [b"returned"]
    if path == "/endless":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return _endless()
    if path == "/hold":
        _gate()
    if path == "/echo":
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    elif path == "/read":
        body = environ["wsgi.input"].read()
    elif path == "/environ":
        facts = {name: value for name, value in environ.items() if isinstance(value, str | bool)}
        body = json.dumps(facts).encode()
    else:
        body = b"%d\n" % os.getpid()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


def _stream() -> Iterator[bytes]:
    yield b"first"
    _gate()
    yield b"second"


def _failing(*, later: bool) -> Iterator[bytes]:
    if later:
        yield b"first"
    raise RuntimeError("the app says boom")


def _endless() -> Iterator[bytes]:
    """Pieces until the client has gone; then the gate hears of it."""
    try:
        while True:
            yield b"more" * 1000
            time.sleep(0.01)  # else it fills the memory of engines that take what comes
    finally:
        _gate()


def _gate() -> None:
    """Wait at the test's gate: blocking, or letting other greenlets run where the standard library is patched."""
    with socket.socket(socket.AF_UNIX) as gate:
        gate.connect(os.environ["GATE"])
        gate.recv(2)


validated = validator(app)
