"""The head of a request: what the lines of `target` and `fields` mean together.

Heads are remembered, in three sizes, as most clients repeat themselves: single lines (see `fields`); the
request line, and the block of header lines, each for itself, as a browser's header lines change less often
than what it asks for; and whole requests, as those of a health check or of a client that polls. What is
remembered is bounded in number and in size, and forgotten all at once when it is full; a block or a whole is
remembered when it comes a second time, so that those that never come again cost no more than a look.

(A request with nine browser headers, read, answered, and everything but the system calls, CPython 3.11: 2.0
us when the whole is known, 4.5 when its halves are, 6 with a new request line, 10.5 with a new header line
too.)

Framing, RFC 9112 section 6, leaves no choice to anybody who reads the same bytes: Content-Length or Transfer-
Encoding, never both, never twice; digits only; `chunked` only.
"""

from collections.abc import Callable
from typing import Any, BinaryIO, NamedTuple, cast

from . import target
from .errors import Refused
from .fields import Fields
from .limits import Limits
from .target import RequestLine

_REMEMBERED = 512
_LONGEST = 4096
"""How many blocks, request lines and wholes are remembered, and how long each is at most: some 6 MiB."""
_SEEN = 8192
"""How many blocks that came once are known by their hash."""

Spool = Callable[[], BinaryIO]


def temporary_file() -> BinaryIO:
    """An empty file that nobody else sees, and that is gone when it is closed."""
    from tempfile import TemporaryFile  # a megabyte, in each worker, and few apps ever get such a body

    return cast(BinaryIO, TemporaryFile())


class Shape(NamedTuple):
    """What the response must know of its request."""

    http11: bool
    is_head: bool
    persistent: bool
    """Whether the client wants to keep the connection."""


class Frame(NamedTuple):
    """What the header lines say of the message itself."""

    plain: bool
    """Whether this is all there is to it, in HTTP/1.1: one host, no body, nothing that is expected."""
    has_host: bool
    close: bool
    keep_alive: bool
    length: int
    chunked: bool
    expects: str


_PLAIN = Frame(True, True, False, False, 0, False, "")
_PLAIN_CLOSE = Frame(True, True, True, False, 0, False, "")
_PLAIN_ALIVE = Frame(True, True, False, True, 0, False, "")
_CONNECTIONS = {None: (False, False), "keep-alive": (False, True), "close": (True, False)}
PLAIN = Shape(http11=True, is_head=False, persistent=True)
"""The shape of most requests."""
LAST = Shape(http11=True, is_head=False, persistent=False)
"""The shape of those that say Connection: close."""
Block = tuple[dict[str, Any], Frame]
"""An environ that lacks what the request line, the connection and the body say, and the frame."""
Start = tuple[dict[str, Any], Shape, int]
"""An environ that lacks its connection and its wsgi.input, the shape, and the length of the body."""


