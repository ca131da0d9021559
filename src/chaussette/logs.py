"""The log: plain lines `[time] [pid] [LEVEL] message`, on standard error or in a file.

What an engine logs (an app's exception, say) goes to the same place in the same form. The root logger is left to the app.
"""

import logging
import threading
from _thread import RLock  # the one in C, which none that patches the standard library has replaced yet
from collections.abc import Iterable

from .errors import UsageError

logger = logging.getLogger("chaussette")

_FORMAT = "[%(asctime)s] [%(process)d] [%(levelname)s] %(message)s"
_TIME = "%Y-%m-%d %H:%M:%S"


def configure(level: str, output: str, engine_loggers: Iterable[str] = ()) -> None:
    """Send our log and the engine's to `output`, from `level` up. Raises UsageError if the file cannot be written."""
    try:
        handler = logging.StreamHandler() if output == "-" else logging.FileHandler(output)
    except OSError as error:
        raise UsageError(f"--log-output {output}: {error.strerror}.") from None
    handler.setFormatter(logging.Formatter(_FORMAT, _TIME))
    for name in (logger.name, *engine_loggers):
        each = logging.getLogger(name)
        each.setLevel(level.upper())
        each.handlers = [handler]
        each.propagate = False


def let_signal_handlers_log() -> None:
    """Make a log line of a signal handler safe, whichever line it interrupts.

    gevent and eventlet put Python's own RLock in the place of each. It writes down who has it after it was taken, and forgets
    it before it is released: a signal handler that comes in between waits for a lock that the greenlet has which it
    interrupts. The one in C has no in-between. Nothing switches greenlets while a line is written, so it does as well there.
    To write a line takes the handler's, that of all logging, and, to name the thread, that of all threads.
    """
    for owner, name in (
        *((each, "lock") for each in logger.handlers),
        (logging, "_lock"),
        (threading, "_active_limbo_lock"),
    ):
        if not isinstance(getattr(owner, name, None), RLock):
            setattr(owner, name, RLock())
