"""What a child has that the app forks without exec(2), by os.fork() or multiprocessing: all our connections, as copies.

They would stay open when we close ours, and clients wait for an end that does not come. So the child closes its own at once,
as close-on-exec does it for other programs.
"""

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .engine import Engine

_serving: set["Engine"] = set()
_registered = False


def begin(engine: "Engine") -> None:
    """Let no child have the connections of `engine`."""
    global _registered  # it cannot be undone, nor needs it to be done twice
    if not _registered and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_close_all)
    _registered = True
    _serving.add(engine)


def end(engine: "Engine") -> None:
    """It has closed them all."""
    _serving.discard(engine)


def _close_all() -> None:
    # No lock is to be taken: it may be held by a thread that is not there any more.
    for engine in _serving:
        engine.disown()
    _serving.clear()
