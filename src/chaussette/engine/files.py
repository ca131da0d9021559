"""wsgi.file_wrapper (PEP 3333): a file that the kernel copies to the socket itself, by sendfile(2), when it
can."""

import os
import stat
from collections.abc import Iterator
from typing import Any


class FileWrapper:
    """What an app returns to send a file from its current position on."""

    def __init__(self, filelike: Any, blksize: int = 8192) -> None:
        self.filelike, self.blksize = filelike, blksize
        if hasattr(filelike, "close"):
            self.close = filelike.close

    def __iter__(self) -> Iterator[bytes]:
        while data := self.filelike.read(self.blksize):
            yield data


class Part:
    """A part of an open file, from `at` on, `count` bytes."""

    __slots__ = ("at", "count", "fd", "file")

    def __init__(self, file: FileWrapper, fd: int, at: int, count: int) -> None:
        self.file, self.fd, self.at, self.count = file, fd, at, count


def part(wrapper: FileWrapper) -> Part | None:
    """The rest of the file in `wrapper`, or None if it is not one that the kernel can read by itself."""
    try:
        fd = wrapper.filelike.fileno()
        at = wrapper.filelike.tell()
        about = os.fstat(fd)
    except (
        AttributeError,
        OSError,
        ValueError,
    ):  # no fd, no position, closed; io.UnsupportedOperation is the last two
        return None
    if not (isinstance(fd, int) and stat.S_ISREG(about.st_mode) and isinstance(wrapper.filelike.read(0), bytes)):
        return None
    return Part(wrapper, fd, at, max(about.st_size - at, 0))
