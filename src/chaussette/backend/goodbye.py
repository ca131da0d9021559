"""An ASGI app, with what ASGI engines lack put around it: what a drain needs, and a guard.

- Requests are counted.
- While `closing` is true, answers say `Connection: close`.
- A request with both Content-Length and Transfer-Encoding is answered with 400, and the connection is closed: whoever reads
  the one where a proxy has read the other may take a body for a request (RFC 9112, section 6.3). Where the engine does not
  show the one beside the other, the answer to each request with a Transfer-Encoding is the last of its connection.
- So is one in HTTP/1.1 without a Host, or with two (section 3.2).
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_CLOSE = (b"connection", b"close")
_LENGTHS = {b"content-length", b"transfer-encoding"}
_WITH_CONNECTION = ("1.0", "1.1")
"""Later versions have no such header: there the engine says goodbye by itself."""


class Goodbye:
    """An ASGI app around an ASGI app."""

    def __init__(self, app: ASGIApp, *, hides_length: bool = False) -> None:
        """`hides_length`: the engine may drop a Content-Length that comes with a Transfer-Encoding."""
        self._app, self._hides_length = app, hides_length
        self.closing = False
        self.in_flight = 0
        """Requests and WebSockets that the app has, or that are on their way to it."""

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        async def say(message: Message) -> None:
            closing = self.closing or last
            if closing and message["type"] == "http.response.start" and scope["http_version"] in _WITH_CONNECTION:
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"connection"]
                message = {**message, "headers": [*kept, _CLOSE]}
            await send(message)

        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        names = [name for name, _ in scope["headers"]]
        if _LENGTHS.issubset(names) or (scope["http_version"] == "1.1" and names.count(b"host") != 1):
            if scope["type"] == "websocket":
                await send({"type": "websocket.close"})
                return
            await send({"type": "http.response.start", "status": 400, "headers": [(b"content-length", b"0"), _CLOSE]})
            await send({"type": "http.response.body", "body": b""})
            return
        last = self._hides_length and b"transfer-encoding" in names
        self.in_flight += 1
        try:
            await self._app(scope, receive, say if scope["type"] == "http" else send)
        finally:
            self.in_flight -= 1
