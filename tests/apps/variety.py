"""Every way to name an app, right and wrong."""

import sys
from collections.abc import Iterable, Iterator
from wsgiref.types import StartResponse, WSGIEnvironment

CONFIG = {"debug": False}


def variety(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"variety"]


def create_app(name: str = "made", *, loud: bool = False) -> object:
    text = name.upper() if loud else name

    def made(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [text.encode()]

    return made


def make_nothing() -> None:
    return None


def make_trouble() -> None:
    raise LookupError("no such tenant")


def make_exit() -> None:
    raise SystemExit(0)


def arguments(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [" ".join(sys.argv[1:]).encode()]


class Site:
    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"an instance"]


class Once:
    """The class form of PEP 3333: calling it makes the iterable."""

    def __init__(self, environ: WSGIEnvironment, start_response: StartResponse) -> None:
        start_response("200 OK", [("Content-Type", "text/plain")])

    def __iter__(self) -> Iterator[bytes]:
        yield b"an iterable"


site = Site()


async def asgi(scope: object, receive: object, send: object) -> None:
    raise NotImplementedError


class AsgiSite:
    async def __call__(self, scope: object, receive: object, send: object) -> None:
        raise NotImplementedError


asgi_site = AsgiSite()


def one_argument(environ: WSGIEnvironment) -> Iterable[bytes]:
    return []
