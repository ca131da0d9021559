"""Readiness as s6 wants it: a newline on a file descriptor, which is then closed.

The protocol is that of https://skarnet.org/software/s6/notifywhenup.html; the number is that of s6's file
`notification-fd`. Other supervisors have taken it over, and a shell can read it too.
"""

import fcntl
import os
from contextlib import suppress

from ..config import Config
from ..errors import UsageError
from ..listeners import why_not
from ..logs import logger


def check(config: Config) -> None:
    """See that `--ready-fd` can be written to, and keep it from the app's own children. Raises UsageError."""
    fd = config.ready_fd
    assert fd is not None
    try:
        flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    except OSError:
        raise UsageError(
            f"--ready-fd {fd} is not open. Whoever starts this process must open it and pass it on: "
            "with s6, write the number into the service's file notification-fd."
        ) from None
    if not why_not(fd):
        raise UsageError(f"--ready-fd {fd} is a listening socket: each needs a number of its own.")
    if flags & os.O_ACCMODE == os.O_RDONLY:
        raise UsageError(f"--ready-fd {fd} is open for reading alone: pass on the end of the pipe that is written to.")
    os.set_inheritable(fd, False)


def tell(fd: int) -> None:
    """Say that this process serves."""
    try:
        os.write(fd, b"\n")
    except OSError as error:  # who wanted to know has gone
        logger.warning("--ready-fd %d: nobody was told that this process serves (%s)", fd, error.strerror)
    with suppress(OSError):  # the app has closed it
        os.close(fd)
