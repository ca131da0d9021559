"""A pipe that wakes a loop: when a signal comes, and when somebody writes to it.

Python handles a signal between two instructions of its own. One that comes when a loop is about to wait, after the last look
and before the system call, is noticed when the wait ends, which on an idle server may be never. `signal.set_wakeup_fd` is
written by the handler in C, so a loop that reads the pipe wakes up at once.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread


@contextmanager
def wakeup_pipe() -> Iterator[tuple[int, int]]:
    """A non-blocking pipe, its end to read and its end to write, that signals write to for the length of the block.

    Outside of the main thread no signal is handled, and none writes.
    """
    woken, wake = os.pipe()
    for end in (woken, wake):
        os.set_blocking(end, False)
    handles = current_thread() is main_thread()
    before = signal.set_wakeup_fd(wake, warn_on_full_buffer=False) if handles else -1
    try:
        yield woken, wake
    finally:
        if handles:
            signal.set_wakeup_fd(before)
        os.close(woken)
        os.close(wake)
