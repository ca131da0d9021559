"""Listeners that let other processes go first, see `fair`, and until when.

A thread that is through with a request accepts from one that has rested: of all that epoll has to tell, a listener comes last,
behind each connection that is ready by then, and again for the next client. Only while a thread waits, it is left to epoll;
one that serves alone waits for no longer than that, and does not need the clock. (Clients of one request each, the clock was
5 % of what they took.)

Where all threads are in the app, a rest lasts until one is through. The others, which began with it, are through at the same
time, and may each accept one then: else three of four would go on with old clients. (Four threads, an app of 0.1 s, 50 clients
that come at once and ask again and again: the last was answered after 3.3 to 6.2 s, and is now after 2.4 to 2.8.)
"""

from collections import deque
from collections.abc import Callable
from time import monotonic

from .acceptor import Acceptor
from .fair import FEW, REST

_LONGEST_PAUSE = 0.016
"""Seconds between looks, where nothing happens: 740 looks a second were 6 % of a core."""


class Resting:
    """A queue of them. Any thread may put one in, or take one out; the clock looks."""

    __slots__ = ("_late", "_looked", "_park", "_parked", "_pause", "_queue", "_take", "_turns")

    def __init__(self, park: Callable[[Acceptor], None], take: Callable[[Acceptor], bool]) -> None:
        """`park` leaves one to epoll, `take` has it back if epoll has not told of it."""
        self._park, self._take = park, take
        self._parked: list[Acceptor] = []
        """Those of the last look."""
        self._queue: deque[tuple[float, Acceptor]] = deque()
        self._late = 0
        """How many may be accepted without a rest: the last was longer than it had to be. That threads may count it at once
        changes little."""
        self._looked, self._pause, self._turns = 0.0, REST, 0

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, acceptor: Acceptor, seconds: float) -> None:
        """Let `acceptor` rest."""
        if self._late > 0 and seconds:
            self._late -= 1
            seconds = 0.0
        self._queue.append((monotonic() + seconds, acceptor))

    def rested(self) -> Acceptor | None:
        """Take one out that has rested for long enough."""
        found = self._pop() if self._queue else None
        if found is None:
            return None
        late = monotonic() - found[0]
        if late < 0:
            self._queue.appendleft(found)
            return None
        if late >= REST:
            self._late = min(int(late / REST), FEW)
        return found[1]

    def due(self) -> float:
        """Seconds until the first has rested."""
        try:
            return max(self._queue[0][0] - monotonic(), 0.0)
        except IndexError:  # another thread was faster
            return 0.0

    def pop(self) -> Acceptor | None:
        """Take one out, however long it has rested."""
        found = self._pop()
        return found[1] if found is not None else None

    def _pop(self) -> tuple[float, Acceptor] | None:
        try:
            return self._queue.popleft()
        except IndexError:  # another thread was faster
            return None

    def look(self, now: float, turns: int, *, free: bool) -> float:
        """Park what has rested if a thread is `free`; `turns` is how many there have been. Returns the seconds until it is to
        be asked again."""
        parked, self._parked = self._parked, []
        for one in parked:
            if not free and self._take(one):  # the thread was between two requests, and nobody has waited for it
                self.add(one, 0)
        while free and (rested := self.rested()) is not None:
            self._park(rested)
            self._parked.append(rested)
        if free or turns != self._turns:
            self._pause = REST
        elif now - self._looked >= REST:  # who is through accepts by itself, and nobody has begun anything since
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        self._looked, self._turns = now, turns
        return self._pause if self._queue or self._parked else float("inf")
