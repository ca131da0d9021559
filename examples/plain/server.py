"""An app without a framework: a WSGI app is a callable, PEP 3333 says which."""

import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIEnvironment

PAGES = {
    "/": "text/plain",
    "/greeting": "text/html",
}


def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer by path."""
    path = environ["PATH_INFO"]
    if path == "/error":
        raise RuntimeError("this page fails on purpose")
    if path not in PAGES:
        start_response("404 Not Found", [("Content-Type", "text/plain")])
        return [b"There is nothing here.\n"]
    text = f"Hello from process {os.getpid()}.\n" if path == "/" else "<!doctype html><h1>Good day</h1>\n"
    body = text.encode()
    start_response("200 OK", [("Content-Type", PAGES[path]), ("Content-Length", str(len(body)))])
    return [body]
