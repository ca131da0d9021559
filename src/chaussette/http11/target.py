"""The request line: bytes in, environ entries out (RFC 9112 section 3).

Exactly `METHOD SP target SP HTTP/1.x`, single spaces, printable ASCII: RFC 9112 lets a server be lenient
about white space here, and every leniency is a second opinion about what was asked.

A method with small letters is refused: methods are case-sensitive, and `head` would be answered with a body that a
peer who thinks otherwise takes for the next response.

The target's four forms: `/path?query`; `http://host/path`, whose host takes the place of the Host header's;
`*` for OPTIONS, an empty PATH_INFO; and `host:port` for CONNECT, which is for proxies and refused.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from .errors import Refused
from .fields import check_host, is_token

# A target is printable ASCII without the #, which no request target has.
_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Z]+) ([\x21\x22\x24-\x7e]+) HTTP/1\.([01])")
_VERSION = re.compile(rb"HTTP/\d\.\d")
_ABSOLUTE = re.compile(rb"https?://([^/?]+)(/[^?]*)?(\?.*)?", re.IGNORECASE)


@dataclass(slots=True)
class RequestLine:
    """A request line, understood. Nobody changes it; to have it frozen would cost 1 us each time."""

    method: str
    path: str
    query: str
    protocol: str
    uri: str
    http11: bool
    is_head: bool
    plain: bool
    """Whether this is all there is to it: HTTP/1.1, not HEAD, and no host in the target."""
    host: str | None
    """The host that the target names, and that then takes the place of the Host header's."""


def parse(line: bytes) -> RequestLine:
    """Understand a request line, without its CRLF. Raises Refused."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise _refusal(line)
    method, raw, minor = found.groups()
    host, path, query = _split(method, raw)
    http11, is_head = minor == b"1", method == b"HEAD"
    return RequestLine(
        method.decode("ascii"),
        path.decode("ascii") if b"%" not in path else unquote_to_bytes(path).decode("latin-1"),
        query.decode("ascii"),
        "HTTP/1.1" if http11 else "HTTP/1.0",
        raw.decode("ascii"),
        http11,
        is_head,
        http11 and not is_head and host is None,
        host,
    )


def _refusal(line: bytes) -> Refused:
    """What is wrong with a request line."""
    parts = line.split(b" ")
    if len(parts) != 3 or not is_token(parts[0]):
        return Refused(400, "the request line is not: method, space, target, space, version")
    if not _VERSION.fullmatch(parts[2]):
        return Refused(400, "the request line ends with no HTTP version")
    if not parts[2].startswith((b"HTTP/1.0", b"HTTP/1.1")):
        return Refused(505, "HTTP/1.1 and HTTP/1.0 are spoken here")
    if parts[0].upper() != parts[0]:
        return Refused(501, "a method in small letters")
    return Refused(400, "the request target has characters that must be percent-encoded")


def _split(method: bytes, target: bytes) -> tuple[str | None, bytes, bytes]:
    if method == b"CONNECT":  # whatever its target: a client takes what follows the answer for a tunnel
        raise Refused(501, "CONNECT is for proxies")
    if target.startswith(b"/"):
        path, _, query = target.partition(b"?")
        return None, path, query
    if target == b"*" and method == b"OPTIONS":
        return None, b"", b""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise Refused(400, "the request target is neither a path nor an http URL")
    host = absolute[1].decode("ascii")
    check_host(host)
    return host, absolute[2] or b"/", (absolute[3] or b"?")[1:]
