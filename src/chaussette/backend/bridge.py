"""A WSGI app as an ASGI one, in threads.

The body of a request is read before the app is called, so that a client that sends slowly holds no thread; what does not fit
into memory goes to a temporary file. Each piece of an answer is sent when it is made, and the next one is made when the client
has taken it. When the client has gone, the app's iterable is closed: it does not run on for nobody.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, Any, cast
from urllib.parse import unquote_to_bytes

from ..interface import is_asgi
from ..listeners import Listener
from .base import Pulse
from .facts import facts_of
from .goodbye import ASGIApp, Goodbye, Message, Receive, Send
from .shield import Shield

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_IN_MEMORY = 1 << 20
"""Bytes of a body that are kept in memory: most forms and API calls are shorter."""
_LONGEST = 1 << 30
"""Bytes that a body may have; it is the disk that this protects. waitress's number."""
_PLAIN = {"HTTP_CONTENT_LENGTH": "CONTENT_LENGTH", "HTTP_CONTENT_TYPE": "CONTENT_TYPE"}


def as_asgi(
    app: "WSGIApplication", listeners: Sequence[Listener], threads: int
) -> tuple[Goodbye, Callable[[Pulse], object]]:
    """The app, of whichever kind it is, for an ASGI engine; and how to run a task where the app runs."""
    if is_asgi(app):
        return Goodbye(cast(ASGIApp, app)), lambda task: task()
    bridge = Bridge(app, listeners, threads)
    return Goodbye(bridge), bridge.run


class Bridge:
    """The ASGI app."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], threads: int) -> None:
        self._app = Shield(app, {})
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="wsgi")
        # A request names its listener by a port, or by none: then it is a unix socket.
        self._facts = {_port(each): facts_of(each) for each in listeners}

    def run(self, task: Pulse) -> None:
        """Give a task to the threads."""
        self._threads.submit(task)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        if scope["type"] != "http":
            raise NotImplementedError(f"a WSGI app has no {scope['type']}")
        with SpooledTemporaryFile(_IN_MEMORY) as body:
            try:
                whole = await _read(receive, body)
            except ValueError:
                await _send(send, 413, [(b"content-length", b"0"), (b"connection", b"close")])
                return
            if whole:
                await self._answer(self._environ(scope, body), receive, send)

    async def _answer(self, environ: dict[str, Any], receive: Receive, send: Send) -> None:
        run = asyncio.get_running_loop().run_in_executor
        status, headers = 500, list[tuple[bytes, bytes]]()

        def start(line: str, pairs: list[tuple[str, str]], exc_info: object = None) -> Callable[[bytes], object]:
            nonlocal status, headers
            status = int(line.partition(" ")[0])
            headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
            return lambda piece: None  # Shield has its own

        pieces: Iterable[bytes] = await run(self._threads, self._app, environ, start)
        gone = asyncio.ensure_future(receive())
        try:
            if isinstance(pieces, list | tuple):
                body = b"".join(pieces)
                if status not in (204, 304) and not any(name == b"content-length" for name, _ in headers):
                    headers.append((b"content-length", str(len(body)).encode()))
                await _send(send, status, headers, body)
                return
            await send({"type": "http.response.start", "status": status, "headers": headers})
            iterator = iter(pieces)
            while not gone.done() and (piece := await run(self._threads, next, iterator, None)) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            gone.cancel()
            if hasattr(pieces, "close"):
                await run(self._threads, pieces.close)

    def _environ(self, scope: Message, body: IO[bytes]) -> dict[str, Any]:
        environ: dict[str, Any] = {}
        for raw, value in scope["headers"]:
            if b"_" in raw:  # X_Name would pass for X-Name, and no proxy that guards one knows of the other
                continue
            key = "HTTP_" + raw.decode("latin-1").upper().replace("-", "_")
            text = value.decode("latin-1")
            if key in environ:
                text = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ', '}{text}"
            environ[key] = text
        for key, plain in _PLAIN.items():
            if key in environ:
                environ[plain] = environ.pop(key)
        server, client = scope.get("server"), scope.get("client")
        port = server[1] if server and server[1] in self._facts else None
        path = scope.get("raw_path") or scope["path"].encode()
        environ |= {
            "REQUEST_METHOD": scope["method"],
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote_to_bytes(path.partition(b"?")[0]).decode("latin-1"),
            "QUERY_STRING": scope["query_string"].decode("latin-1"),
            "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
            "REMOTE_ADDR": client[0] if client and port else "",
            "wsgi.input": body,
            "wsgi.input_terminated": True,
            **self._facts[port],
        }
        if client and port:
            environ["REMOTE_PORT"] = str(client[1])
        return environ


async def _live(receive: Receive, send: Send) -> None:
    """The lifespan of an app that has none."""
    kind = ""
    while kind != "lifespan.shutdown":
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})


def _port(listener: Listener) -> int | None:
    return None if listener.kind == "unix" else int(listener.server_port)


async def _read(receive: Receive, body: IO[bytes]) -> bool:
    """Read a request's body; whether it came to its end. Raises ValueError for one that is too long."""
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return False
        body.write(message.get("body", b""))
        if body.tell() > _LONGEST:
            raise ValueError("too long")
        more = message.get("more_body", False)
    body.seek(0)
    return True


async def _send(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