class Heads:
    """Heads of all connections of one listener, remembered."""

    __slots__ = ("_facts", "_fields", "_seen", "blocks", "limits", "lines", "spool", "starts", "wholes")

    def __init__(self, facts: dict[str, Any], limits: Limits, spool: Spool = temporary_file) -> None:
        """`facts` are the environ entries that all requests share: SERVER_NAME, wsgi.url_scheme and their
        like; `spool` makes the file of a body that is too long for memory."""
        self._facts = {
            **dict.fromkeys(("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "REQUEST_URI")),
            **dict.fromkeys(("REMOTE_ADDR", "wsgi.input")),
            "SCRIPT_NAME": "",
            **facts,
        }
        self.limits, self.spool = limits, spool
        self._fields = Fields()
        self._seen: set[int] = set()
        self.lines: dict[bytes, RequestLine] = {}
        """What `learn_line` has learnt."""
        self.blocks: dict[bytes, Block] = {}
        """What `read_block` has learnt: an environ to copy, and its frame."""
        self.wholes: dict[bytes, tuple[dict[str, Any], Shape]] = {}
        """What `learn_whole` has learnt: an environ to copy, that lacks its connection and its wsgi.input."""
        self.starts: dict[bytes, Start] = {}
        """What `learn_start` has learnt."""

    def learn_line(self, raw: bytes) -> RequestLine:
        """Understand a request line, and remember it. Raises Refused."""
        line = target.parse(raw)
        if len(raw) <= _LONGEST:
            if len(self.lines) >= _REMEMBERED:
                self.lines.clear()
            self.lines[raw] = line
        return line

    def read_block(self, raw: bytes) -> Block:
        """Understand the header lines, without the empty line after them. The environ is the caller's. Raises
        Refused."""
        lines = raw.split(b"\r\n") if raw else []
        if len(lines) > self.limits.header_count:
            raise Refused(431, f"more than {self.limits.header_count} header lines")
        environ = self._facts.copy()
        self._fields.read(lines, environ)
        frame = _frame(environ)
        if len(raw) <= _LONGEST:
            mark = hash(raw)
            if mark in self._seen:
                if len(self.blocks) >= _REMEMBERED:
                    self.blocks.clear()
                self.blocks[raw] = environ.copy(), frame
            elif len(self._seen) >= _SEEN:
                self._seen = {mark}
            else:
                self._seen.add(mark)
        return environ, frame

    def learn_whole(self, raw: bytes, environ: dict[str, Any], shape: Shape) -> None:
        """Remember a plain request, whole, with the environ that it has without its connection."""
        if len(raw) <= 2 * _LONGEST:
            if len(self.wholes) >= _REMEMBERED:
                self.wholes.clear()
            self.wholes[raw] = environ.copy(), shape

    def learn_start(self, raw: bytes, environ: dict[str, Any], shape: Shape, length: int) -> None:
        """Remember the head of a request that has a body of a stated length, as `learn_whole` does."""
        if len(raw) <= 2 * _LONGEST:
            if len(self.starts) >= _REMEMBERED:
                self.starts.clear()
            self.starts[raw] = environ.copy(), shape, length

    def trailers(self, lines: list[bytes]) -> None:
        """Check the trailer lines of a chunked body, and forget them. Raises Refused."""
        self._fields.read(lines, {})


def _frame(environ: dict[str, Any]) -> Frame:
    """What the headers in `environ` say of the message. Transfer-Encoding is taken out: the app gets what it
    wrapped."""
    value = environ.get("HTTP_CONNECTION")
    close, keep_alive = _CONNECTIONS.get(value) or _connection(str(value))
    has_host = "HTTP_HOST" in environ
    if (
        has_host
        and "CONTENT_LENGTH" not in environ
        and "HTTP_TRANSFER_ENCODING" not in environ
        and "HTTP_EXPECT" not in environ
    ):
        return _PLAIN_CLOSE if close else _PLAIN_ALIVE if keep_alive else _PLAIN
    length, chunked = _framing(environ)
    expects = environ.get("HTTP_EXPECT", "").lower()
    plain = has_host and not (length or chunked or expects)
    return Frame(plain, has_host, close, keep_alive and not close, length, chunked, expects)


def _connection(value: str) -> tuple[bool, bool]:
    """Whether a Connection header says close, and keep-alive."""
    words = [word.strip(" \t") for word in value.lower().split(",")]
    return "close" in words, "keep-alive" in words


def _framing(environ: dict[str, Any]) -> tuple[int, bool]:
    """How long the body is, or that it is chunked. Transfer-Encoding is taken out: the app gets what it
    wrapped."""
    coding = environ.pop("HTTP_TRANSFER_ENCODING", None)
    length = environ.get("CONTENT_LENGTH")
    if coding is not None:
        if length is not None:
            raise Refused(400, "both Content-Length and Transfer-Encoding")
        _check_codings([each.strip(" \t").lower() for each in coding.split(",")])
        return 0, True
    if length is None:
        return 0, False
    if not (length.isascii() and length.isdigit()):
        raise Refused(400, "Content-Length is not a number")
    # int() of a number of thousands of digits takes its time, and no body is that long.
    return int(length) if len(length) < 19 else 10**19, False


def _check_codings(codings: list[str]) -> None:
    if codings == ["chunked"]:
        return
    if "" in codings or "chunked" in codings[:-1]:
        raise Refused(400, "chunked is not the last of the transfer codings, or is there twice")
    raise Refused(501, "a transfer coding other than chunked")
