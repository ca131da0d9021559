"""Connections whose app makes the next piece of a stream while something of the last ones is unsent.

PEP 3333 ("Buffering and Streaming") wants that to go on its way meanwhile, be it by another thread: the next piece may be long
in coming. That thread is the clock here. It asks the kernel again every few milliseconds, and only while something is lent: to
be told by epoll, a thread would have to wait there, and all may be in the app.
"""

from _thread import allocate_lock
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .channel import Channel

PAUSE = 0.02
"""Seconds between looks: what a connection may have unsent, `high_water`, is with its client after a few of them."""


class Lending:
    """What the clock sends of. Any thread may lend, and take back what it has lent."""

    __slots__ = ("_lent", "_lock", "_wake", "any")

    def __init__(self, wake: Callable[[], None]) -> None:
        """`wake` lets the clock know that there is something to look at."""
        self._wake, self._lock = wake, allocate_lock()
        self._lent: set[Channel] = set()
        self.any = False
        """Whether the clock is to look."""

    def lend(self, channel: "Channel") -> None:
        """Let the clock send what is unsent of `channel`, which whoever lends it leaves alone from here on."""
        with self._lock:
            self._lent.add(channel)
            known, self.any = self.any, True
        if not known:
            self._wake()

    def take_back(self, channel: "Channel") -> None:
        """Have it to oneself again, once the clock is not at it."""
        with self._lock:
            self._lent.discard(channel)

    def look(self) -> None:
        """Send what the clients take by now."""
        if not self.any:
            return
        with self._lock:
            for channel in list(self._lent):
                try:
                    channel.send_out()
                except Exception:
                    channel.broke()
                if not channel.out:  # all is sent, or the client has gone
                    self._lent.discard(channel)
            self.any = len(self._lent) > 0
