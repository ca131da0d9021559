"""What can go wrong, and the exit status each kind has.

::

    ChaussetteError            1   never raised itself
    ├── UsageError             2   an option, an environment variable or a config file
    ├── AppError               3   the app cannot be found, imported or called
    ├── ListenerError          4   a socket cannot be adopted or bound
    └── BackendError           5   the engine is unknown, missing, or cannot do what was asked

A message names the culprit first and the cure second, in one or two lines. An error inside the user's own code carries
that code's traceback in `AppError.traceback`, with our frames cut away; nothing else gets a traceback.

A process that served ends with 0 when its drain finished, or with one of the two statuses of `ExitStatus` that say that
requests were cut. Statuses above 128 are left to the shell: 128 + N says "killed by signal N".
"""

from collections.abc import Iterable
from enum import IntEnum

from .standard import standard_library


class ExitStatus(IntEnum):
    """The exit status of the `chaussette` command."""

    OK = 0
    """All that was in flight has been answered."""
    CRASH = 1
    """An error that Chaussette did not foresee; its traceback is in the log."""
    USAGE = 2
    APP = 3
    LISTENER = 4
    BACKEND = 5
    DEADLINE = 6
    """`--graceful-timeout` passed with requests in flight; the log says how many were cut."""
    IMPATIENT = 7
    """SIGINT ended the drain; the log says how many requests were cut."""


class ChaussetteError(Exception):
    """The base of every refusal; `str()` is the message for the user."""

    exit_status = ExitStatus.CRASH


class UsageError(ChaussetteError):
    """An option, an environment variable or a config file says something that cannot be."""

    exit_status = ExitStatus.USAGE


class AppError(ChaussetteError):
    """The app cannot be found, imported or called.

    `traceback` holds the user's own frames when the user's own code raised, else it is empty.
    """

    exit_status = ExitStatus.APP

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback


class ListenerError(ChaussetteError):
    """A listening socket cannot be adopted or bound."""

    exit_status = ExitStatus.LISTENER


class BackendError(ChaussetteError):
    """The engine is unknown, is not installed, or cannot honour an option."""

    exit_status = ExitStatus.BACKEND


def near(wrong: str, right: Iterable[str]) -> str:
    """The end of an error message: the words of `right` that `wrong` was perhaps meant to be."""
    with standard_library():
        import difflib

    close = difflib.get_close_matches(wrong, list(right), n=3)
    return f" Did you mean {' or '.join(close)}?" if close else ""
