"""The `fast` engine: leader and followers on one epoll.

::

    server = Server(app, [Site(sock)], threads=4)
    server.serve()        # until server.shutdown(), which a signal handler may call, has drained it

N threads run the same loop. Each waits for one event on one epoll whose sockets are armed once
(EPOLLONESHOT); whoever wakes owns that connection: reads, parses, calls the app, sends, arms again. There is
no queue, no hand-over, no dispatcher and no lock on that path. With one thread it is an event loop; with
four, three apps that block do not stop the fourth.

Who waits is in `_parked`, by file descriptor; to take a connection is to pop it from there, which only one thread
can (`dict.pop` is atomic). An event whose connection is gone from there is late, and ignored: a socket that is
parked again is armed again, and epoll tells again what is still true. So a file descriptor that was closed and
opened anew in between does no harm either.

While one thread serves (see `staffing`), it takes the events of several connections in one call. Those that are not
its turn yet stay in `_parked`, and when it turns out to be held up, they are armed again for the others.

The thread that calls `serve` keeps the clock. It never runs the app, so that a signal is always handled at once.

The pulse tells whether a request that came now would be served. So it goes the way of a request: a pipe that is
always readable is armed at each tick, and whoever wakes for it calls `pulse`. When all threads hang, nobody does.

A thread whose app streams faster than its client reads waits, and another takes its place: slow clients hold none.
"""

import os
from _thread import allocate_lock
from collections import deque
from collections.abc import Callable, Sequence
from threading import Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING

from .alarm import Alarm
from .channel import logger
from .connection import Connection
from .engine import Acceptor, Engine, Site
from .fair import REST
from .phase import SEND
from .poller import make_poller
from .settings import Settings
from .staffing import LOOK, Staffing

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

__all__ = ["Server", "Settings", "Site"]

_ROUND, _LOOK_NOW = b"!", b"."
"""What wakes the clock: a round is to be made at once; so much is done that one thread may be enough."""
_MANY = 511
"""After each so many turns, and one, the clock has a look."""


