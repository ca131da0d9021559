"""A listening socket, and what may be done to it.

A *borrowed* listener is somebody else's: a process manager's, shared with sibling processes that go on serving when this
one ends. Closing our file descriptor of it is fine; `shutdown(2)` would end it for everybody, `unlink(2)` would hide it
from new clients, `listen(2)` would change the manager's backlog. An *owned* listener was bound here and is cleaned up here.
"""

import os
import socket
from typing import NamedTuple

from ..logs import logger


class Listener(NamedTuple):
    """A socket that listens, with what the kernel says of it."""

    sock: socket.socket
    url: str
    """How the log shows it: `fd://12`, `localhost:8080`, `unix:/run/web.sock`."""
    owned: bool = False
    path: str = ""
    """The socket file that we made, from the root: an app may change its folder."""
    inode: tuple[int, int] | None = None
    """Device and inode of the socket file that we made: only that very file is ours to remove."""

    @property
    def kind(self) -> str:
        """`tcp`, `tcp6` or `unix`: the names that a `BackendInfo` uses."""
        return KINDS[self.sock.family]

    @property
    def server_name(self) -> str:
        """SERVER_NAME for a request without a Host header (PEP 3333): never empty, never a path."""
        if self.kind == "unix":
            return "localhost"
        host: str = self.sock.getsockname()[0]
        return socket.gethostname() if host in ("0.0.0.0", "::") else host

    @property
    def server_port(self) -> str:
        """SERVER_PORT (PEP 3333). A unix socket has none: 80 is what a URL of scheme http leaves out."""
        return "80" if self.kind == "unix" else str(self.sock.getsockname()[1])

    def close(self) -> None:
        """Close our file descriptor, and remove the socket file if we made it. May be called again."""
        if self.sock.fileno() == -1 and self.inode is None:
            return
        path = self._path()
        self.sock.close()
        if path is not None:
            try:
                os.unlink(path)
            except OSError as error:  # no privileges any more, say
                logger.warning("Cannot remove %s: %s", path, error.strerror)

    def _path(self) -> str | None:
        """The socket file, if it is still the one that we made: a successor may have bound its own there since."""
        if self.inode is None:
            return None
        path = self.path
        try:
            found = os.stat(path)
        except OSError:
            return None
        return path if (found.st_dev, found.st_ino) == self.inode else None


KINDS = {socket.AF_INET: "tcp", socket.AF_INET6: "tcp6", socket.AF_UNIX: "unix"}
"""The families that a WSGI server can serve on."""
