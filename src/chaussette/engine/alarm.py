"""What wakes the thread that keeps the clock: a pipe, written by the other threads and by signal handlers."""

import os
import select
from contextlib import suppress


class Alarm:
    """A pipe that is waited for. Making one opens nothing; `open` does."""

    def __init__(self) -> None:
        self._awake = self._wake = -1
        self._waiting = select.poll()

    def open(self) -> None:
        """Open the pipe. Before it is open and after it is closed, nobody needs to be woken."""
        self._awake, self._wake = os.pipe()
        os.set_blocking(self._awake, False)
        os.set_blocking(self._wake, False)
        self._waiting.register(self._awake, select.POLLIN)

    def ring(self, reason: bytes) -> None:
        """Wake who waits, and let it know why: one byte. Safe in a signal handler."""
        if self._wake >= 0:
            with suppress(OSError):  # full: it will wake
                os.write(self._wake, reason)

    def wait(self, seconds: float) -> bytes:
        """Wait for `seconds` at most. Returns the reasons that came."""
        return os.read(self._awake, 4096) if self._waiting.poll(seconds * 1000) else b""

    def close(self) -> None:
        """Close the pipe."""
        wake, self._wake = self._wake, -1
        os.close(self._awake)
        os.close(wake)
