"""The `fast` engine: leader and followers on one epoll.

::

    server = Server(app, [Site(sock)], threads=4)
    server.serve()        # until server.shutdown(), which a signal handler may call, has drained it

N threads run the same loop. Each waits for one event on one epoll whose sockets are armed once (EPOLLONESHOT); whoever
wakes owns that connection: reads, parses, calls the app, sends, arms again. There is no queue, no hand-over, no lock on
that path. With one thread it is an event loop; with four, three apps that block do not stop the fourth.

Who waits is in `parking`. While one thread serves (see `staffing`), it takes the events of several connections in one call,
see `batch`, and leaves them armed. Those that are not its turn yet stay parked, and when it turns out to be held up, they are
armed again for the others.

The thread that calls `serve` keeps the clock. It never runs the app, so that a signal is always handled at once.

A thread whose app streams faster than its client reads waits, and another takes its place. While an app makes the next
piece of a stream, the clock sends what is left of the last, see `lending`.
"""

from _thread import allocate_lock
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from . import forked
from .acceptor import Acceptor, Site
from .alarm import Alarm
from .batch import Batch
from .channel import Channel
from .connection import Connection
from .crew import Crew
from .engine import Engine
from .fair import FEW
from .heart import Heart
from .lending import PAUSE, Lending
from .parking import Parking
from .poller import make_poller
from .resting import Resting
from .settings import Settings
from .staffing import CALM, LOOK, Staffing

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

__all__ = ["Server", "Settings", "Site"]

_ROUND, _LOOK_NOW = b"!", b"."
"""What wakes the clock: a round is to be made at once; so much is done that one thread may be enough."""
_NEVER = float("inf")
_MANY = 255
"""After each so many turns, and one, the clock has a look."""


