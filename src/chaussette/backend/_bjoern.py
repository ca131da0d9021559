"""bjoern: a server in C on libev. The fastest there is, quiet upstream since 2022, one request at a time.

It runs in a thread of its own, so that the main one handles signals at once and leads the drain, for which bjoern has only
SIGINT: its handler in C takes that signal from Python's, and when its loop ends it sends itself another one. So SIGINT is given
back to Python once the loop runs; accepting ends by taking the listener out of libev's epoll, and by putting something silent
in its place, as libev makes another epoll, of all that it watches, when an event puzzles it; and only when no connection is
left is the loop told to end, by libev's `ev_feed_signal`, while Python ignores the signal.

It says `Connection: Keep-Alive` in every answer to who would like that, after a `Connection: close` of ours too, which makes a
list that ends the connection (RFC 9110, section 7.6.1), and leaves it to the client to close.

It has one loop and one listener: its buffer for reading is one for the whole process. What it says of clients on IPv6 and
AF_UNIX is memory that nobody wrote, and it knows no client's port.
"""

import ctypes
import os
import select
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Thread, current_thread, main_thread
from time import monotonic, sleep
from typing import TYPE_CHECKING

import _bjoern

from ..config import Config
from ..listeners import Listener
from .base import Pulse, no_pulse
from .facts import facts_of
from .idle import busy, hang_up_idle, is_connected
from .shield import Shield
from .wakeup import wakeup_pipe

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_LOOK = 1.0
"""Seconds between two looks at the loop, for the sake of the pulse."""
_SETTLED = 2
"""Looks without a connection, a tenth of a second apart, that end a drain: when the listener was taken from it, the loop may
have been at accepting."""
_SIGINT_BIT = 1 << (signal.SIGINT - 1)


class Server:
    """bjoern on a listener that is open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._listener, self._config = listeners[0], config
        self._address = [self._listener.sock.getsockname()]
        facts = facts_of(self._listener, multithread=False)
        if self._listener.kind != "tcp":
            facts["REMOTE_ADDR"] = ""
        self._app = Shield(app, facts)
        self._error: BaseException | None = None
        self._asked = False
        self._wake = -1
        self._calls = 0

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        before = _event_polls()
        engine = Thread(target=self._run, name="bjoern", daemon=True)
        with wakeup_pipe() as (woken, self._wake):
            with _sigint_given_back():
                engine.start()
            while not self._asked and engine.is_alive():
                self._beat(engine, pulse)
                select.select([woken], [], [], _LOOK)
                with suppress(BlockingIOError):
                    os.read(woken, 512)
            for poll in _event_polls() - before:
                _stop_polling(poll, self._listener.sock.fileno())
            _let_go(self._listener.sock.fileno())
            self._drain(engine, pulse)
        self._end(engine)
        if self._error:
            raise self._error

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._asked = self._app.closing = True
        if self._wake != -1:
            with suppress(OSError):  # it has seen `_asked` already, and is through
                os.write(self._wake, b".")

    def in_flight(self) -> int:
        """Connections that are not idle, as far as the kernel can tell."""
        return len(busy(self._address))

    def _run(self) -> None:
        try:
            _bjoern.server_run(self._listener.sock, self._app)
        except BaseException as error:
            self._error = error
        finally:
            self.shutdown()

    def _beat(self, engine: Thread, pulse: Pulse) -> None:
        """Feel the pulse of the loop: it waits, or it has called the app again since the last look."""
        frame = sys._current_frames().get(engine.ident or 0)
        if self._app.calls != self._calls or (frame and frame.f_code is Server._run.__code__):
            self._calls = self._app.calls
            pulse()

    def _drain(self, engine: Thread, pulse: Pulse) -> None:
        hang_up = monotonic() + self._config.linger
        looks = 0
        while looks < _SETTLED:
            sleep(0.1)
            looks = 0 if is_connected(self._address) else looks + 1
            self._beat(engine, pulse)
            if monotonic() >= hang_up:
                hang_up_idle(self._address)

    def _end(self, engine: Thread) -> None:
        if current_thread() is not main_thread():
            return
        handler = signal.signal(signal.SIGINT, signal.SIG_IGN)
        ctypes.CDLL(_bjoern.__file__).ev_feed_signal(signal.SIGINT)
        engine.join(1)
        signal.signal(signal.SIGINT, handler)


@contextmanager
def _sigint_given_back() -> Iterator[None]:
    """Hold SIGINT back while bjoern takes it, and give it back to Python's handler."""
    if current_thread() is not main_thread():
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    handler = signal.signal(signal.SIGINT, signal.SIG_DFL)
    yield
    while not _is_sigint_caught():
        sleep(0.001)
    signal.signal(signal.SIGINT, handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])


def _is_sigint_caught() -> bool:
    with open("/proc/self/status") as status:
        line = next(line for line in status if line.startswith("SigCgt:"))
    return bool(int(line.split()[1], 16) & _SIGINT_BIT)


def _event_polls() -> set[int]:
    """The epoll objects of this process, proc(5)."""
    found = set()
    for fd in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if "[eventpoll]" in os.readlink(f"/proc/self/fd/{fd}"):
                found.add(int(fd))
    return found


def _stop_polling(poll: int, fd: int) -> None:
    # Of a duplicate: what is made of an fd closes it in the end.
    with select.epoll.fromfd(os.dup(poll)) as duplicate, suppress(OSError):  # it may be another library's
        duplicate.unregister(fd)


def _let_go(fd: int) -> None:
    """Let a file descriptor be that of something where nothing ever arrives."""
    silent = os.eventfd(0)
    os.dup2(silent, fd, inheritable=False)
    os.close(silent)
