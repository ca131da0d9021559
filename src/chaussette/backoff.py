"""A process that cannot serve, under a process manager that starts it again and again.

Circus starts a failed worker anew at every tick, for ever; its flapping plugin does nothing. So a process that fails
before it serves waits before it exits: as long as the failing has lasted so far, from one second to half a minute. The
manager sees a process that lives, and the machine has a quiet CPU. A repaired app is not held up: a reload or restart sends
SIGTERM, which ends the wait at once.

What is remembered from one process to the next is when the failing began: the modification time of an empty file, one for
each manager and app. The first process that serves removes it.

A process that somebody started by hand does not wait, nor one that systemd started, which limits restarts itself. That
one is told apart by SYSTEMD_EXEC_PID: a manager that is a service of systemd hands the variable on to its own processes.
"""

import os
import stat
import time

SHORTEST, LONGEST = 1.0, 30.0
"""Seconds to wait: the first is over before a person is puzzled, the last is Circus's own kill timeout."""


def has_manager() -> bool:
    """Whether whoever started this process will start it again: it leads a process group and has no terminal."""
    if os.getpgrp() != os.getpid() or os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()):
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return True
    return False


def delay(app: str) -> float:
    """Seconds to wait before this process exits, because `app` failed once more."""
    path = _path(app)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        return SHORTEST
    except FileExistsError:
        found = os.lstat(path)
    except OSError:
        return LONGEST
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        return LONGEST
    return min(max(SHORTEST, time.time() - found.st_mtime), LONGEST)


def forget(app: str) -> None:
    """Remove the memory of failures: `app` serves."""
    path = _path(app)
    try:
        if os.lstat(path).st_uid == os.geteuid():
            os.unlink(path)
    except OSError:
        return


def _path(app: str) -> str:
    here = os.stat(os.curdir)
    name = "".join(letter if letter.isalnum() else "-" for letter in app)[:100]
    folder = os.environ.get("TMPDIR") or "/tmp"
    return os.path.join(folder, f"chaussette-failing-{os.geteuid()}-{os.getppid()}-{here.st_dev}-{here.st_ino}-{name}")
