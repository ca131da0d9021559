"""How many threads serve: all of them, or one, while one is all that the app needs.

Under the GIL one thread runs at a time, and further ones are there for apps that wait. For an app that never
does, they only cost: at every system call of the one the others take the lock from it, and have to be
woken for that. (CPython 3.11, four threads against one: a connection for each request 42.2 us and 38.0, a
stream of 100 pieces 656 and 415.)

So a server that is busy with short requests is left to one thread. The clock looks at it every few
milliseconds, and all are back as soon as it is seen waiting: in one turn for two looks, or in requests
for more of its time than it could run. That may delay a request by some looks, once in half a minute at
most. An idle server, a free-threaded Python, and a system that does not tell what a thread has computed
(proc(5)) have all threads, always.
"""

import sys
from collections.abc import Callable, Iterable
from time import monotonic

from .processor import Times, since, times

Events = list[tuple[int, int]]
LOOK, CALM = 0.004, 0.016
"""Seconds between looks at the one thread, when something may be wrong or waits for the clock, and else. What the clock
runs is in no cache, and behind copies of megabytes one look costs 0.3 ms (measured): 250 a second were up to 9 %."""
_SPAN, _SHORT_SPAN = 0.1, 0.03
"""Seconds over which the time on the processor is judged, of one thread, and of all: who is loaded all at once is not
to wait for a tenth of a second to be at its best."""
_BUSY, _QUIET = 0.5, 0.25
"""Of one processor: from where on one thread may do, and below which there is nothing to win."""
_SHORT = 0.001
"""Seconds of computing for one request, on average: of longer ones, a few at once are better."""
_SLOW = 0.00005
"""Seconds of computing for one request, on average: clients of quicker apps are as busy as we are."""
_WAITING = 0.2
"""The part of its time that the one thread may be in a request, yet off the processor: other programs need it too."""
_PAUSE, _LONGEST_PAUSE = 30.0, 600.0
"""Seconds for which an app that was seen waiting keeps all threads: at first, and after it was seen again and again."""


class Staffing:
    """Decides how many threads are `wanted`, from what it is told at each look."""

    __slots__ = (
        *("_all", "_idle", "_known", "_not_before", "_now", "_pause", "_seen", "_suspected", "_times"),
        *("_turns", "idle", "slow", "waiting", "wanted"),
    )

    def __init__(self, threads: int, *, gil: bool | None = None) -> None:
        """`gil` is whether one thread runs at a time; None asks the interpreter."""
        if gil is None:
            gil = getattr(sys, "_is_gil_enabled", lambda: True)()
        self._all = self.wanted = threads
        self.slow = False
        """Whether a request takes so long that a client who waits for it sleeps, see `batch`."""
        self.idle = self.waiting = 0.0
        """Seconds for which the one thread has waited for events, and since when it does; 0 while it does not."""
        self._not_before = 0.0 if gil and threads > 1 else float("inf")
        self._pause = _PAUSE
        self._now = self._idle = 0.0
        self._known = False
        """Whether `idle` is known for the whole span: who waited before it was left alone was not asked."""
        self._times: Times = {}
        self._suspected: tuple[float, Times] | None = None
        self._turns = self._seen = 0

    @property
    def alone(self) -> bool:
        """Whether one thread serves, and is to be looked at."""
        return self.wanted < self._all

    @property
    def suspects(self) -> bool:
        """Whether the next look is to follow soon."""
        return self._suspected is not None

    def timed(self, wait: Callable[[], Events]) -> Events:
        """Wait for events, of which it takes notice."""
        self.waiting = began = monotonic()
        events = wait()
        self.waiting = 0.0
        self.idle += monotonic() - began
        return events

    def look(self, now: float, turns: int, owned: bool, threads: Callable[[], Iterable[int]]) -> None:
        """Take notice: the time in seconds, how many turns there have been since the start, whether a thread is in
        one, and who tells the native ids of the threads that serve."""
        if now < self._not_before:
            return
        if turns == self._seen and owned and self.alone:
            self._suspect(now, times(threads()))
            return
        self._suspected = None
        self._seen = turns
        span = now - self._now
        if span >= (_SPAN if self.alone else _SHORT_SPAN):
            done, self._turns = turns - self._turns, turns
            found = times(threads())
            ran, waited = since(self._times, found)
            waiting = self.waiting
            idle = self.idle + (now - waiting if waiting else 0.0)
            busy, self._idle = 1.0 - (idle - self._idle) / span, idle
            self._judge(now, busy, (ran + waited) / span, ran / done if done else 0.0)
            self._now, self._times = now, found

    def _suspect(self, now: float, found: Times) -> None:
        """One turn takes longer than a look: all threads, unless other programs have the processor."""
        if self._suspected is not None:
            before, earlier = self._suspected
            if now - before < LOOK:  # whoever looks may have been woken for another reason
                return
            if since(earlier, found)[1] < (now - before) / 2:
                self._everybody(now)
                return
        self._suspected = now, found

    def _judge(self, now: float, busy: float, load: float, each: float) -> None:
        """Decide, by the parts of the time for which they did not wait for events, and for which they could run, and
        by the seconds that a turn took."""
        self.slow = each > _SLOW
        if not self.alone:
            self._known = False
            if load > _BUSY and each < _SHORT:
                self.wanted = 1
        elif self._known and busy - load > _WAITING:
            self._everybody(now)
        elif load < _QUIET:
            self.wanted = self._all
        else:
            self._known = True

    def _everybody(self, now: float) -> None:
        """The app waits: all threads, for a while."""
        self.wanted, self._suspected = self._all, None
        self._not_before = now + self._pause
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
