"""What the engines have in common: listeners, the clock's rounds, the drain.

An engine subclasses `Engine` and says how a connection waits. In its words: a connection is *parked* when it
waits for its socket, and *taken* by who stops that waiting, which only one can.

The drain (`shutdown`): listeners are closed, what is in their queue is left to the processes that share them;
what is in flight is finished; a connection that is idle may send one more request for `grace` seconds. Every
answer says `Connection: close`.
"""

import os
import socket
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ..http11 import Heads, ResponseHeads
from . import forked
from .acceptor import Acceptor, Site
from .channel import Channel, logger
from .clock import Clock
from .connection import Connection
from .fair import FEW, REST
from .files import FileWrapper
from .phase import APP, BODY, FRESH, HEAD, IDLE, SEND
from .settings import Settings

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_SPARE_FILES = 50
"""Files that an app may open when the connections have taken all others."""
_DRAIN_TICK = 0.05


class Engine:
    """An app on listening sockets. Subclasses say how to wait."""

    multithread = False

    def __init__(self, app: "WSGIApplication", sites: Sequence[Site], settings: Settings) -> None:
        self.app: Any = app
        self.settings = settings
        self.heads = ResponseHeads()
        self.clock = Clock(settings, self.heads)
        self.connections: set[Connection] = set()
        self.draining = False
        self.corks = False
        """Whether the last answer of a connection may wait for the end that follows, see send(2): another thread that gets the
        GIL in between would keep it waiting."""
        self._sites = sites
        self._acceptors: list[Acceptor] = []
        self._paused: list[Acceptor] = []
        self._limit = settings.connections
        self._grace_ends: float | None = None

    def shutdown(self) -> None:
        """Ask for the drain, and return at once. Safe in a signal handler; asking again changes nothing."""
        self.draining = True
        self.wake()

    def in_flight(self) -> int:
        """How many requests have been received, in part at least, and not yet been answered in full."""
        return sum(each.phase in (HEAD, BODY, APP, SEND) for each in list(self.connections))

    # What a subclass says.

    def park_read(self, connection: Connection) -> None:
        """Let `connection` wait until there is something to read."""
        raise NotImplementedError

    def park_write(self, connection: Connection) -> None:
        """Let `connection` wait until it can send."""
        raise NotImplementedError

    def park_accept(self, acceptor: Acceptor) -> None:
        """Let `acceptor` wait for connections."""
        raise NotImplementedError

    def rest(self, acceptor: Acceptor, seconds: float) -> None:
        """Let `acceptor` wait for connections in so many seconds; one that is busy then accepts one between two
        requests."""
        raise NotImplementedError

    def take(self, one: "Connection | Acceptor") -> bool:
        """Stop the waiting of what is parked. Returns whether it was."""
        raise NotImplementedError

    def hold(self, connection: Connection) -> None:
        """Let the app that runs wait until the client has taken some of what is unsent."""
        raise NotImplementedError

    def release(self, connection: Connection) -> None:
        """Let the app go on that waits in `hold`."""
        raise NotImplementedError

    def lend(self, connection: Channel) -> None:
        """Send of what is unsent what the client takes, while the app that streams makes the next piece."""
        raise NotImplementedError

    def take_back(self, connection: Channel) -> None:
        """Leave it alone again."""
        raise NotImplementedError

    def wake(self) -> None:
        """Let the clock's round come early. Safe in a signal handler."""
        raise NotImplementedError

    # What all do.

    def disown(self) -> None:
        """Close what a child has of our connections, see `forked`."""
        for connection in self.connections:
            connection.sock.close()

    def forget(self, connection: Connection) -> None:
        """Count `connection` as closed."""
        self.connections.discard(connection)
        if self._paused:
            self._resume()
        if self.draining and not self.connections:
            self.wake()

    def accept(self, acceptor: Acceptor) -> Connection | None:
        """Accept one connection, if there is one; `acceptor` is parked again, or paused.

        One at a time: whoever accepts serves it at once, as its request mostly has come with it, and leaves the next
        to another thread, or to another process that shares the listener, unless it is through by then.
        """
        if self.draining:
            self._close(acceptor)
            return None
        if len(self.connections) >= self._limit:
            logger.warning("%d connections are open: accepting no more until one is closed", self._limit)
            self._paused.append(acceptor)
            return None
        try:
            sock, remote = acceptor.accept()
        except (BlockingIOError, ConnectionError):  # another was faster, or the client has gone
            self.park_accept(acceptor)
            return None
        except OSError as error:  # out of files or of memory
            logger.warning("Cannot accept (%s): waiting until a connection is closed", error.strerror)
            self._paused.append(acceptor)
            return None
        connection = Connection(self, sock, acceptor.heads, remote)
        self.connections.add(connection)
        if len(self.connections) <= FEW:
            self.park_accept(acceptor)
        else:
            self.rest(acceptor, REST if self.settings.multiprocess and not acceptor.is_crowded() else 0)
        return connection

    def _open(self) -> None:
        """Begin to accept."""
        forked.begin(self)
        self._limit = min(self.settings.connections, _most_files() - _SPARE_FILES)
        self._acceptors = [
            Acceptor(site, Heads(self._facts(site), self.settings.limits, self.settings.spool)) for site in self._sites
        ]
        for acceptor in self._acceptors:
            self.park_accept(acceptor)

    def _facts(self, site: Site) -> dict[str, Any]:
        return {
            "SERVER_NAME": site.server_name,
            "SERVER_PORT": site.server_port,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": self.multithread,
            "wsgi.multiprocess": self.settings.multiprocess,
            "wsgi.run_once": False,
            "wsgi.file_wrapper": FileWrapper,
            "wsgi.input_terminated": True,
        }

    def _round(self) -> float:
        """What the clock does at each tick. Returns the seconds until the next."""
        self.clock.update()
        now = self.clock.now
        cut_idle = self.draining and self._stop_accepting(now)
        for connection in list(self.connections):
            if _is_over(connection, now, cut_idle):
                self._overdue(connection, now, cut_idle)
        if self._paused:
            self._resume()
        return _DRAIN_TICK if self.draining else self.clock.tick

    def _stop_accepting(self, now: float) -> bool:
        """Close the listeners, but those that a thread is at: it will. Returns whether the grace is over."""
        if self._grace_ends is None:
            self._grace_ends = now + self.settings.grace
        for acceptor in [each for each in self._acceptors if self.take(each) or each in self._paused]:
            self._close(acceptor)
        self._paused = []
        return now >= self._grace_ends

    def _close(self, acceptor: Acceptor) -> None:
        self._acceptors.remove(acceptor)
        acceptor.close()

    def _overdue(self, connection: Connection, now: float, cut_idle: bool) -> None:
        if connection.phase == APP:
            if connection.deadline <= now:
                connection.deadline = float("inf")
                late = self.settings.app_timeout
                logger.warning("The app works on a request of %s for more than %g seconds", connection.peer, late)
            return
        if not self.take(connection):
            return  # somebody is at it just now
        phase = connection.phase
        if not _is_over(connection, now, cut_idle):  # somebody was, since it was looked at
            self._park_again(connection)
        elif phase in (FRESH, IDLE, HEAD, BODY) and _has_sent(connection):  # it is we who are late
            connection.deadline = max(connection.deadline, now) + self.clock.tick
            self.park_read(connection)
        elif phase == HEAD:
            connection.refuse(408, f"the headers took more than {self.settings.header_timeout:g} seconds")
        elif phase == BODY:
            self._check_rate(connection, now)
        elif phase == SEND:
            self._check_taken(connection)
        else:
            connection.close()

    def _check_taken(self, connection: Connection) -> None:
        unsent = connection.unsent
        connection.send_out()
        if connection.unsent < unsent and not connection.gone:  # it reads, and nobody had the time to hear it
            connection.deadline = self.clock.send
            self.park_write(connection)
        else:
            connection.close(reset=True)

    def _park_again(self, one: "Connection | Acceptor") -> None:
        """Park what was taken, for what it waited for."""
        if isinstance(one, Acceptor):
            self.park_accept(one)
        elif one.phase == SEND:
            self.park_write(one)
        else:
            self.park_read(one)

    def _check_rate(self, connection: Connection, now: float) -> None:
        if connection.reader.body_bytes >= self.settings.body_rate * (now - connection.began):
            connection.deadline = now + self.clock.tick
            self.park_read(connection)
        else:
            connection.refuse(408, f"the body came at less than {self.settings.body_rate} bytes a second")

    def _resume(self) -> None:
        if len(self.connections) >= self._limit:
            return
        while self._paused:
            try:
                acceptor = self._paused.pop()
            except IndexError:  # another thread was faster
                return
            self.park_accept(acceptor)


def _is_over(connection: Connection, now: float, cut_idle: bool) -> bool:
    return connection.deadline <= now or (cut_idle and connection.phase in (FRESH, IDLE))


def _has_sent(connection: Connection) -> bool:
    """Whether a client that seems late has sent something that nobody has had the time to read."""
    try:
        return bool(connection.sock.recv(1, socket.MSG_PEEK))
    except OSError:
        return False


def _most_files() -> int:
    soft = os.sysconf("SC_OPEN_MAX")
    return soft if soft >= 0 else sys.maxsize
