"""The head of a response: status and headers of an app, checked and turned into bytes.

A header must not be able to end its line, so no CR or LF, and no other control character but the tab, passes
(response splitting). Hop-by-hop headers are the server's (PEP 3333): how a message is framed, and whether a
connection stays, an app cannot know. The Date header is the server's too, unless the app has set one (RFC
9110 section 6.6.1).

Heads are remembered as requests' are, whole and line by line: most apps have few, and the check costs more
than all the rest. (Two headers, CPython 3.11: 3.1 us to check, 1.3 when each line is remembered, 0.2 when the
head is.)
"""

import re
from collections.abc import Iterable

from .errors import ResponseError

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_STATUS = re.compile(r"[2-9][0-9][0-9]( .*)?")
_HOP_BY_HOP = frozenset(
    [
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("te", "trailer", "trailers", "transfer-encoding", "upgrade"),
    ]
)
"""RFC 2616 section 13.5.1, which PEP 3333 refers to."""
_REMEMBERED = 512
_LONGEST = 4096
"""How many heads are remembered, four times as many lines, and how long each is at most: some 4 MiB."""


class ResponseHead:
    """Status line and headers, each with its CRLF, without what the server adds. Nobody changes them."""

    __slots__ = ("bodyless", "has_date", "length", "plain", "raw")

    def __init__(self, raw: bytes, length: int | None, *, bodyless: bool, has_date: bool) -> None:
        self.raw = raw
        self.length = length
        """The app's Content-Length."""
        self.bodyless = bodyless
        """Whether a response of this status has no body: 204 and 304."""
        self.has_date = has_date
        self.plain = length is not None and not bodyless and not has_date
        """Whether it lacks nothing but the date: it has a length, and a body may follow."""


class ResponseHeads:
    """Heads of all responses, remembered."""

    __slots__ = ("_heads", "_lines", "date")

    def __init__(self) -> None:
        self._heads: dict[object, ResponseHead] = {}
        self._lines: dict[object, bytes] = {}
        self.date = b""
        """The line `Date: …` with its CRLF; whoever has a clock keeps it right to the second."""

    def get(self, status: object, headers: Iterable[object]) -> ResponseHead:
        """Check what an app gave to start_response. Raises ResponseError."""
        key = (status, *headers)
        try:
            found = self._heads.get(key)
        except TypeError:
            raise ResponseError("the headers are not tuples of two str") from None
        if found is None:
            found = self._make(status, key[1:])
            if len(self._heads) >= _REMEMBERED:
                self._heads = {}
            if len(found.raw) <= _LONGEST:
                self._heads[key] = found
        return found

    def _make(self, status: object, headers: tuple[object, ...]) -> ResponseHead:
        if not isinstance(status, str) or not _STATUS.fullmatch(status) or _CONTROL.search(status):
            raise ResponseError(f"the status is not like '200 OK': {status!r}")
        bodyless = status.startswith(("204", "304"))
        length: int | None = None
        has_date = False
        lines = [_encode(f"HTTP/1.1 {status if len(status) > 3 else status + ' '}\r\n")]
        for header in headers:
            line = self._lines.get(header) or self._line(header)
            name = line[:15].lower()
            if name == b"content-length:":
                length = _length(line[15:-2].strip(), length)
                if status.startswith("204"):  # RFC 9110 section 8.6
                    continue
            elif name.startswith(b"date:"):
                has_date = True
            lines.append(line)
        return ResponseHead(b"".join(lines), length, bodyless=bodyless, has_date=has_date)

    def _line(self, header: object) -> bytes:
        line = encode_header(header)
        if len(line) <= _LONGEST:
            if len(self._lines) >= 4 * _REMEMBERED:
                self._lines = {}
            self._lines[header] = line
        return line


def encode_header(header: object) -> bytes:
    """Check a header of an app and make it a line. Raises ResponseError."""
    if not (
        isinstance(header, tuple) and len(header) == 2 and isinstance(header[0], str) and isinstance(header[1], str)
    ):
        raise ResponseError(f"a header is not a tuple of two str: {header!r}")
    name, value = header
    if not _TOKEN.fullmatch(name):
        raise ResponseError(f"{name!r} is not the name of a header")
    if name.lower() in _HOP_BY_HOP:
        raise ResponseError(f"{name} is the server's to send, not the app's (PEP 3333: hop-by-hop)")
    if _CONTROL.search(value):
        raise ResponseError(f"the header {name} has a control character in {value!r}")
    return _encode(f"{name}: {value}\r\n")


def _encode(text: str) -> bytes:
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise ResponseError(f"{text.strip()!r} does not fit into latin-1 (PEP 3333)") from None


def _length(value: bytes, before: int | None) -> int:
    if not (value.isdigit() and len(value) < 19):
        raise ResponseError(f"Content-Length is not a number: {value!r}")
    if before is not None:
        raise ResponseError("Content-Length is there twice")
    return int(value)
