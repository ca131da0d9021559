"""What all engines on asyncio need: a way to be asked for the drain, and listeners that are left as they are.

asyncio's own `add_signal_handler` would take the signals from `lifecycle`. With a wakeup pipe among its readers the loop comes
back at once when a signal is there, and Python's handlers run.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from ..config import Config
from ..listeners import Listener
from .bridge import as_asgi
from .heart import Heart
from .wakeup import wakeup_pipe

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

ACCEPTED_AT_ONCE = 16
"""Connections that one process takes before it looks at what it has: asyncio's `backlog`, which would take the whole queue."""


class Listening(socket.socket):
    """A listener for asyncio, which calls `listen()` once more: that would put its backlog in place of the manager's."""

    def listen(self, backlog: int = 0, /) -> None:
        """Nothing: it listens."""


def listening(listener: Listener) -> Listening:
    """A duplicate of a listener's socket, for asyncio to close."""
    return Listening(fileno=socket.dup(listener.sock.fileno()))


async def linger(socks: Iterable[socket.socket], seconds: float, is_connected: Callable[[], bool]) -> None:
    """Accept no more, and let those who are connected send another request for a while."""
    loop = asyncio.get_running_loop()
    for sock in socks:
        if sock.fileno() != -1:
            loop.remove_reader(sock)
    hang_up = loop.time() + seconds
    while is_connected() and loop.time() < hang_up:
        await asyncio.sleep(0.05)


@asynccontextmanager
async def beating(heart: Heart) -> AsyncIterator[None]:
    """Let a heart beat for the length of the block."""

    async def beat() -> None:
        while True:
            heart.beat()
            await asyncio.sleep(0.5)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        task.cancel()


class Asgi:
    """Glue to an engine that serves ASGI apps: the app as one, whatever it is, and a drain that is asked for."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._listeners, self._config = listeners, config
        self._app, self._run = as_asgi(app, listeners, config.threads or 4)
        self._asking = Asking()

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._app.closing = True
        self._asking.ask()

    def in_flight(self) -> int:
        """Requests whose headers have come, and WebSockets."""
        return self._app.in_flight


class Asking:
    """A drain to be asked for by a signal handler, by another thread, or before the loop runs: whether it has been."""

    def __init__(self) -> None:
        self.asked = False
        self._wake = -1

    def ask(self) -> None:
        """Ask. Safe in a signal handler."""
        self.asked = True
        if self._wake != -1:
            with suppress(OSError):  # it has seen `asked` already, and is through
                os.write(self._wake, b".")

    @asynccontextmanager
    async def heard(self) -> AsyncIterator[asyncio.Event]:
        """An event that is set when it is asked, for as long as signals shall be handled at once."""
        event, loop = asyncio.Event(), asyncio.get_running_loop()

        def look() -> None:
            with suppress(BlockingIOError):
                os.read(woken, 512)
            if self.asked:
                event.set()

        with wakeup_pipe() as (woken, self._wake):
            loop.add_reader(woken, look)
            look()
            try:
                yield event
            finally:
                loop.remove_reader(woken)
                self._wake = -1
