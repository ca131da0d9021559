"""The log: plain lines `[time] [pid] [LEVEL] message`, on standard error or in a file.

What an engine logs (an app's exception, say) goes to the same place in the same form. The root logger is left to the app.
"""

import logging
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
