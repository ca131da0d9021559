"""The `fastgevent` engine: http11 on gevent's hub.

::

    server = Server(app, [Site(sock)], spawn=1000)
    server.serve()        # until server.shutdown(), which a signal handler may call, has drained it

A connection that waits costs an io watcher of the hub and no greenlet. When its socket is ready, a greenlet
takes a turn with it; if the app blocks, the hub goes on. So thousands of requests may wait for something at
once, and `spawn` bounds how many: beyond that, what is ready waits, and nothing is accepted.

Greenlets are used again: with a new one for each request it took 29 us and not 17 (a prototype, CPython 3.11:
each has a frame stack of its own, an mmap and a munmap). So, as with threads, a gevent.local or a context
variable that an app leaves behind is there for a later request; an app that minds clears it.

A read watcher stays active while the app runs, which most apps do without blocking; it is stopped when it
fires in between.
"""

from collections import deque
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event
from gevent.hub import Waiter
from greenlet import getcurrent, greenlet

from . import forked
from .acceptor import Acceptor, Site
from .channel import Channel
from .connection import Connection
from .engine import Engine
from .fair import FEW, REST
from .settings import Settings

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

__all__ = ["Server", "Settings", "Site"]

_READ, _WRITE = 1, 2
_KEPT = 256
"""How many greenlets are kept for later when nothing is to do: enough for a burst, some 10 MB."""


