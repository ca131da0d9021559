"""The threads of an engine: how many serve, who joins them, who leaves."""

from _thread import allocate_lock
from collections.abc import Callable
from threading import Thread, current_thread

from .channel import logger


class Crew:
    """Threads that run `work`. Each counts itself out when it waits, or ends."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._threads: set[Thread] = set()
        self._count = allocate_lock()
        self.serving = 0
        """Those that wait for no client."""

    def join(self) -> bool:
        """Start one more, and return whether that could be done: the system may have no more for us. Raises
        RuntimeError if it would be the only one."""
        thread = Thread(target=self._work, name="chaussette-fast", daemon=True)
        with self._count:
            self.serving += 1
            self._threads.add(thread)
        try:
            thread.start()
        except RuntimeError as error:
            with self._count:
                self.serving -= 1
                self._threads.discard(thread)
            if not self._threads:
                raise
            logger.warning("Cannot start another thread (%s): %d serve", error, self.serving)
            return False
        return True

    def leave(self, wanted: int) -> bool:
        """Return whether the thread that asks is one too many, and is to end: it counts as ended."""
        with self._count:
            if self.serving <= wanted:
                return False
            self.serving -= 1
            self._threads.discard(current_thread())
            return True

    def step_out(self) -> None:
        """The thread that says so is about to wait."""
        with self._count:
            self.serving -= 1

    def step_in(self) -> None:
        """It has waited. Whoever is one too many then leaves after what it is at."""
        with self._count:
            self.serving += 1

    def ids(self) -> list[int]:
        """Their native ids."""
        return [each.native_id or 0 for each in list(self._threads)]

    def wait(self) -> None:
        """Wait until all have ended."""
        for thread in list(self._threads):
            thread.join()
