"""`--exit-with-parent`: end as on SIGTERM when the parent process is gone.

A circusd that is killed leaves its workers behind, and they go on serving with the port bound: a new circusd cannot start.

The parent is gone when the kernel has given this process another one, getppid(2). That is asked for once a second, by a
thread of the operating system: the loop of the engine might be what hangs, and the drain has a deadline that deals with it.

What else there is, and why it is not used: PR_SET_PDEATHSIG, prctl(2), gives its signal when the *thread* ends that has
forked, which need not be the end of the parent (a manager that starts us in a pool of threads would end us by that);
pidfd_open(2) is refused by the seccomp filters of some containers; Linux alone has them. All of them have one hole in
common: a parent that ends between our fork and our first look has been replaced before we could know it.
"""

import os
import signal
from _thread import start_new_thread
from collections.abc import Callable
from time import sleep

from ..errors import UsageError

_LOOK = 1.0
"""Seconds between two looks: a system call each."""


def watch() -> None:
    """Send SIGTERM to ourselves when our parent is gone: it drains once we serve, and ends us before. Raises UsageError."""
    parent = os.getppid()
    if parent == 0:
        raise UsageError(
            "--exit-with-parent: the parent process is outside of this PID namespace, and cannot be seen from here. "
            "Leave it out: what starts a container ends it too."
        )
    # Both functions are bound at import, so a monkey patch that comes later cannot make a greenlet of it.
    start_new_thread(_wait, (parent, sleep))


def _wait(parent: int, rest: Callable[[float], None]) -> None:
    while os.getppid() == parent:
        rest(_LOOK)
    os.kill(os.getpid(), signal.SIGTERM)
