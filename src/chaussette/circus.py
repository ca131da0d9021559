"""A hook for Circus that makes its reload what the word says: start a new worker, wait until it serves, then stop an old one.

::

    [watcher:web]
    cmd = chaussette --fd $(circus.sockets.web) server:app
    hooks.after_spawn = chaussette.circus.wait_ready

Circus 0.19 knows no readiness: its `reload` starts new workers and stops the old ones in the same moment, before the new
ones have begun to import the app, and whether they can or not. But it calls this hook in between, with the pid of the new
one. The new one tells what has become of it, see `chaussette.manager.beacon`; that takes no option.

A worker that fails, or that does not serve within 30 seconds (`ready_timeout = 60` in the watcher's section makes it more)
is ended, the old workers stay, and a line in circusd's log says why. `circusctl` can say nothing: it prints "ok" whatever
becomes of a reload.

What a hook may answer, from Circus 0.19's watcher.py:

- In a reload, False ends the new worker and leaves all else as it is.
- Where Circus fills its ranks (start, incr, a worker that has died) False stops the whole watcher, the workers that serve
  with it. So there the answer is True, and nobody is waited for: a worker that fails waits before it exits
  (`chaussette.backoff`), and is started again.
- `reload --sequential` stops an old worker before it starts a new one, and the hook cannot prevent that: it waits, so that the
  next is stopped only when the new one serves, but with an app that fails all old workers are stopped one after the other.
- An exception would mean False, with a traceback in the log; `ignore_hook_failure` would make it True. So none is raised.

The hook runs in circusd's own loop: meanwhile circusd does nothing else. It is called in the Python that circusd runs on, so
Chaussette must be installed there as well.
"""

import logging
import os
from time import monotonic, sleep
from typing import Any, Protocol

from .manager import beacon

PATIENCE = 30.0
"""Seconds that a worker may take until it serves: more than an app that is slow to import, less than a coffee."""
_LOOK = 0.02
"""Seconds between two looks."""
_AT_ONCE = 0.25
"""Seconds within which a spawn belongs to the same reload as the one that failed before it: Circus does them in a row."""

_logger = logging.getLogger("circus")
_failed: dict[str, float] = {}
"""When a reload of a watcher has last failed, by the monotonic clock."""


class Watcher(Protocol):
    """What is used of `circus.watcher.Watcher`."""

    name: str
    processes: dict[int, Any]
    numprocesses: int

    def options(self) -> list[tuple[str, Any]]:
        """All options of the watcher's section."""

    def is_active(self) -> bool:
        """Whether it has been started, and is not being stopped."""


def wait_ready(watcher: Watcher, arbiter: Any, hook_name: str, *, pid: int, **more: Any) -> bool:
    """Wait, in a reload, until the worker `pid` serves. Returns whether Circus is to go on: see the module."""
    replaces = len(watcher.processes) > watcher.numprocesses
    if not beacon.POSSIBLE or not (replaces or (watcher.is_active() and _is_reload(arbiter))):
        return True
    if replaces and monotonic() < _failed.get(watcher.name, 0.0) + _AT_ONCE:
        return False  # what has just failed fails again, and the log has said it
    reason = _why_not(pid, _patience(watcher))
    if not reason:
        return True
    outcome = "the old ones stay" if replaces else "an old one is stopped already"
    _logger.error("%s: the new worker %d does not serve, and %s: %s", watcher.name, pid, outcome, reason)
    _failed[watcher.name] = monotonic()
    return not replaces


def _is_reload(arbiter: Any) -> bool:
    """Whether this is a reload, which in a sequential one the number of workers does not tell. What tells it is private to
    Circus: without it we do not wait."""
    return getattr(arbiter, "_exclusive_running_command", None) in ("watcher_reload", "arbiter_reload")


def _patience(watcher: Watcher) -> float:
    text = dict(watcher.options()).get("ready_timeout", PATIENCE)
    try:
        return float(text)
    except ValueError:
        _logger.error("%s: ready_timeout = %s is no number of seconds: waiting %g", watcher.name, text, PATIENCE)
        return PATIENCE


def _why_not(pid: int, patience: float) -> str:
    """Why `pid` does not serve, when that is known; empty as soon as it does."""
    end = monotonic() + patience
    while monotonic() < end:
        found = beacon.ask(pid)
        if found is not None:
            return found
        # WNOWAIT, so that Circus finds it ended, too.
        try:
            ended = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return "it has ended, and somebody knows how but us"
        if ended is not None:
            return f"it has ended {'by signal' if ended.si_code != os.CLD_EXITED else 'with status'} {ended.si_status}"
        sleep(_LOOK)
    return (
        f"it has not said within {patience:g} seconds that it does. If its app takes longer to import, set "
        f"ready_timeout = {4 * patience:g}; if it runs in a shell, start it by exec."
    )