class Server(Engine):
    """An app on listening sockets, served by threads. Making one opens nothing; `serve` does."""

    def __init__(
        self, app: "WSGIApplication", sites: Sequence[Site], *, threads: int = 4, settings: Settings | None = None
    ) -> None:
        super().__init__(app, sites, settings or Settings())
        self.multithread = threads > 1
        self._staffing = Staffing(threads)
        self._crew = Crew(self._work, threads)
        self._turns = 0
        self._parking = Parking(self._park_again)
        self._batch = Batch(self._staffing)
        self._again: Acceptor | None = None
        """The one that a thread is about to accept from again: not armed when it is parked."""
        self._resting = Resting(self.park_accept, self.take)
        self._alarm, self._heart, self._over = Alarm(), Heart(), False
        self._lending = Lending(partial(self._alarm.ring, _LOOK_NOW))

    def serve(self, pulse: Callable[[], None] = lambda: None) -> None:
        """Serve until `shutdown`, and return when it has drained. To be called once.

        `pulse` is called about once a second by one of the threads, and for the first time when they accept.
        """
        self._poller = make_poller()
        self._parking.open(self._poller)
        self._alarm.open()
        self._heart.open(self._poller, pulse)
        try:
            self._open()
            next_round = 0.0
            # A thread may be accepting still, and its connection is not among the others yet.
            while not (self.draining and not self._acceptors and not self.connections):
                now = monotonic()
                if now >= next_round:
                    next_round = now + self._round()
                    self._heart.tick()
                pause = min(next_round - now, self._staff(now), self._forward())
                rest = self._resting.look(now, self._turns, free=self._owned() < self._crew.serving)
                if _ROUND in self._alarm.wait(min(pause, rest)):
                    next_round = 0.0
        finally:
            self._stop()
            self._heart.close()
            self._alarm.close()

    def wake(self) -> None:
        self._alarm.ring(_ROUND)

    def park_read(self, connection: Connection) -> None:
        self._parking.park(connection, self._poller.READ)

    def park_write(self, connection: Connection) -> None:
        self._parking.park(connection, self._poller.WRITE)

    def park_accept(self, acceptor: Acceptor) -> None:
        self._parking.waiting[acceptor.fd] = acceptor  # first: who arms it now finds it there
        if not self.draining and acceptor is not self._again:  # else the clock closes it
            self._poller.listen(acceptor.fd)

    def rest(self, acceptor: Acceptor, seconds: float) -> None:
        self._resting.add(acceptor, seconds)
        if not self._staffing.alone or self._crew.serving > 1:  # else the one sees to it, while it waits too
            self._alarm.ring(_LOOK_NOW)

    def take(self, one: Connection | Acceptor) -> bool:
        return self._parking.take(one)

    def hold(self, connection: Connection) -> None:
        waiter = allocate_lock()
        waiter.acquire()
        connection.waiter = waiter
        self._pass_on()  # first: who is left alone then begins a batch of its own
        self._crew.step_out()
        self.park_write(connection)
        self._alarm.ring(_LOOK_NOW)
        waiter.acquire()
        if connection.out:
            connection.lend()
        self._crew.step_in(self._heart.stir)
        self._parking.passes += 1  # there is one more now that may wait for events

    def release(self, connection: Connection) -> None:
        waiter, connection.waiter = connection.waiter, None
        waiter.release()

    def lend(self, connection: Channel) -> None:
        self._lending.lend(connection)

    def take_back(self, connection: Channel) -> None:
        self._lending.take_back(connection)

    def _round(self) -> float:
        self._parking.passes += 1
        # Who was told of an arrival may have been killed, or stopped, before it accepted: then somebody must look.
        for acceptor in [] if self.draining else list(self._acceptors):
            if self.take(acceptor):  # of what epoll has to tell, its turn would be the last again
                self._resting.add(acceptor, 0)
        while self.draining and (rested := self._resting.pop()) is not None:
            self.park_accept(rested)
        self._parking.contested = True
        pause = super()._round()
        self._parking.contested = False
        return pause

    def _staff(self, now: float) -> float:
        """Let as many threads serve as are wanted. Returns the seconds until it is to be asked again."""
        staffing = self._staffing
        staffing.look(now, self._turns, self._owned() > 0, self._crew.ids)
        self.corks = staffing.alone or not self.multithread
        if not staffing.alone:
            self._pass_on()
        self._batch.look()
        self._crew.fill(staffing.wanted)
        soon = staffing.suspects or self._batch.holds
        return (LOOK if soon else CALM) if staffing.alone else _NEVER

    def _forward(self) -> float:
        """Send what slow clients take meanwhile. Returns the seconds until it is to be asked again."""
        self._lending.look()
        alone = not self._crew.serving  # no thread can be had, and all wait for their clients
        if alone:
            self._parking.flush_held()
        return PAUSE if alone or self._lending.any else _NEVER

    def _owned(self) -> int:
        """How many connections and listeners a thread is at."""
        asleep = len(self._parking.waiting) + len(self._paused) + len(self._resting)
        return len(self.connections) + len(self._acceptors) - asleep

    def _pass_on(self) -> None:
        """Let other threads do what one has taken on, and does not come to."""
        self._parking.passes += 1
        batch, again, self._again = self._batch, self._again, None
        if again is not None:
            self._parking.arm_again(again)
        batch.pass_on()
        events, batch.events = batch.events, []
        for fd, _ in events:
            one = self._parking.waiting.get(fd)
            if one is not None:
                self._parking.arm_again(one)
            elif fd == self._heart.fd:
                self._heart.stir()

    def _work(self) -> None:
        staffing, batch, crew, parking = self._staffing, self._batch, self._crew, self._parking
        poller, read, all_told, claim = self._poller, self._poller.READ, self._poller.ALL_TOLD, parking.claim
        wait, some, at_most, rests = poller.wait, poller.wait_for_some, poller.wait_at_most, self._resting
        while not self._over:
            shared, passes = None, parking.passes
            if not staffing.alone:
                events = wait()
            elif crew.serving > 1:
                events = staffing.timed(wait)
            else:
                batch.begin(events := staffing.timed(partial(at_most, rests.due()) if rests else some))
                if staffing.alone:
                    shared = batch
                else:  # no longer: others have come while this one waited
                    self._pass_on()
            for fd, event in events:
                one = claim(fd, None)
                turns = self._turns = self._turns + 1  # that two threads may count as one changes nothing
                if not turns & _MANY and not staffing.alone:
                    self._alarm.ring(_LOOK_NOW)
                if type(one) is Connection:
                    try:
                        if one.turn(shared):
                            if shared is not None and event == all_told and one.emptied:
                                parking.stay(one, passes)
                            else:
                                parking.park(one, read)
                    except Exception:
                        one.broke()
                elif type(one) is Acceptor:
                    poller.heard(fd)
                    if shared is None:
                        self._welcome(one)
                    else:
                        self._welcome_some(one)
                elif fd == self._heart.fd:
                    self._heart.beat()
                batch.send_old()
                # In its turn, behind all who are ready, a new client would wait for their requests, and for as many
                # more for each new one before it.
                self._welcome_rested()
                if shared is not None and batch.events is not events:  # the rest of them is others' by now
                    break
            if shared is not None:
                batch.send()
                if not events:
                    self._welcome_rested()
            if (crew.returning or crew.serving > staffing.wanted) and crew.leave(staffing.wanted):
                return

    def _welcome_some(self, acceptor: Acceptor) -> None:
        """Accept, and again when that one is answered and closed, so that clients of one request each are not waited for
        one by one. The listener is armed when that is over, or when the clock lets others in."""
        for _ in range(FEW):
            passes = self._parking.passes
            self._again = acceptor
            if not self._staffing.alone:  # others may have been let in before, and nobody would arm it
                self._again = None
            one = self._welcome(acceptor)
            self._again = None
            found = self._parking.claim(acceptor.fd, None)
            if found is not acceptor:  # it rests, or is another's by now
                if found is not None:
                    self._park_again(found)
                return
            if passes != self._parking.passes or not self._staffing.alone:  # it may be armed
                self._poller.heard(acceptor.fd)
                break
            if one is None or not one.gone:
                break
            self._turns += 1
            self._batch.send_old()
        self.park_accept(acceptor)

    def _welcome_rested(self) -> None:
        acceptor = self._resting.rested()
        if acceptor is not None:
            self._turns += 1
            self._welcome(acceptor)

    def _welcome(self, acceptor: Acceptor) -> Connection | None:
        one = self.accept(acceptor)
        if one is not None:
            try:
                if one.turn():
                    self.park_read(one)
            except Exception:
                one.broke()
        return one

    def _stop(self) -> None:
        self._over = True
        forked.end(self)
        self._poller.stop()
        if self.draining:  # else an error ends us, and a thread may be in the app for long
            self._crew.wait()
            self._poller.close()
