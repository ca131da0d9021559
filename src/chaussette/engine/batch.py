"""What the only thread that serves has taken on at once: events of several connections, their answers, and the pieces
of a stream.

To send wakes the client, if it sleeps; where it runs on the same machine, that costs the sender, on a virtual machine
as much as 20 us. The answer of an app that takes 150 us finds its client asleep each time. So answers of such an app
are gathered, and sent one behind the other: the first wakes the client, and the others find it awake. Of an app that
is as quick as its clients, they never sleep, and to gather its answers would only make them.

An answer waits for `_LONGEST` seconds, and until the app is through with the request that it is at, or the clock looks:
then it sends what has waited for so long. (C code that keeps the GIL keeps the clock too.) When one thread is no longer
enough, others send what is left.
"""

from collections import deque
from time import monotonic
from typing import TYPE_CHECKING

from .pieces import Pieces
from .staffing import Staffing

if TYPE_CHECKING:
    from .channel import Channel
    from .connection import Connection

_LONGEST = 0.002
"""Seconds: what half a dozen requests of a common framework take."""


class Batch:
    """What other threads are to go on with when the one that has taken it on is held up."""

    __slots__ = ("_answers", "_since", "_staffing", "_streams", "events", "gathers")

    def __init__(self, staffing: Staffing) -> None:
        self._staffing = staffing
        self.events: list[tuple[int, int]] = []
        """Those that it may not have come to."""
        self.gathers = False
        """Whether answers are to be left here."""
        self._answers: deque[Connection] = deque()
        self._streams: set[Pieces] = set()
        self._since = 0.0

    @property
    def holds(self) -> bool:
        """Whether something may wait for the clock."""
        return self.gathers or len(self._streams) > 0

    def begin(self, events: list[tuple[int, int]]) -> None:
        """Take on `events`."""
        self.events = events
        self.gathers = self._staffing.slow and len(events) > 1
        if self.gathers:
            self._since = monotonic()

    def leave(self, answer: "Connection") -> None:
        """Leave a connection that has something to send: it may be another thread's from here on."""
        self._answers.append(answer)
        if not self.gathers:  # the clock has come in between
            self.pass_on()

    def pass_on(self) -> None:
        """Let other threads send the answers."""
        self.gathers = False
        while (one := self._next()) is not None:
            one.engine.park_write(one)

    def _next(self) -> "Connection | None":
        """Take one that was left, to send its answer: popleft() is atomic, only one thread can."""
        try:
            return self._answers.popleft()
        except IndexError:
            return None

    def send_old(self) -> None:
        """Send the answers, if they have been gathered for long."""
        if self.gathers:
            now = monotonic()
            if now - self._since >= _LONGEST:
                self.send()
                self._since = now

    def send(self) -> None:
        """Send all answers that no other thread has taken."""
        while (one := self._next()) is not None:
            try:
                one.flush()  # which gives no request: what came with another is not left here
            except Exception:
                one.broke()

    def open(self, channel: "Channel") -> Pieces:
        """Begin to gather the pieces of a stream."""
        pieces = Pieces(channel, self._staffing)
        self._streams.add(pieces)
        return pieces

    def close(self, pieces: Pieces) -> None:
        """Send what is left of a stream."""
        self._streams.discard(pieces)
        pieces.send()

    def look(self) -> None:
        """Send what has waited, from the clock: the app may be busy with what follows."""
        self.send_old()
        for pieces in list(self._streams):
            pieces.send()
