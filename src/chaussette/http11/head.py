"""The head of a request: what the lines of `target` and `fields` mean together.

Whole heads are remembered, in two halves. The header lines of a client that keeps its connection, or of a
proxy that checks our health, are the same bytes time and again: the second time they cost one look-up and one
copy of a ready environ. So do request lines. (Nine browser headers, CPython 3.11: 9.1 us to read line by
line, 3.3 when each line is remembered, 0.4 when their block is.) What is remembered is bounded in number and
in size, and forgotten all at once when it is full.

Framing, RFC 9112 section 6, leaves no choice to anybody who reads the same bytes: Content-Length or Transfer-
Encoding, never both, never twice; digits only; `chunked` only.
"""

from dataclasses import dataclass
from typing import Any

from . import target
from .errors import Refused
from .fields import Fields
from .limits import Limits
from .target import RequestLine, check_host

_REMEMBERED = 512
_LONGEST = 4096
"""How many blocks, and how many request lines, are remembered, and how long each is at most: some 4 MiB."""


@dataclass(slots=True)
class Block:
    """The header lines of a request, understood. Nobody changes it, as with `RequestLine`."""

    template: dict[str, Any]
    """An environ that lacks what the request line, the connection and the body say; it is copied for each
    request."""
    plain: bool
    """Whether this is all there is to it, in HTTP/1.1: one host, no body, no word about the connection."""
    host: str | None
    close: bool
    keep_alive: bool
    length: int
    chunked: bool
    expects: str


class Heads:
    """Heads of all connections of one listener, remembered."""

    __slots__ = ("_facts", "_fields", "blocks", "limits", "lines", "wholes")

    def __init__(self, facts: dict[str, Any], limits: Limits) -> None:
        """`facts` are the environ entries that all requests share: SERVER_NAME, wsgi.url_scheme and their
        like."""
        self._facts = {
            **dict.fromkeys(
                ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "SERVER_PROTOCOL", "REQUEST_URI")
            ),
            **dict.fromkeys(("REMOTE_ADDR", "REMOTE_PORT", "wsgi.input")),
            "SCRIPT_NAME": "",
            **facts,
        }
        self.limits = limits
        self._fields = Fields()
        self.lines: dict[bytes, RequestLine] = {}
        """What `learn_line` has learnt."""
        self.blocks: dict[bytes, Block] = {}
        """What `learn_block` has learnt."""
        self.wholes: dict[bytes, dict[str, Any]] = {}
        """What `learn_whole` has learnt: an environ to copy, see `Reader.fill`."""

    def learn_line(self, raw: bytes) -> RequestLine:
        """Understand a request line, and remember it. Raises Refused."""
        line = target.parse(raw)
        if len(raw) <= _LONGEST:
            if len(self.lines) >= _REMEMBERED:
                self.lines.clear()
            self.lines[raw] = line
        return line

    def learn_block(self, raw: bytes) -> Block:
        """Understand the header lines, without the empty line after them, and remember them. Raises
        Refused."""
        block = self._parse(raw)
        if len(raw) <= _LONGEST:
            if len(self.blocks) >= _REMEMBERED:
                self.blocks.clear()
            self.blocks[raw] = block
        return block

    def learn_whole(self, raw: bytes, environ: dict[str, Any]) -> None:
        """Remember a plain request, whole, with the environ that it has without its connection."""
        if len(raw) <= 2 * _LONGEST:
            if len(self.wholes) >= _REMEMBERED:
                self.wholes.clear()
            self.wholes[raw] = environ.copy()

    def trailers(self, lines: list[bytes]) -> None:
        """Check the trailer lines of a chunked body, and forget them. Raises Refused."""
        self._fields.read(lines)

    def _parse(self, raw: bytes) -> Block:
        lines = raw.split(b"\r\n") if raw else []
        if len(lines) > self.limits.header_count:
            raise Refused(431, f"more than {self.limits.header_count} header lines")
        environ = self._fields.read(lines)
        host = environ.get("HTTP_HOST")
        if host is not None:
            check_host(host)
        length, chunked = _framing(environ)
        close, keep_alive = _connection(environ.get("HTTP_CONNECTION"))
        expects = environ.get("HTTP_EXPECT", "").lower()
        plain = host is not None and not (length or chunked or close or expects)
        template = {**self._facts, **environ}
        return Block(template, plain, host, close, keep_alive and not close, length, chunked, expects)


def _connection(value: str | None) -> tuple[bool, bool]:
    """Whether a Connection header says close, and keep-alive."""
    if value is None:
        return False, False
    words = [word.strip(" \t") for word in value.lower().split(",")]
    return "close" in words, "keep-alive" in words


def _framing(environ: dict[str, str]) -> tuple[int, bool]:
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
