"""A process that cannot serve, under a process manager that starts it again and again.

Circus starts a failed worker anew at every tick, for ever, and its flapping plugin does nothing; s6 does each second. So a
process that fails waits before it exits: as long as the failing has lasted so far, from one second to half a minute. The
manager sees a process that lives, and the machine has a quiet CPU. A repaired app is not held up: a reload or restart sends
SIGTERM, which ends the wait at once.

What is remembered from one process to the next is when the failing began, and when it was seen last: the two times of an
empty file, one for each manager and app. That a process serves ends nothing, as an engine may accept and die at once, again
and again: what ends it is a time without a failure, or a process that has drained.

A process that somebody started by hand does not wait, nor one whose manager limits restarts itself:

- systemd, by RestartSec. It is told by SYSTEMD_EXEC_PID: a manager that is a service of systemd hands the variable on to its
  own processes.
- Supervisor, which waits longer each time, and must see how soon a process ends: one that waited would count as running.

A process that dies by a signal cannot wait: then all that limits the restarts is the manager, Circus's check_delay.
"""

import os
import stat
import time

SHORTEST, LONGEST = 1.0, 30.0
"""Seconds to wait: the first is over before a person is puzzled, the last is Circus's own kill timeout."""
_OVER = 4 * LONGEST
"""Seconds without a failure after which the next one is the first of its kind: longer than a wait and an app's import."""


def has_manager() -> bool:
    """Whether whoever started this process will start it again: it leads a process group and has no terminal."""
    if os.getpgrp() != os.getpid() or os.environ.get("SYSTEMD_EXEC_PID") == str(os.getpid()) or _is_supervised():
        return False
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return True
    return False


def _is_supervised() -> bool:
    """Whether the parent is Supervisor, and not a manager under it, to which the variable is handed on."""
    try:
        with open(f"/proc/{os.getppid()}/comm") as name:
            return "SUPERVISOR_ENABLED" in os.environ and name.read().strip() == "supervisord"
    except OSError:
        return False


def delay(app: str) -> float:
    """Seconds to wait before this process exits, because `app` failed once more."""
    path = _path(app)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        return SHORTEST
    except FileExistsError:
        try:
            return _longer(path)
        except FileNotFoundError:  # a process that has drained has just removed it
            return SHORTEST
    except OSError:
        return LONGEST


def _longer(path: str) -> float:
    """Seconds to wait, by a memory that is there, in which this failure is noted. Raises FileNotFoundError."""
    found = os.lstat(path)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        return LONGEST
    now, began, last = time.time(), found.st_mtime, found.st_atime
    if now - last > _OVER:
        began = now
    os.utime(path, (now, began), follow_symlinks=False)
    return min(max(SHORTEST, now - began), LONGEST)


def forget(app: str) -> None:
    """Remove the memory of failures: `app` has served, and drained."""
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
