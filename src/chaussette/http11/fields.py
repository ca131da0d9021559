"""Header lines: bytes in, environ key and value out (RFC 9110 section 5, RFC 9112 section 5).

A line is remembered once it has been checked, because clients repeat theirs: a browser sends nine lines with
every request, and eight of them never change. What is remembered is bounded, and forgotten all at once when
it is full.

- A name is a token, and the colon follows it at once. A line that begins with a space would be an obs-fold.
- A value has no control characters but the tab. A bare CR or LF is one: some parsers end a line there.
- A name with an underscore is dropped: `X_User` and `X-User` have the same environ key, and a proxy that
  guards one does not know of the other.
- A repeated header is joined as RFC 9110 section 5.3 says, a cookie by "; " (RFC 6265 section 5.4). Those
  that cannot be a list must not be repeated.
"""

import re
from typing import Any

from .errors import Refused

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROL = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]*)(:[0-9]*)?")
"""RFC 3986 section 3.2.2, without the user part that RFC 9110 section 4.2.4 forbids."""
_SINGLE = frozenset({"HTTP_HOST", "CONTENT_LENGTH", "CONTENT_TYPE", "HTTP_TRANSFER_ENCODING"})
_PLAIN = {"HTTP_CONTENT_LENGTH": "CONTENT_LENGTH", "HTTP_CONTENT_TYPE": "CONTENT_TYPE"}
_REMEMBERED = 2048
_LONGEST = 1024
"""How many lines are remembered, and how long they are at most: 2 MiB, some 20 browsers with all their
cookies."""

Field = tuple[str, str]
"""An environ key, empty for a header that is dropped, and its value."""


class Fields:
    """Header lines of all connections, remembered."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, Field] = {}

    def read(self, lines: list[bytes], environ: dict[str, Any]) -> None:
        """Add header lines, without their CRLF, to `environ`. Raises Refused."""
        known, learn = self._known, self._learn
        fields = [known.get(line) or learn(line) for line in lines]
        count = len(environ) + len(fields)
        environ.update(fields)
        if len(environ) != count or "" in environ:  # a name is there twice, or is dropped
            _join(fields, environ)

    def _learn(self, line: bytes) -> Field:
        field = parse(line)
        if len(line) <= _LONGEST:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[line] = field
        return field


def parse(line: bytes) -> Field:
    """The environ key and value of one header line. Raises Refused."""
    name, colon, value = line.partition(b":")
    if not colon or not _TOKEN.fullmatch(name):
        raise Refused(400, "a header line has no name, folds, or has a space before its colon")
    if _CONTROL.search(value):
        raise Refused(400, "a header value has a control character")
    if b"_" in name:
        return "", ""
    key = "HTTP_" + name.decode("ascii").upper().replace("-", "_")
    text = value.strip(b" \t").decode("latin-1")
    if key == "HTTP_HOST":
        check_host(text)
    return _PLAIN.get(key, key), text


def check_host(value: str) -> None:
    """Raises Refused unless `value` is a host and perhaps a port; an empty one is allowed."""
    if not _HOST.fullmatch(value):
        raise Refused(400, "the host is none")


def is_token(name: bytes) -> bool:
    """Whether `name` is a token, RFC 9110 section 5.6.2: a method, a header's name."""
    return _TOKEN.fullmatch(name) is not None


def _join(fields: list[Field], environ: dict[str, Any]) -> None:
    """Do again, one by one, what `update` has done at once. Raises Refused."""
    for key, _ in fields:
        environ.pop(key, None)
    for key, value in fields:
        environ[key] = value if key not in environ else _joined(key, environ[key], value)
    environ.pop("", None)


def _joined(key: str, first: str, second: str) -> str:
    if key in _SINGLE:
        raise Refused(400, "a header that has one value only is repeated")
    return f"{first}{'; ' if key == 'HTTP_COOKIE' else ', '}{second}"
