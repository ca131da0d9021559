"""The app that runs when none is named: a first look needs no code."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment


def hello_app(environ: "WSGIEnvironment", start_response: "StartResponse") -> "Iterable[bytes]":
    """Say hello."""
    body = b"hello world\n"
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]
