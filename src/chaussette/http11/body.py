"""The body of a request: bytes in, a file out, and where the body ends (RFC 9112 sections 6 and 7.1).

It is read to its end before the app is called, so that a client that sends slowly keeps nobody busy but
itself. Up to `Limits.memory` bytes stay in memory, a longer body goes to a temporary file; the app reads
either.

A long body that stays in memory is received in place: the kernel writes into the very buffer that the app
reads (`Store.room`), and nobody copies it. (1 MB echoed: 0.55 of the CPU time that pieces take.)

Chunks are read to the letter: a size is hexadecimal digits and nothing else, a chunk ends with CRLF and
nothing else, an extension is well formed (and ignored), trailers are headers that are checked (and dropped).
"""

import re
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import BinaryIO

from .errors import Refused
from .head import Heads

_NAME = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb"\"[^\"\\\x00-\x1f\x7f]*\""
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})(;%b(=(%b|%b))?)*" % (_NAME, _NAME, _QUOTED))
_SIZE_LINE = 256
"""The longest line of a chunk's size: room for an extension, none for a flood of them."""
_WORTH = 1 << 14
"""How many bytes are worth to be received in place."""
LONG = 1 << 16
"""Bytes: a longer body is worth a system call of its own, that none of it is moved."""
_CLAIM = 64
"""Memory for a body is taken when a part in so many has come: a client that only claims to send one gets none."""
_PIECES = 1024
"""How many pieces are kept apart: in chunks of two bytes, they would take 30 times the memory that they hold."""


class Store:
    """A body as it comes in."""

    __slots__ = ("_file", "_length", "_memory", "_pieces", "_spool", "_whole", "room", "size")

    def __init__(self, heads: Heads, length: int = 0) -> None:
        """`length` is that of the body, if it is known."""
        self._memory, self._spool, self._length = heads.limits.memory, heads.spool, length
        self._pieces: list[bytes] = []
        self._file: BinaryIO | None = None
        self._whole: BytesIO | None = None
        self.size = 0
        self.room: memoryview | None = None
        """Where the rest of the body is to be received, if that is in place."""

    @property
    def wanted(self) -> int:
        """How many bytes are best received by one call, if they are there: all of a long body, of which nothing has come.
        They are then what the app reads, in no buffer that was cleared for them. 0 if it makes no difference."""
        return self._length if not self.size and LONG < self._length <= self._memory else 0

    def add(self, data: bytes) -> None:
        """Take the next bytes of it. Raises OSError if there is no file for them, or no room in it."""
        room = self.room
        if room is not None:
            room[: len(data)] = data
            self.fill(len(data))
            return
        self.size += len(data)
        if self._file is not None:
            self._file.write(data)
            return
        self._pieces.append(data)
        if len(self._pieces) >= _PIECES:
            self._pieces = [b"".join(self._pieces)]
        if self.size > self._memory:
            self._file = self._spool()
            self._file.writelines(self._pieces)
            self._pieces = []
        elif self._length - self.size > _WORTH and self._length <= min(self._memory, self.size * _CLAIM):
            self._make_room()

    def fill(self, count: int) -> None:
        """Take `count` bytes that stand in `room`."""
        assert self.room is not None
        self.size += count
        # Let go of the buffer when it is full: while somebody could write to it, a read would have to copy.
        self.room = self.room[count:] if self.size < self._length else None

    def finished(self) -> BinaryIO:
        """All of it, as a file at its beginning."""
        if self._whole is not None:
            return self._whole
        if self._file is None:
            return BytesIO(b"".join(self._pieces))
        self._file.seek(0)
        return self._file

    def discard(self) -> None:
        """Drop it: the client went, or was refused."""
        self._pieces = []
        self._whole = self.room = None
        if self._file is not None:
            with suppress(OSError):  # what is in its buffer need not fit
                self._file.close()

    def _make_room(self) -> None:
        begun, self._pieces = b"".join(self._pieces), []
        self._whole = BytesIO(bytes(self._length))
        self.room = self._whole.getbuffer()
        self.room[: len(begun)] = begun
        self.room = self.room[len(begun) :]


class Fixed:
    """A body of a known length."""

    __slots__ = ("_length", "store")

    def __init__(self, heads: Heads, length: int) -> None:
        self._length, self.store = length, Store(heads, length)

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; give back those behind the end of the body, or None if the end has not come."""
        left = self._length - self.store.size
        if len(data) <= left:  # to cut off nothing would be a copy, in a compiled module
            self.store.add(data)
            return None if len(data) < left else b""
        self.store.add(data[:left])
        return data[left:]


class Chunked:
    """A body in chunks."""

    __slots__ = ("_heads", "_left", "_rest", "_state", "_trailer_bytes", "_trailers", "store")

    def __init__(self, heads: Heads) -> None:
        self._heads, self.store = heads, Store(heads)
        self._state: Callable[[Chunked, bytes, int], int | None] | None = Chunked._size
        """What comes next; None behind the end."""
        self._rest = b""
        self._left = 0
        self._trailers: list[bytes] = []
        self._trailer_bytes = 0

    def feed(self, data: bytes) -> bytes | None:
        """Take bytes; give back those behind the end of the body, or None if the end has not come. Raises
        Refused."""
        data = self._rest + data if self._rest else data
        at: int | None = 0
        while at is not None and self._state is not None:
            before = at
            at = self._state(self, data, before)
            if at is None:
                self._rest = data[before:]
        return None if at is None else data[at:]

    # Each state looks at `data` from `at` on, and returns where the next one goes on, or None if it needs
    # more bytes.

    def _size(self, data: bytes, at: int) -> int | None:
        end = data.find(b"\r\n", at, at + _SIZE_LINE)
        if end < 0:
            if len(data) - at >= _SIZE_LINE:
                raise Refused(400, "a chunk's size does not end")
            return None
        size = _SIZE.fullmatch(data, at, end)
        if size is None:
            raise Refused(400, "a chunk's size is not a hexadecimal number, or its extension is malformed")
        self._left = int(size[1], 16)
        if self.store.size + self._left > self._heads.limits.body_size:
            raise Refused(413, f"a body of more than {self._heads.limits.body_size} bytes")
        self._state = Chunked._data if self._left else Chunked._trailer
        return end + 2

    def _data(self, data: bytes, at: int) -> int | None:
        piece = data[at : at + self._left]
        if not piece:
            return None
        self.store.add(piece)
        self._left -= len(piece)
        if not self._left:
            self._state = Chunked._end
        return at + len(piece)

    def _end(self, data: bytes, at: int) -> int | None:
        end = data[at : at + 2]
        if not b"\r\n".startswith(end):
            raise Refused(400, "a chunk is longer than its size")
        if len(end) < 2:
            return None
        self._state = Chunked._size
        return at + 2

    def _trailer(self, data: bytes, at: int) -> int | None:
        end = data.find(b"\r\n", at)
        limits = self._heads.limits
        if self._trailer_bytes + (len(data) if end < 0 else end) - at > limits.header_size:
            raise Refused(431, f"more than {limits.header_size} bytes of trailers")
        if end < 0:
            return None
        if end == at:
            self._heads.trailers(self._trailers)
            self._state = None
            return end + 2
        self._trailers.append(data[at:end])
        self._trailer_bytes += end - at
        if len(self._trailers) > limits.header_count:
            raise Refused(431, f"more than {limits.header_count} trailers")
        return end + 2
