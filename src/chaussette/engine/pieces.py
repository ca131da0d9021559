"""A stream of small pieces, which costs a system call for each, and wakes the client for each.

Those that an app yields in quick succession are sent together: the first one goes out at once, as does each that comes
a millisecond after what was sent last, or later, with what has waited; what comes sooner waits, for such a piece, for 64
kB of them, for the end of the response, or for the clock.

PEP 3333 ("Buffering and Streaming") wants a piece to go on its way while the app makes the next one, be it by another
thread. That is the clock here: it sends what waits whenever it looks, see `staffing`. Nothing waits unless it does
look, that is, while one thread serves alone: a client waits for a look at most, unless the app goes on in C code that
keeps the GIL, and the clock too.
"""

from _thread import allocate_lock
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .channel import Channel
    from .staffing import Staffing

_SOON = 0.001
"""Seconds: quicker than what a person or a proxy could tell apart, and a hundred pieces of a template."""
_MUCH = 1 << 16
"""Bytes: a send of more saves nothing, as what it costs is the copying then."""


class Pieces:
    """What an app has given of one response, and `channel` has not been told to send."""

    __slots__ = ("_channel", "_lock", "_sent", "_size", "_staffing", "_waiting")

    def __init__(self, channel: "Channel", staffing: "Staffing") -> None:
        self._channel, self._staffing = channel, staffing
        self._lock = allocate_lock()
        self._waiting: list[bytes] = []
        self._size = 0
        self._sent = monotonic()

    def add(self, data: bytes) -> bool:
        """Take the next piece. Returns whether nothing waits now."""
        with self._lock:
            self._waiting.append(data)
            self._size += len(data)
            # The clock decides that it need not look any more before it sends for the last time, with our lock.
            if self._size < _MUCH and self._staffing.alone and monotonic() - self._sent < _SOON:
                return False
            self._send()
            return True

    def send(self) -> None:
        """Send what waits. Any thread may ask for that."""
        with self._lock:
            if self._waiting:
                self._send()

    def _send(self) -> None:
        waiting, self._waiting, self._size = self._waiting, [], 0
        self._channel.push_piece(waiting[0] if len(waiting) == 1 else b"".join(waiting))
        self._sent = monotonic()
