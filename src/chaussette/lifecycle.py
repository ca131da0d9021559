"""Signals in, exit status out: the life of a process that serves.

- The first SIGTERM, SIGINT or SIGHUP asks the backend for a drain. (SIGHUP too, as Circus sends it with `send_hup = True`
  to mean "make way for a new one".)
- SIGINT during the drain, or `graceful_timeout` seconds, ends it at once: what was cut is counted, logged and told by the
  exit status. SIGTERM and SIGHUP change nothing then: managers repeat them. (A Circus that systemd stops is an example: each
  worker gets SIGTERM from systemd, which signals all processes of a service, and from circusd.)
- A signal that was ignored when we started, as nohup(1) does with SIGHUP, stays ignored.
- A child that the app has forked, as multiprocessing does, has our handlers too, and drains nothing: there a signal does what
  it did before. (Else its end would take the socket file along that we have bound.)

The deadline is kept by a thread of the operating system, because the main thread may be inside an app that never returns,
or inside an engine's C code. Its two functions are bound here, at import, so that a later monkey patch cannot turn the
thread into a greenlet of the very loop that hangs.
"""

import os
import signal
from _thread import start_new_thread
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import current_thread, main_thread
from time import sleep
from types import FrameType

from .backend import Backend
from .errors import ExitStatus
from .logs import let_signal_handlers_log, logger

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

_LAST_WORDS = 1.0
"""Seconds to count and log what is cut."""

GiveUp = Callable[[ExitStatus], None]
"""Called when requests are cut: it must end the process. It may be called by any thread."""

Begins = Callable[[Callable[[], int]], None]
"""Called in the signal handler when the drain begins, with what counts the requests in flight."""


class Drain:
    """The one drain of a process: asked for by a signal, bounded by a deadline."""

    def __init__(self, backend: Backend, graceful_timeout: float, give_up: GiveUp, begins: Begins) -> None:
        self._backend, self._timeout, self._give_up, self._begins = backend, graceful_timeout, give_up, begins
        self.asked = False
        """Whether a signal has asked for it."""
        self._over = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Handle one of the signals: begin the drain, or cut it short."""
        name = signal.Signals(number).name
        if self.asked:
            if number == signal.SIGINT:
                self._cut(ExitStatus.IMPATIENT, f"a second signal, {name}")
            return
        self.asked = True
        # A signal that another thread took would not interrupt the main one, where an app may wait in a system call.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        with suppress(RuntimeError):  # the system has no more threads for us: the manager's own deadline has to do
            start_new_thread(self._watch, ())
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._backend.shutdown()
        self._begins(self._backend.in_flight)
        # Last, so that whoever reads it may rely on the drain.
        logger.info("%s: finishing what is in flight, for %g seconds at most", name, self._timeout)

    def finished(self) -> None:
        """Say that the backend has returned: the deadline is off."""
        self._over = True

    def _watch(self) -> None:
        sleep(self._timeout)
        if not self._over:
            self._cut(ExitStatus.DEADLINE, f"{self._timeout:g} seconds have passed")

    def _cut(self, status: ExitStatus, why: str) -> None:
        # To count and to log may fail or block as all else does by now, the log too: the end comes all the same.
        start_new_thread(self._end, (status,))
        count = self._backend.in_flight()
        logger.warning("Ending now, %s: %d request%s cut", why, count, "" if count == 1 else "s")
        self._give_up(status if count else ExitStatus.OK)

    def _end(self, status: ExitStatus) -> None:
        sleep(_LAST_WORDS)
        self._give_up(status)


@contextmanager
def signals(
    backend: Backend, graceful_timeout: float, give_up: GiveUp, begins: Begins = lambda in_flight: None
) -> Iterator[Drain]:
    """Let signals drain `backend` for the length of a `with` block, and put the old handlers back after it.

    After a drain that a signal has asked for, SIGTERM and SIGHUP change nothing still: managers repeat them, and what is
    left to do, a post-hook say, is not to be cut.

    Outside of the main thread Python allows no signal handlers: then whoever runs the thread calls `shutdown()`.
    """
    drain = Drain(backend, graceful_timeout, give_up, begins)
    if current_thread() is not main_thread():
        yield drain
        return
    own, before = os.getpid(), {number: signal.getsignal(number) for number in _SIGNALS}

    def on_signal(number: int, frame: FrameType | None) -> None:
        if os.getpid() == own:
            drain.on_signal(number, frame)
        else:
            signal.signal(number, before[signal.Signals(number)])
            signal.raise_signal(number)

    let_signal_handlers_log()  # after the engine and the app, which may both patch the standard library
    try:
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:
                signal.signal(number, on_signal)
        yield drain
    finally:
        drain.finished()
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if drain.asked and number != signal.SIGINT else handler)
