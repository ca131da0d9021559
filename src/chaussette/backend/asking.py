"""How an engine on asyncio is asked for its drain: by a signal handler, by another thread, or before its loop runs.

asyncio's own `add_signal_handler` would take the signals from `lifecycle`. With a wakeup pipe among its readers the loop comes
back at once when a signal is there, and Python's handlers run.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from .wakeup import wakeup_pipe


class Asking:
    """Whether the drain has been asked for, and a way to wait for it."""

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
