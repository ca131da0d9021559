"""Who waits for a socket, by its file descriptor.

To take a connection is to pop it from here, which only one thread can (`dict.pop` is atomic). An event whose connection is
gone from here is late, and ignored: a socket that is parked again is armed again, and epoll tells again what is still true. So
a file descriptor that was closed and opened anew in between does no harm either. Where one thread alone waits, a socket stays
armed, and `stay` sees to it that nothing is ignored that is told once.
"""

from collections.abc import Callable
from contextlib import suppress

from .acceptor import Acceptor
from .connection import Connection
from .poller import Poller

One = Connection | Acceptor


class Parking:
    """Connections and listeners that no thread is at."""

    __slots__ = ("_modify", "_poller", "_put_back", "_register", "claim", "contested", "passes", "waiting")

    def __init__(self, put_back: Callable[[One], None]) -> None:
        """`put_back` parks again what was taken, for what it waited for."""
        self._put_back = put_back
        self.waiting: dict[int, One] = {}
        self.claim: Callable[[int, None], One | None] = self.waiting.pop
        """Take whoever waits with a file descriptor, at its event."""

        self.passes = 0
        """How often other threads may have been let in to what one is at."""
        self.contested = False
        """Whether the clock may be about to arm a connection that it has parked: what another says of it to epoll may be
        overruled behind its back."""

    def open(self, poller: Poller) -> None:
        """Begin, with what tells of events."""
        self._poller, self._modify, self._register = poller, poller.modify, poller.register

    def park(self, one: Connection, mask: int) -> None:
        """Let a connection wait."""
        one.stays = False
        self._wait(one, mask)

    def stay(self, one: Connection, passes: int) -> None:
        """Let a connection wait for more to read, without a system call if that can be: for the only thread that waits for
        events, once it has read all there was. There were so many `passes` before it began to wait.

        What comes while it is at the connection, it is told of when it waits again. Others, let in since, may have been
        told in its place, and have ignored it.
        """
        if self.contested:
            self.park(one, self._poller.READ)  # as the clock does
        elif one.stays:
            self.waiting[one.fd] = one
        else:
            one.stays = True
            self._wait(one, self._poller.STAY)
        if passes != self.passes:
            self.arm_again(one)

    def _wait(self, one: Connection, mask: int) -> None:
        fd = one.fd
        self.waiting[fd] = one
        try:
            self._modify(fd, mask)
        except OSError:  # it is not known yet; or a thread with a late event has taken it since, and closed it
            if not one.gone:
                with suppress(FileExistsError):  # or parked it
                    self._register(fd, mask)

    def take(self, one: One) -> bool:
        """Stop its waiting. Returns whether it did wait."""
        found = self.claim(one.fd, None)
        if found is one:
            (self._poller.heard if isinstance(one, Acceptor) else self._poller.disarm)(one.fd)
            return True
        if found is not None:  # `one` is closed, and its number is another's by now
            self._put_back(found)
        return False

    def arm_again(self, one: One) -> None:
        """Let others be told of what has been told already, if it waits."""
        if self.take(one):
            self._put_back(one)

    def flush_held(self) -> None:
        """Send what is unsent of those whose app waits for that, when no thread is there."""
        for one in list(self.waiting.values()):
            if not isinstance(one, Connection) or one.waiter is None or not self.take(one):
                continue
            if one.waiter is not None:
                one.flush()  # which gives no request: the app is at one
            else:  # it was released since
                self._put_back(one)
