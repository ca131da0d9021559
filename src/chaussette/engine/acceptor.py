"""A listening socket that an engine accepts from."""

import socket
from _socket import socket as RawSocket  # noqa: N812 - an engine must not get a patched one
from typing import Any, NamedTuple

from ..http11 import Heads
from .fair import queue_is_long


class Site(NamedTuple):
    """A listening socket, and what it is called: SERVER_NAME and SERVER_PORT of PEP 3333."""

    sock: socket.socket
    server_name: str = "localhost"
    server_port: str = "80"


class Acceptor:
    """A listener in use."""

    def __init__(self, site: Site, heads: Heads) -> None:
        self.heads = heads
        sock = site.sock
        sock.setblocking(False)
        self.named = sock.family in (socket.AF_INET, socket.AF_INET6)
        if self.named:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # what is accepted inherits it
        self._site = site
        self._kind = sock.family, sock.type, sock.proto
        self.fd = sock.fileno()
        self._raw = RawSocket(*self._kind, fileno=self.fd)
        self._raw.setblocking(False)

    def accept(self) -> tuple[Any, dict[str, str]]:
        """A connection, and the environ entries for its peer. Raises BlockingIOError and other OSErrors."""
        fd, address = self._raw._accept()  # type: ignore[attr-defined]
        sock = RawSocket(*self._kind, fileno=fd)
        sock.setblocking(False)
        if self.named:
            return sock, {"REMOTE_ADDR": address[0], "REMOTE_PORT": str(address[1])}
        return sock, {"REMOTE_ADDR": ""}

    def is_crowded(self) -> bool:
        """Whether many connections wait to be accepted."""
        return queue_is_long(self._site.sock)

    def close(self) -> None:
        """Close our file descriptor of the listener, which leaves its queue to those who share it."""
        self._raw.detach()
        self._site.sock.close()
