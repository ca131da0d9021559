"""What tells whether a request that came now would be served.

It goes the way of a request: a pipe that is always readable is armed at each tick of the clock, and whoever wakes for it calls
the pulse. When all threads hang, nobody does.
"""

import os
from collections.abc import Callable

from .poller import Poller


class Heart:
    """That pipe. Making one opens nothing; `open` does."""

    __slots__ = ("_beaten", "_full", "_poller", "_pulse", "fd")

    def __init__(self) -> None:
        self.fd = self._full = -1
        self._beaten = False
        """Whether the pulse has been felt since it was last asked for."""

    def open(self, poller: Poller, pulse: Callable[[], None]) -> None:
        """Open the pipe, and arm it."""
        self._poller, self._pulse = poller, pulse
        self.fd, self._full = os.pipe()
        os.write(self._full, b"!")
        poller.register(self.fd, poller.READ)

    def beat(self) -> None:
        """A thread has woken for it."""
        self._pulse()
        self._beaten = True

    def tick(self) -> None:
        """Arm it again, if the last beat was felt: else it is armed still."""
        if self._beaten:
            self._beaten = False
            self.stir()

    def stir(self) -> None:
        """Arm it, to wake a thread."""
        self._poller.modify(self.fd, self._poller.READ)

    def close(self) -> None:
        """Give back what it has opened."""
        os.close(self.fd)
        os.close(self._full)
