"""An app inside wsgiref's validator, which checks both sides: the server and the app."""

from collections.abc import Iterable, Iterator
from typing import Any
from wsgiref.validate import validator


def plain(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Reads its input in every way, and answers as a list or as a generator."""
    if environ["PATH_INFO"] == "/iterate":
        return pieces(start_response)
    file = environ["wsgi.input"]
    read = len(file.readline(10)) + sum(map(len, file.readlines(1))) + len(file.read(5))
    read += sum(map(len, file)) + len(file.read(100))
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"%d bytes" % read]


def pieces(start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"one "
    yield b"two"


app = validator(plain)