class Server(Engine):
    """An app on listening sockets, served by greenlets. Making one opens nothing; `serve` does.

    `spawn` is how many requests the app may work on at once; None for no limit.
    """

    def __init__(
        self,
        app: "WSGIApplication",
        sites: Sequence[Site],
        *,
        spawn: int | None = None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__(app, sites, settings or Settings())
        self.multithread, self.corks = spawn != 1, True
        self._spawn = spawn or 1 << 62
        self._busy = 0
        """Greenlets that are at a turn, and not waiting in `hold`."""
        self._parked: set[Connection | Acceptor] = set()
        self._watchers: dict[Acceptor, Any] = {}
        self._writers: dict[Channel, Any] = {}
        self._ready: deque[Connection] = deque()
        """Connections that wait for a greenlet."""
        self._returning: deque[Any] = deque()
        """What those wait for that have waited for their client, and whose place is taken."""
        self._blocked: deque[Acceptor] = deque()
        """Listeners that wait for a greenlet."""
        self._accepts = self._again = False
        """Whether the last one that was free has accepted."""
        self._late = 0
        """How many may be accepted without a rest: the last was longer than it had to be, as others were served."""
        self._idle: list[Any] = []
        self._loop: Any = None

    def serve(self, pulse: Callable[[], None] = lambda: None) -> None:
        """Serve until `shutdown`, and return when it has drained. To be called once, in the main greenlet.

        `pulse` is called about once a second while the hub turns, and for the first time when it accepts.
        """
        self._hub, self._news = gevent.get_hub(), Event()
        self._loop = self._hub.loop
        self._open()
        while not (self.draining and not self._acceptors and not self.connections and not self._busy):
            pulse()
            self._news.wait(self._round())
            self._news.clear()
        forked.end(self)

    def wake(self) -> None:
        if self._loop is not None:
            self._loop.run_callback_threadsafe(self._news.set)

    def park_read(self, connection: Connection) -> None:
        self._parked.add(connection)
        if connection.watcher is None:
            connection.watcher = self._loop.io(connection.fd, _READ)
        if not connection.watcher.active:
            connection.watcher.start(self._on_readable, connection)

    def park_write(self, connection: Connection) -> None:
        self._parked.add(connection)
        if connection.watcher is not None:
            connection.watcher.stop()
        writer = self._writers[connection] = self._loop.io(connection.fd, _WRITE)
        writer.start(self._on_writable, connection)

    def park_accept(self, acceptor: Acceptor) -> None:
        self._parked.add(acceptor)
        if acceptor not in self._watchers:
            self._watchers[acceptor] = self._loop.io(acceptor.fd, _READ)
        self._watchers[acceptor].start(self._on_arrival, acceptor)

    def rest(self, acceptor: Acceptor, seconds: float) -> None:
        if self._late:
            self._late -= 1
            self._again = True
            return
        timer = self._loop.timer(seconds)
        timer.start(self._rested, acceptor, timer, monotonic() + seconds)

    def _rested(self, acceptor: Acceptor, timer: Any, until: float) -> None:
        timer.close()
        self._late = min(int((monotonic() - until) / REST), FEW)
        self._on_arrival(acceptor)

    def take(self, one: Connection | Acceptor) -> bool:
        if isinstance(one, Acceptor) and one in self._blocked:
            self._blocked.remove(one)
            return True
        if one not in self._parked:
            return False
        self._parked.discard(one)
        if isinstance(one, Acceptor):
            self._watchers[one].stop()
        else:
            if one.watcher is not None:
                one.watcher.stop()
            self._stop_writer(one)
        return True

    def forget(self, connection: Connection) -> None:
        self._parked.discard(connection)
        if connection.watcher is not None:
            connection.watcher.stop()
            connection.watcher.close()
        self._stop_writer(connection)
        super().forget(connection)

    def disown(self) -> None:
        # libev aborts the process that it finds with a closed file descriptor.
        for watcher in self._watchers.values():
            watcher.stop()
        for connection in self.connections:
            if connection.watcher is not None:
                connection.watcher.stop()
            self._stop_writer(connection)
        super().disown()

    def hold(self, connection: Connection) -> None:
        waiter = connection.waiter = Waiter(self._hub)
        self.park_write(connection)
        self._busy -= 1
        self._use_greenlets()
        try:
            waiter.get()
            if connection.out:
                connection.lend()
        except BaseException:  # a gevent.Timeout of the app's
            if connection.waiter is waiter:
                connection.waiter = None
                self.take(connection)
            raise
        finally:
            self._step_in()

    def _step_in(self) -> None:
        """Wait until the app may work on one request more, and count it."""
        if self._busy < self._spawn:
            self._busy += 1
            return
        place = Waiter(self._hub)
        self._returning.append(place)
        try:
            place.get()  # by whoever makes room, it is counted
        except BaseException:  # as above: one too many, at the app's own wish
            if place in self._returning:
                self._returning.remove(place)
                self._busy += 1
            raise

    def release(self, connection: Connection) -> None:
        waiter, connection.waiter = connection.waiter, None
        self._loop.run_callback(waiter.switch, None)

    def lend(self, connection: Channel) -> None:
        writer = self._writers[connection] = self._loop.io(connection.fd, _WRITE)
        writer.start(self._on_taken, connection)

    def take_back(self, connection: Channel) -> None:
        self._stop_writer(connection)

    # What follows runs in the hub, and must not block.

    def _on_readable(self, connection: Connection) -> None:
        if connection not in self._parked:
            connection.watcher.stop()  # the app is at it still, and the client has sent more
            return
        self._parked.discard(connection)
        if self._busy < self._spawn:
            self._begin(connection)
        else:
            connection.watcher.stop()
            self._ready.append(connection)

    def _on_writable(self, connection: Connection) -> None:
        self._parked.discard(connection)
        self._stop_writer(connection)
        if connection.waiter is not None:  # its greenlet is there already
            connection.turn()
        elif self._busy < self._spawn:
            self._begin(connection)
        else:
            self._ready.append(connection)

    def _on_taken(self, connection: Channel) -> None:
        connection.send_out()
        if not connection.out:
            self._stop_writer(connection)

    def _on_arrival(self, acceptor: Acceptor) -> None:
        self._parked.discard(acceptor)
        self._watchers[acceptor].stop()
        while self._busy < self._spawn or self.draining:
            self._again = False
            if (connection := self.accept(acceptor)) is not None:
                self._begin(connection)
            if not self._again:
                self._late = 0
                return
        self._blocked.append(acceptor)

    def _begin(self, connection: Connection) -> None:
        self._busy += 1
        one = self._idle.pop() if self._idle else greenlet(self._work, self._hub)
        one.switch(connection)

    # What follows runs in a greenlet of ours.

    def _work(self, connection: Connection) -> None:
        me, idle, switch = getcurrent(), self._idle, self._hub.switch
        while True:
            try:
                if connection.turn():
                    self.park_read(connection)
            except Exception:
                connection.broke()
            self._busy -= 1
            if self._ready or self._blocked or self._returning:
                self._use_greenlets()
            if len(idle) >= _KEPT:
                return
            idle.append(me)
            connection = switch()

    def _use_greenlets(self) -> None:
        """Let go on what has waited for a greenlet, from the hub: first what has begun."""
        while self._returning and self._busy < self._spawn:
            self._busy += 1
            self._loop.run_callback(self._returning.popleft().switch, None)
        while (self._ready or self._blocked) and self._busy < self._spawn:
            # In turns: clients that ask again and again would keep new ones waiting for ever.
            self._accepts = bool(self._blocked) and not (self._accepts and self._ready)
            self._busy += 1
            if self._accepts:
                self._loop.run_callback(self._accept_counted, self._blocked.popleft())
            else:
                self._loop.run_callback(self._begin_counted, self._ready.popleft())

    def _accept_counted(self, acceptor: Acceptor) -> None:
        self._busy -= 1
        self._on_arrival(acceptor)
        self._use_greenlets()

    def _begin_counted(self, connection: Connection) -> None:
        self._busy -= 1
        self._begin(connection)

    def _stop_writer(self, connection: Channel) -> None:
        writer = self._writers.pop(connection, None)
        if writer is not None:
            writer.stop()
            writer.close()
