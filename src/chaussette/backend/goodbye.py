"""An ASGI app, counted and told to say goodbye: what a drain needs of any ASGI engine.

While `closing` is true, answers say `Connection: close`.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

_CLOSE = (b"connection", b"close")


class Goodbye:
    """An ASGI app around an ASGI app."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.closing = False
        self.in_flight = 0
        """Requests and WebSockets that the app has, or that are on their way to it."""

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        async def say(message: Message) -> None:
            if self.closing and message["type"] == "http.response.start":
                kept = [pair for pair in message.get("headers", ()) if pair[0].lower() != b"connection"]
                message = {**message, "headers": [*kept, _CLOSE]}
            await send(message)

        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        self.in_flight += 1
        try:
            await self._app(scope, receive, say if scope["type"] == "http" else send)
        finally:
            self.in_flight -= 1
