"""What all engines on gevent's hub need: a way to be asked for the drain, signals that are handled at once, and a pulse.

What runs inside gevent must not block the hub, and a signal handler may run in any greenlet: who asks only leaves a callback on
the loop. A wakeup pipe among the loop's watchers brings it back when a signal is there.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import gevent
from gevent.event import Event

from .base import Pulse
from .wakeup import wakeup_pipe

_PULSE = 1.0
"""Seconds between two pulses of the hub."""


@contextmanager
def awake() -> Iterator[None]:
    """Let the hub handle signals at once, for the length of the block."""
    with wakeup_pipe() as (woken, _):
        watcher = gevent.get_hub().loop.io(woken, 1)
        watcher.start(lambda: os.read(woken, 512))
        try:
            yield
        finally:
            watcher.stop()
            watcher.close()


class Asking:
    """A drain to be asked for by a signal handler, by another thread, or before the hub runs: whether it has been."""

    def __init__(self) -> None:
        self.asked = False
        self._loop: Any = None
        self._event: Any = None

    def ask(self) -> None:
        """Ask. Safe in a signal handler."""
        self.asked = True
        if self._event is not None:
            self._loop.run_callback_threadsafe(self._event.set)

    @contextmanager
    def heard(self, pulse: Pulse) -> Iterator[Any]:
        """An event that is set when it is asked; while the block lasts, signals are handled at once, and the pulse is felt."""
        self._loop, self._event = gevent.get_hub().loop, Event()
        if self.asked:
            self._event.set()
        timer = self._loop.timer(0.0, _PULSE)
        timer.start(pulse)
        try:
            with awake():
                yield self._event
        finally:
            timer.stop()
            timer.close()
