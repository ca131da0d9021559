"""wsgi.file_wrapper (PEP 3333): a file that the kernel copies to the socket itself, by sendfile(2), when it
can."""

import io
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

    def until(self, length: int | None) -> Iterator[bytes]:
        """What iterating gives, `length` bytes at most: a response ends where its Content-Length says (PEP 3333)."""
        for data in self:
            yield data if length is None else data[:length]
            if length is not None and (length := length - len(data)) <= 0:
                return


class Part:
    """A part of an open file, from `at` on, `count` bytes."""

    __slots__ = ("at", "count", "fd", "file")

    def __init__(self, file: FileWrapper, fd: int, at: int, count: int) -> None:
        self.file, self.fd, self.at, self.count = file, fd, at, count


def part(wrapper: FileWrapper) -> Part | None:
    """The rest of the file in `wrapper`, or None if it is not one that the kernel can read by itself."""
    file = getattr(wrapper.filelike, "file", wrapper.filelike)  # what tempfile and Django wrap
    # A gzip.GzipFile has a file descriptor too, and what is in that file is not what it reads.
    if not isinstance(getattr(file, "raw", file), io.FileIO) or file.closed or not file.readable():
        return None
    try:
        fd, at = file.fileno(), file.tell()
    except OSError:  # no position: a pipe
        return None
    about = os.fstat(fd)
    if not stat.S_ISREG(about.st_mode) or not about.st_blocks:  # files of /proc and /sys have other sizes than they say
        return None
    return Part(wrapper, fd, at, max(about.st_size - at, 0))
