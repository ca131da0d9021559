"""The request line: bytes in, environ entries out (RFC 9112 section 3).

Exactly `METHOD SP target SP HTTP/1.x`, single spaces, printable ASCII: RFC 9112 lets a server be lenient
about white space here, and every leniency is a second opinion about what was asked.

A method with small letters is refused: methods are case-sensitive, and `head` would be answered with a body that a
peer who thinks otherwise takes for the next response.

The target's four forms: `/path?query`; `http://host/path`, whose host takes the place of the Host header's;
`*` for OPTIONS, an empty PATH_INFO; and `host:port` for CONNECT, which is for proxies and refused.
"""

import re

from .errors import Refused
from .fields import check_host, is_token

# A target is printable ASCII without the #, which no request target has.
_LINE = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Z]+ [\x21\x22\x24-\x7e]+ HTTP/1\.[01]")
_VERSION = re.compile(rb"HTTP/\d\.\d")
_ABSOLUTE = re.compile(r"https?://([^/?]+)(/[^?]*)?(\?.*)?", re.IGNORECASE)
_ENCODED = re.compile("%([0-9A-Fa-f]{2})")


class RequestLine:
    """A request line, understood. Nobody changes it."""

    __slots__ = ("environ", "http11", "is_head", "plain")

    def __init__(self, environ: dict[str, str], *, plain: bool) -> None:
        self.environ = environ
        """REQUEST_METHOD, PATH_INFO, QUERY_STRING, SERVER_PROTOCOL and REQUEST_URI; and HTTP_HOST, if the target
        names the host: it takes the place of the Host header's."""
        self.http11 = environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        self.is_head = environ["REQUEST_METHOD"] == "HEAD"
        self.plain = plain and self.http11 and not self.is_head
        """Whether this is all there is to it: HTTP/1.1, not HEAD, and no host in the target."""


def parse(line: bytes) -> RequestLine:
    """Understand a request line, without its CRLF. Raises Refused."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise _refusal(line)
    method, target, protocol = line.decode("ascii").split(" ")
    host, path, query = _split(method, target)
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path if "%" not in path else _unquoted(path),
        "QUERY_STRING": query,
        "SERVER_PROTOCOL": protocol,
        "REQUEST_URI": target,
    }
    if host is not None:
        environ["HTTP_HOST"] = host
    return RequestLine(environ, plain=host is None)


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


def _split(method: str, target: str) -> tuple[str | None, str, str]:
    """The host, the path and the query in a target. Raises Refused."""
    if method == "CONNECT":  # whatever its target: a client takes what follows the answer for a tunnel
        raise Refused(501, "CONNECT is for proxies")
    if target.startswith("/"):
        path, _, query = target.partition("?")
        return None, path, query
    if target == "*" and method == "OPTIONS":
        return None, "", ""
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise Refused(400, "the request target is neither a path nor an http URL")
    check_host(absolute[1])
    return absolute[1], absolute[2] or "/", (absolute[3] or "?")[1:]


def _unquoted(path: str) -> str:
    """A path without percent-encoding: the bytes of it, as PEP 3333 wants them in a str. What is no encoding stays.

    As urllib.parse.unquote_to_bytes does it, whose import costs half a megabyte in each worker.
    """
    return _ENCODED.sub(lambda found: chr(int(found[1], 16)), path)
