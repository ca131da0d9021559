"""The response to one request: what a WSGI app gives, in; bytes, out (PEP 3333, RFC 9112 section 6).

How the end of the body is told, in this order: there is none (HEAD, 204, 304); the app's Content-Length; the
length of a body that is a list, as all of it is there; chunks, in HTTP/1.1; the end of the connection, in
HTTP/1.0.

What an app says is held to what it said before: a body never exceeds its Content-Length, and one that falls
short is an error, so that the engine ends the connection and the client notices.
"""

from collections.abc import Callable, Iterable
from typing import Any

from .errors import REASONS, ResponseError
from .head import Shape
from .responsehead import ResponseHead, ResponseHeads

Write = Callable[[bytes], None]


class Response:
    """The state of one response. An app calls `start`; the engine turns the body into bytes by the other
    methods."""

    __slots__ = (
        "_chunked",
        "_head",
        "_heads",
        "_left",
        "_send",
        "_shape",
        "finished",
        "persistent",
        "started",
    )

    def __init__(self, shape: Shape, heads: ResponseHeads, persistent: bool, send: Write) -> None:
        """`persistent` is whether the connection may be kept; `send` takes what an app gives to the write()
        callable."""
        self._shape, self._heads, self._send = shape, heads, send
        self.persistent = persistent
        """Whether the connection is kept after this response; final once it has ended."""
        self.started = False
        """Whether the head is out: from then on it cannot be changed."""
        self.finished = False
        """Whether it is over: the engine says so, and a write() that an app has kept is of no use then."""
        self._head: ResponseHead | None = None
        self._chunked = False
        self._left: int | None = None

    # What comes from an app is an object until it has been looked at: compiled, a declared type is checked before,
    # and the error would be another one.

    def start(self, status: object, headers: Iterable[object], exc_info: Any = None, /) -> Callable[[Any], None]:
        """`start_response` of PEP 3333: a str, a list of tuples of two str, what sys.exc_info() returns. Raises
        ResponseError, or the error of `exc_info` if the head is out."""
        if exc_info is not None:
            try:
                if self.started and exc_info[1] is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # it refers to this very frame: a cycle
        elif self._head is not None:
            raise ResponseError("the app called start_response twice, and without exc_info (PEP 3333)")
        self._head = self._heads.get(status, headers)
        return self.write

    def write(self, data: object) -> None:
        """The `write` callable of PEP 3333, for bytes. Raises ResponseError, and what sending raises."""
        if self.finished:
            raise ResponseError("the app called write() after its response had ended")
        self._send(self.more(data))

    @property
    def length(self) -> int | None:
        """The Content-Length that the app has given."""
        return self._head.length if self._head is not None else None

    @property
    def is_head(self) -> bool:
        """Whether the answer to a HEAD is wanted."""
        return self._shape.is_head

    @property
    def bodyless(self) -> bool:
        """Whether the body that the app gives is not sent."""
        return self._shape.is_head or (self._head is not None and self._head.bodyless)

    @property
    def satisfied(self) -> bool:
        """Whether all of a body whose length was stated has been given."""
        return self.started and self._left == 0

    @property
    def unframed(self) -> bool:
        """Whether only the end of the connection tells the end of the body."""
        return self.started and not self._chunked and self._left is None

    def whole(self, body: object) -> bytes:
        """All of the response, of a body that is all there. Raises ResponseError, and nothing is out then."""
        head = self._head
        # The path of most responses: what the app said is what it gave, and nothing was sent before.
        if (
            head is not None
            and head.plain
            and type(body) is bytes
            and head.length == len(body)
            and not self.started
            and not self._shape.is_head
        ):
            self.started = True
            if self.persistent and self._shape.http11:
                return b"%b%b\r\n%b" % (head.raw, self._heads.date, body)
            return b"".join((head.raw, self._heads.date, self._tail(), body))
        if not isinstance(body, bytes):
            raise ResponseError(f"the app gave {type(body).__name__}, not bytes, as a piece of the body")
        return self.open(len(body)) + self.more(body) + self.end()

    def open(self, length: int | None = None) -> bytes:
        """The head, or nothing if it is out. `length` is that of the body, if known. Raises ResponseError."""
        if self.started:
            return b""
        head = self._head
        if head is None:
            raise ResponseError("the app gave a body, or ended, before it called start_response")
        frame = b""
        if self.bodyless:
            self._left = 0
            if length and self._shape.is_head and head.length is None and not head.bodyless:
                frame = b"Content-Length: %d\r\n" % length  # as GET has it; a body of 0 the app may have left out
        elif head.length is not None:
            if length is not None and length != head.length:
                raise ResponseError(f"the body has {length} bytes, and its Content-Length says {head.length}")
            self._left = head.length
        elif length is not None:
            self._left = length
            frame = b"Content-Length: %d\r\n" % length
        elif self._shape.http11:
            self._chunked = True
            frame = b"Transfer-Encoding: chunked\r\n"
        else:
            self.persistent = False
        self.started = True
        return b"".join((head.raw, b"" if head.has_date else self._heads.date, frame, self._tail()))

    def more(self, data: object) -> bytes:
        """A piece of the body, framed, behind the head if that is not out yet. Raises ResponseError if it is
        too much."""
        if not isinstance(data, bytes):
            raise ResponseError(f"the app gave {type(data).__name__}, not bytes, as a piece of the body")
        if not data:
            return b""
        if self.bodyless:
            return self.open()
        if not self.started and self.length is not None and len(data) > self.length:  # before the head is out
            raise _exceeded(len(data) - self.length)
        head = self.open()
        if self._chunked:
            return b"%b%x\r\n%b\r\n" % (head, len(data), data)
        self.take(len(data))
        return head + data if head else data

    def take(self, count: int) -> None:
        """Count `count` bytes of the body as sent. Raises ResponseError if the app's Content-Length says
        less."""
        if self._left is not None:
            if count > self._left:
                raise _exceeded(count - self._left)
            self._left -= count

    def end(self) -> bytes:
        """The end of the response. Raises ResponseError if the app's Content-Length says more."""
        head = b"" if self.started else self.open(0)
        if self._left:
            raise ResponseError(f"the body ends {self._left} bytes short of its Content-Length")
        return head + b"0\r\n\r\n" if self._chunked else head

    def _tail(self) -> bytes:
        if not self.persistent:
            return b"Connection: close\r\n\r\n"
        return b"\r\n" if self._shape.http11 else b"Connection: keep-alive\r\n\r\n"


def _exceeded(count: int) -> ResponseError:
    return ResponseError(f"the body exceeds its Content-Length by {count} bytes, or more")


def refusal(status: int, why: str, date: bytes, *, bodyless: bool = False) -> bytes:
    """The answer of a server that refuses a request, or whose app failed. It ends the connection. The request may have been
    one whose answer is `bodyless`."""
    body = f"{status} {REASONS[status]}: {why}\n".encode()
    head = f"HTTP/1.1 {status} {REASONS[status]}\r\nContent-Type: text/plain; charset=utf-8\r\n"
    return b"%b%bContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (
        head.encode(),
        date,
        len(body),
        b"" if bodyless else body,
    )
