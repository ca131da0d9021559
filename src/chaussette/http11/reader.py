"""Requests of one connection, in order: bytes in, complete requests out.

A Reader has one request half read at most. What follows it, of a client that does not wait for answers
(pipelining), stays in `rest` until the answer is out and the engine asks again: answers keep the order of the
requests by that alone.

The limits hold while bytes come in, not once all are there.
"""

from io import BytesIO
from typing import Any

from .body import LONG, Chunked, Fixed
from .errors import Refused
from .head import LAST, PLAIN, Frame, Heads, Shape, Start
from .target import RequestLine

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


Request = tuple[dict[str, Any], Shape]
"""A request, received in full: an environ as PEP 3333 wants it, whose wsgi.input holds the whole body, and
its shape."""


class Reader:
    """What one connection's bytes mean.

    `remote` holds the environ entries of the connection, REMOTE_ADDR and REMOTE_PORT.
    """

    __slots__ = ("_body", "_heads", "_request", "_searched", "ahead", "expecting", "remote", "rest")

    def __init__(self, heads: Heads, remote: dict[str, str]) -> None:
        self._heads, self.remote = heads, remote
        self._request: Request | None = None
        self._body: Fixed | Chunked | None = None
        self._searched = 0
        self.rest = b""
        """Bytes that were received and belong to no request yet."""
        self.ahead = 0
        """How many bytes to receive next, so that a long body like the last one is not cut: those of its head. 0 for any
        number."""
        self.expecting = False
        """Whether the client waits for CONTINUE before it sends the body. The engine sends it, and resets
        this."""

    @property
    def begun(self) -> bool:
        """Whether some of the next request is here. The empty line that old clients send behind a body is not of it (RFC 9112
        section 2.2)."""
        return self.rest not in (b"", b"\r\n")

    @property
    def in_body(self) -> bool:
        """Whether a head has been read and its body has not ended."""
        return self._body is not None

    @property
    def body_bytes(self) -> int:
        """How much of that body has come."""
        return self._body.store.size if self._body is not None else 0

    def feed(self, data: bytes) -> Request | None:
        """Take the next bytes, and return the next request if it is complete. Raises Refused.

        With b"" it looks at `rest`. After Refused the reader is of no use, nor after OSError: a body is too long
        for memory, and there is no file for it.
        """
        if self._body is not None:
            return self._feed_body(data)
        if self.rest:
            data = self.rest + data
            self.rest = b""
        end = data.find(b"\r\n\r\n", self._searched)
        if end < 0:
            self._wait(data)
            return None
        cut = data.find(b"\r\n")
        if cut == 0:  # RFC 9112 section 2.2: an empty line before a request is ignored, one
            return self._after_empty_line(data)
        heads = self._heads
        behind = end + 4
        if len(data) > behind:
            known = heads.starts.get(data[:behind])
            if known is not None and len(data) >= behind + known[2]:
                return self._start(known, data, behind)
        if cut > heads.limits.request_line or end - cut > heads.limits.header_size:
            self._too_long(cut)
        self._searched = 0
        start, fields = data[:cut], data[cut + 2 : end] if cut < end else b""
        line, block = heads.lines.get(start), heads.blocks.get(fields)
        seen = line is not None and block is not None
        if block is not None:
            environ, frame = block[0].copy(), block[1]
        else:
            environ, frame = heads.read_block(fields)
        if line is None:
            line = heads.learn_line(start)
        environ.update(line.environ)
        if len(data) > behind:
            self.rest = data[behind:]
        if frame.plain and line.plain:
            shape = LAST if frame.close else PLAIN
            if seen and not self.rest:
                heads.learn_whole(data, environ, shape)
            environ.update(self.remote)
            environ["wsgi.input"] = BytesIO()
            return environ, shape
        environ.update(self.remote)
        return self._begin(line, frame, environ, data[:behind], seen)

    def _start(self, start: Start, data: bytes, behind: int) -> Request:
        """A request whose head is remembered, and whose body is here."""
        environ, shape, length = start
        environ = environ.copy()
        environ.update(self.remote)
        end = behind + length
        environ["wsgi.input"] = BytesIO(data[behind:end])
        self._searched = 0
        if len(data) > end:
            self.rest = data[end:]
        return environ, shape

    @property
    def wanted(self) -> int:
        """How many bytes to receive at once, if they are there: see `Store.wanted`."""
        return self._body.store.wanted if self._body is not None else 0

    @property
    def room(self) -> memoryview | None:
        """Where to receive what comes next, if that is the rest of a long body: then `filled` is called
        instead of `feed`."""
        return self._body.store.room if self._body is not None else None

    def filled(self, count: int) -> Request | None:
        """Take `count` bytes, one at least, that have been received into `room`; return the request if it is
        complete."""
        assert self._body is not None
        store = self._body.store
        self.expecting = False
        store.fill(count)
        return self._whole() if store.room is None else None

    def discard(self) -> None:
        """Drop the body that is half read."""
        if self._body is not None:
            self._body.store.discard()

    def _wait(self, data: bytes) -> None:
        limits = self._heads.limits
        cut = data.find(b"\r\n")
        # The first bytes of the CRLF that is still to come are not counted: any split of a message is judged
        # alike.
        if (cut if cut >= 0 else len(data) - 1) > limits.request_line or len(data) - cut - 3 > limits.header_size:
            self._too_long(cut)
        if b"" < data[:1] <= b" " and data[:1] != b"\r":
            raise Refused(400, "no request begins with this byte: is it TLS?")
        new = self._searched
        if data.count(b"\n", new) != data.count(b"\r\n", max(new - 1, 0)):
            raise Refused(400, "a line that ends without CR")
        self.rest = data
        self._searched = max(len(data) - 3, 0)
        self.ahead = 0

    def _too_long(self, cut: int) -> None:
        limits = self._heads.limits
        if cut < 0 or cut > limits.request_line:
            raise Refused(414, f"a request line of more than {limits.request_line} bytes")
        raise Refused(431, f"more than {limits.header_size} bytes of headers")

    def _after_empty_line(self, data: bytes) -> Request | None:
        if data.startswith(b"\r\n\r\n"):
            raise Refused(400, "more than one empty line before a request")
        self._searched = 0
        return self.feed(data[2:])

    def _begin(
        self, line: RequestLine, frame: Frame, environ: dict[str, Any], head: bytes, seen: bool
    ) -> Request | None:
        if line.http11 and not frame.has_host:
            raise Refused(400, "no Host header")
        if frame.chunked and not line.http11:
            raise Refused(400, "a transfer coding in HTTP/1.0")
        if line.http11 and frame.expects not in ("", "100-continue"):
            raise Refused(417, "an expectation other than 100-continue")
        persistent = not frame.close if line.http11 else frame.keep_alive
        plain = line.http11 and persistent and not line.is_head
        request = environ, PLAIN if plain else Shape(line.http11, line.is_head, persistent)
        limits = self._heads.limits
        if frame.length > limits.body_size:
            raise Refused(413, f"a body of more than {limits.body_size} bytes")
        if not (frame.length or frame.chunked):
            environ["wsgi.input"] = BytesIO()
            return request
        if frame.length and len(self.rest) >= frame.length:
            body, self.rest = self.rest[: frame.length], self.rest[frame.length :]
            if frame.length <= limits.memory:
                if seen and not frame.expects:
                    self._heads.learn_start(head, environ, request[1], frame.length)
                environ["wsgi.input"] = BytesIO(body)
                return request
            self.rest = body + self.rest
        self._request = request
        self._body = Chunked(self._heads) if frame.chunked else Fixed(self._heads, frame.length)
        self.ahead = len(head) if frame.length > LONG else 0
        data, self.rest = self.rest, b""
        if line.http11 and frame.expects:
            # RFC 9110 section 10.1.1: whoever sends the body already does not wait for it
            self.expecting = not data
        return self._feed_body(data) if data else None

    def _feed_body(self, data: bytes) -> Request | None:
        assert self._body is not None
        if data:
            self.expecting = False
        rest = self._body.feed(data)
        if rest is None:
            return None
        self.rest = rest
        return self._whole()

    def _whole(self) -> Request:
        """The request whose body has ended."""
        assert self._body is not None
        assert self._request is not None
        request, store = self._request, self._body.store
        self._body = self._request = None
        request[0]["CONTENT_LENGTH"] = str(store.size)
        request[0]["wsgi.input"] = store.finished()
        return request
