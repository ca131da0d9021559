"""The threads of an engine: how many serve, who joins them, who leaves."""

from _thread import LockType, allocate_lock
from collections import deque
from collections.abc import Callable
from threading import Thread, current_thread

from .channel import logger


class Crew:
    """Threads that run `work`. Each counts itself out when it waits, or ends."""

    def __init__(self, work: Callable[[], None], most: int) -> None:
        """`most` is how many may serve at once, and so run the app."""
        self._work, self._most = work, most
        self._threads: set[Thread] = set()
        self._count = allocate_lock()
        self._refused = False
        """Whether the system had no thread more when it was last asked."""
        self.serving = 0
        """Those that wait for no client."""
        self.returning: deque[LockType] = deque()
        """What those wait for that have waited for their client, and whose place is taken."""

    def _start(self) -> bool:
        """Start one more, which is counted already, and return whether that could be done: the system may have no more for
        us. Raises RuntimeError if it would be the only one."""
        thread = Thread(target=self._work, name="chaussette-fast", daemon=True)
        with self._count:
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as error:
            with self._count:
                if not self._give_place():
                    self.serving -= 1
                self._threads.discard(thread)
            if not self._threads:
                raise
            if not self._refused:
                logger.warning("Cannot start another thread (%s): %d serve", error, self.serving)
            self._refused = True
            return False
        self._refused = False
        return True

    def leave(self, wanted: int) -> bool:
        """Return whether the thread that asks is one too many, or is to make way, and is to end: it counts as ended."""
        with self._count:
            if not self._give_place():
                if self.serving <= wanted:
                    return False
                self.serving -= 1
            self._threads.discard(current_thread())
            return True

    def fill(self, wanted: int) -> None:
        """Let so many serve, or as many as there can be. Raises RuntimeError if there can be none."""
        while True:
            with self._count:
                if self.serving >= wanted:
                    return
                self.serving += 1
            if not self._start():
                return

    def step_out(self) -> None:
        """The thread that says so is about to wait: another takes its place."""
        with self._count:
            if self._give_place():
                return
        self._start()

    def step_in(self, stir: Callable[[], None]) -> None:
        """It has waited. If its place is taken, it waits until one is free, and whoever is one too many then leaves after what
        it is at; `stir` wakes one that is at nothing."""
        place = allocate_lock()
        with self._count:
            if self.serving < self._most:
                self.serving += 1
                return
            place.acquire()
            self.returning.append(place)
        stir()
        place.acquire()

    def _give_place(self) -> bool:
        if not self.returning:
            return False
        self.returning.popleft().release()
        return True

    def ids(self) -> list[int]:
        """Their native ids."""
        return [each.native_id or 0 for each in list(self._threads)]

    def wait(self) -> None:
        """Wait until all have ended. Nobody serves any more, so there is a place for whoever is in the app still."""
        with self._count:
            self._most = 1 << 62
            while self._give_place():
                self.serving += 1
        for thread in list(self._threads):
            thread.join()
