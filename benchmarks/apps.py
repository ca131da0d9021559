"""The apps that are served: each costs as little as it can, so that what is measured is the server."""

import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

HELLO = b"Hello, world!\n"
_HELLO_HEADERS = [("Content-Type", "text/plain"), ("Content-Length", str(len(HELLO)))]


def hello(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """The smallest answer there is."""
    start_response("200 OK", _HELLO_HEADERS[:])
    return [HELLO]


def page(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """What a page costs that is rendered: two milliseconds of computing."""
    end = time.thread_time() + 0.002
    while time.thread_time() < end:
        pass
    start_response("200 OK", _HELLO_HEADERS[:])
    return [HELLO]
