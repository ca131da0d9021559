"""How a request becomes a WebSocket: the server's side of the opening handshake, RFC 6455, section 4.2.

The request has been read already, so this works on its environ. What asks for no WebSocket by the rules of HTTP (another
method, HTTP/1.0, no `Connection: Upgrade`), or has a body, is an ordinary request, and the app's to answer; what asks for one
wrongly is refused, and the answer says why.

Of the extensions there is permessage-deflate (RFC 7692), without context takeover: with it each connection would keep 300 kB
of zlib's state for as long as it is open, and most of them are idle.
"""

from base64 import b64decode
from typing import TYPE_CHECKING

from wsproto.extensions import Extension, PerMessageDeflate
from wsproto.handshake import server_extensions_handshake
from wsproto.utilities import generate_accept_token

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

Headers = list[tuple[str, str]]

VERSION = "13"
"""The one version of the protocol that is in use."""


class HandshakeError(Exception):
    """A request for a WebSocket that gets none: the status and headers of the answer, and the reason for its body."""

    def __init__(self, status: str, reason: str, *headers: tuple[str, str]) -> None:
        super().__init__(reason)
        self.status, self.headers = status, list(headers)


def asks(environ: "WSGIEnvironment") -> bool:
    """Whether a request asks for a WebSocket (RFC 9110, section 7.8: a server ignores Upgrade in HTTP/1.0)."""
    return (
        environ["REQUEST_METHOD"] == "GET"
        and environ["SERVER_PROTOCOL"] == "HTTP/1.1"
        and "websocket" in _words(environ.get("HTTP_UPGRADE", "").lower())
        and "upgrade" in _words(environ.get("HTTP_CONNECTION", "").lower())
        and environ.get("CONTENT_LENGTH", "0") == "0"
        and "HTTP_TRANSFER_ENCODING" not in environ
    )


def agree(environ: "WSGIEnvironment", subprotocol: str | None = None) -> tuple[Headers, list[Extension]]:
    """The headers of the answer 101, and the extensions to use.

    `subprotocol` is the app's choice, and part of the answer if the client offers it. Raises HandshakeError.
    """
    if environ.get("HTTP_SEC_WEBSOCKET_VERSION") != VERSION:
        wanted = [("Sec-WebSocket-Version", VERSION), ("Upgrade", "websocket"), ("Connection", "close, upgrade")]
        raise HandshakeError("426 Upgrade Required", f"Sec-WebSocket-Version must be {VERSION}", *wanted)
    key = environ.get("HTTP_SEC_WEBSOCKET_KEY", "")
    if not _is_key(key):
        raise HandshakeError("400 Bad Request", "Sec-WebSocket-Key must be 16 bytes in base64")
    headers = [
        ("Upgrade", "websocket"),
        ("Connection", "Upgrade"),
        ("Sec-WebSocket-Accept", generate_accept_token(key.encode()).decode()),
    ]
    if subprotocol and subprotocol in _words(environ.get("HTTP_SEC_WEBSOCKET_PROTOCOL", "")):
        headers.append(("Sec-WebSocket-Protocol", subprotocol))
    for offer in environ.get("HTTP_SEC_WEBSOCKET_EXTENSIONS", "").split(","):
        deflate = PerMessageDeflate(client_no_context_takeover=True, server_no_context_takeover=True)
        try:
            accepted = server_extensions_handshake([offer], [deflate])
        except ValueError:  # its parameters are no numbers: an offer that is declined
            continue
        if accepted:
            headers.append(("Sec-WebSocket-Extensions", accepted.decode()))
            return headers, [deflate]
    return headers, []


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",")]


def _is_key(text: str) -> bool:
    try:
        return len(b64decode(text, validate=True)) == 16
    except ValueError:
        return False
