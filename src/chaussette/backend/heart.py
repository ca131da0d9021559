"""The pulse of an engine whose app runs in threads: a task that waits for a thread like any request.

So it tells whether a request that came now would be served, and stops when all threads hang.
"""

from collections.abc import Callable
from time import monotonic

from .base import Pulse

_PAUSE = 1.0
"""Seconds between two pulses, at least."""


class Heart:
    """`submit` gives a task to a thread, or runs it at once where the loop itself serves the app."""

    def __init__(self, pulse: Pulse, submit: Callable[[Pulse], object]) -> None:
        self._pulse, self._submit = pulse, submit
        self._next = 0.0

    def beat(self) -> None:
        """Ask for a pulse, if the last one is over and a while ago. Called by the engine's loop."""
        if monotonic() >= self._next:
            self._next = float("inf")
            self._submit(self._run)

    def _run(self) -> None:
        self._pulse()
        self._next = monotonic() + _PAUSE