class Server(Engine):
    """An app on listening sockets, served by threads. Making one opens nothing; `serve` does."""

    def __init__(
        self, app: "WSGIApplication", sites: Sequence[Site], *, threads: int = 4, settings: Settings | None = None
    ) -> None:
        super().__init__(app, sites, settings or Settings())
        self.multithread = threads > 1
        self._staffing = Staffing(threads)
        self._turns = 0
        self._serving = 0
        """Threads that are not waiting in `hold`."""
        self._workers: set[Thread] = set()
        self._count = allocate_lock()
        self._over = False
        self._parked: dict[int, Connection | Acceptor] = {}
        self._events: list[tuple[int, int]] = []
        """What the only thread that serves has been told of, and may not have come to yet."""
        self._resting: deque[tuple[float, Acceptor]] = deque()
        """Those that let other processes go first, see `fair`, and until when."""
        self._alarm = Alarm()
        self._heart = -1
        self._beaten = False
        """Whether the pulse has been felt since it was last asked for."""

    def serve(self, pulse: Callable[[], None] = lambda: None) -> None:
        """Serve until `shutdown`, and return when it has drained. To be called once.

        `pulse` is called about once a second by one of the threads, and for the first time when they accept.
        """
        self._poller = make_poller()
        self._modify, self._register = self._poller.modify, self._poller.register
        self._pulse, (self._heart, full) = pulse, os.pipe()
        os.write(full, b"!")
        self._alarm.open()
        try:
            self._open()
            self._register(self._heart, self._poller.READ)
            next_round = 0.0
            # A thread may be accepting still, and its connection is not among the others yet.
            while not (self.draining and not self._acceptors and not self.connections):
                now = monotonic()
                if now >= next_round:
                    next_round = now + self._round()
                    if self._beaten:
                        self._beaten = False
                        self._modify(self._heart, self._poller.READ)
                pause = next_round - now
                if self._staff(now):
                    pause = min(pause, LOOK)
                if self._resting:
                    pause = min(pause, REST)
                if _ROUND in self._alarm.wait(pause):
                    next_round = 0.0
                while self._owned() < self._serving and (acceptor := self._rested()) is not None:
                    self.park_accept(acceptor)
        finally:
            self._stop()
            os.close(self._heart)
            os.close(full)
            self._alarm.close()

    def wake(self) -> None:
        self._alarm.ring(_ROUND)

    def park_read(self, connection: Connection) -> None:
        self._park(connection, self._poller.READ)

    def park_write(self, connection: Connection) -> None:
        self._park(connection, self._poller.WRITE)

    def park_accept(self, acceptor: Acceptor) -> None:
        self._parked[acceptor.fd] = acceptor
        if not self.draining:  # else the clock closes it
            self._poller.listen(acceptor.fd)

    def rest(self, acceptor: Acceptor, seconds: float) -> None:
        self._resting.append((monotonic() + seconds, acceptor))
        self._alarm.ring(_LOOK_NOW)

    def _rested(self) -> Acceptor | None:
        try:
            until, acceptor = self._resting.popleft()
        except IndexError:  # another thread was faster
            return None
        if until <= monotonic():
            return acceptor
        self._resting.appendleft((until, acceptor))
        return None

    def _park(self, one: Connection, mask: int) -> None:
        fd = one.fd
        self._parked[fd] = one
        try:
            self._modify(fd, mask)
        except OSError:  # it is not known yet; or a thread with a late event has taken it since, and closed it
            if not one.gone:
                self._register(fd, mask)

    def take(self, one: Connection | Acceptor) -> bool:
        found = self._parked.pop(one.fd, None)
        if found is not None and found is not one:  # closed, and its number is another's by now
            self._put_back(found)
        if found is one:
            (self._poller.heard if isinstance(one, Acceptor) else self._poller.disarm)(one.fd)
        return found is one

    def hold(self, connection: Connection) -> None:
        waiter = allocate_lock()
        waiter.acquire()
        connection.waiter = waiter
        with self._count:
            self._serving -= 1
        self._pass_on()
        self._start_thread()
        self.park_write(connection)
        waiter.acquire()
        with self._count:
            self._serving += 1  # and whoever is one too many leaves after what it is at

    def release(self, connection: Connection) -> None:
        waiter, connection.waiter = connection.waiter, None
        waiter.release()

    def _round(self) -> float:
        # Who was told of an arrival may have been killed, or stopped, before it accepted: then somebody must look.
        for acceptor in [] if self.draining else list(self._acceptors):
            if self.take(acceptor):
                self.park_accept(acceptor)
        return super()._round()

    def _put_back(self, one: Connection | Acceptor) -> None:
        if isinstance(one, Acceptor):
            self.park_accept(one)
        elif one.phase == SEND:
            self.park_write(one)
        else:
            self.park_read(one)

    def _start_thread(self) -> bool:
        """Start one more, and return whether that could be done: the system may have no more for us. Raises
        RuntimeError if it would be the only one."""
        with self._count:
            self._serving += 1
            thread = Thread(target=self._work, name="chaussette-fast", daemon=True)
            self._workers.add(thread)
        try:
            thread.start()
        except RuntimeError as error:
            with self._count:
                self._serving -= 1
                self._workers.discard(thread)
            if not self._workers:
                raise
            logger.warning("Cannot start another thread (%s): %d serve", error, self._serving)
            return False
        return True

    def _staff(self, now: float) -> bool:
        """Let as many threads serve as are wanted. Returns whether it is to be asked again soon."""
        staffing = self._staffing
        staffing.look(now, self._turns, self._owned() > 0, [each.native_id or 0 for each in list(self._workers)])
        if self._events and not staffing.alone:
            self._pass_on()
        while self._serving < staffing.wanted and self._start_thread():
            pass
        return staffing.alone

    def _owned(self) -> int:
        """How many connections and listeners a thread is at."""
        asleep = len(self._parked) + len(self._paused) + len(self._resting)
        return len(self.connections) + len(self._acceptors) - asleep

    def _pass_on(self) -> None:
        """Let other threads be told of what one has been told of, and does not come to."""
        events, self._events = self._events, []
        for fd, _ in events:
            one = self._parked.get(fd)
            if one is not None and self.take(one):
                self._put_back(one)
            elif fd == self._heart:
                self._modify(fd, self._poller.READ)

    def _leaves(self) -> bool:
        with self._count:
            if self._serving <= self._staffing.wanted:
                return False
            self._serving -= 1
            self._workers.discard(current_thread())
            return True

    def _work(self) -> None:
        parked, staffing, read = self._parked, self._staffing, self._poller.READ
        wait, claim, modify = self._poller.wait, self._parked.pop, self._poller.modify
        wait_for_some = self._poller.wait_for_some
        while not self._over:
            if staffing.alone and self._serving == 1:
                events = self._events = wait_for_some()
            else:
                events = wait()
            for fd, _ in events:
                one = claim(fd, None)
                turns = self._turns = self._turns + 1  # that two threads may count as one changes nothing
                if not turns & _MANY and not staffing.alone:
                    self._alarm.ring(_LOOK_NOW)
                if type(one) is Connection:
                    try:
                        if one.turn():
                            parked[fd] = one
                            modify(fd, read)
                    except Exception:
                        one.broke()
                elif type(one) is Acceptor:
                    self._poller.heard(fd)
                    self._welcome(one)
                elif fd == self._heart:
                    self._pulse()
                    self._beaten = True
                # In its turn, behind all who are ready, a new client would wait for their requests, and for as many
                # more for each new one before it.
                if self._resting and (acceptor := self._rested()) is not None:
                    self._welcome(acceptor)
            if self._serving > staffing.wanted and self._leaves():
                return

    def _welcome(self, acceptor: Acceptor) -> None:
        one = self.accept(acceptor)
        if one is not None:
            try:
                if one.turn():
                    self._parked[one.fd] = one
                    self._register(one.fd, self._poller.READ)
            except Exception:
                one.broke()

    def _stop(self) -> None:
        self._over = True
        self._poller.stop()
        if self.draining:  # else an error ends us, and a thread may be in the app for long
            for thread in list(self._workers):
                thread.join()
            self._poller.close()
