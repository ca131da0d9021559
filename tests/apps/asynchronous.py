"""An ASGI app, a path for each behaviour that a server is tested for; its life is told to the log."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    if scope["path"] == "/stream":
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        reader, writer = await asyncio.open_unix_connection(os.environ["GATE"])
        await reader.read(2)
        writer.close()
        await send({"type": "http.response.body", "body": b"second"})
    elif scope["path"] == "/echo":
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            await send({"type": "http.response.body", "body": message["body"], "more_body": more})
    else:
        await send({"type": "http.response.body", "body": b"%d\n" % os.getpid()})


async def failing(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "no database"})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        print(message["type"], file=sys.stderr, flush=True)
        await send({"type": message["type"] + ".complete"})
        if message["type"] == "lifespan.shutdown":
            return
