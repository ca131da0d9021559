"""Listeners that let other processes go first, see `fair`, and until when."""

from collections import deque
from time import monotonic

from .engine import Acceptor


class Resting:
    """A queue of them. Any thread may put one in, or take one out."""

    __slots__ = ("_queue",)

    def __init__(self) -> None:
        self._queue: deque[tuple[float, Acceptor]] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, acceptor: Acceptor, seconds: float) -> None:
        """Let `acceptor` rest."""
        self._queue.append((monotonic() + seconds, acceptor))

    def rested(self) -> Acceptor | None:
        """Take one out that has rested for long enough."""
        try:
            until, acceptor = self._queue.popleft()
        except IndexError:  # another thread was faster
            return None
        if until <= monotonic():
            return acceptor
        self._queue.appendleft((until, acceptor))
        return None
