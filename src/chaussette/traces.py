"""The part of a traceback that is the user's."""

import os
import sys
import traceback
from types import TracebackType

_OURS = os.path.dirname(os.path.abspath(__file__)) + os.sep


def users_part(error: BaseException) -> str:
    """The traceback of `error`, from the first frame of the user's code on.

    A syntax error has no frame in the file that it is in: its message shows the line by itself.
    """
    start = error.__traceback__
    while start is not None and _is_machinery(start):
        start = start.tb_next
    return "".join(traceback.format_exception(type(error), error, start)).rstrip()


def _is_machinery(trace: TracebackType) -> bool:
    file = trace.tb_frame.f_code.co_filename
    return file.startswith((_OURS, "<frozen importlib")) or file == getattr(
        sys.modules.get("importlib"), "__file__", None
    )
