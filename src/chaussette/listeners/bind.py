"""Bind a listening socket of our own: TCP on IPv4 or IPv6, or AF_UNIX.

SO_REUSEADDR, so that a restart need not wait for connections in TIME_WAIT; never SO_REUSEPORT, which would let a second
server take a share of the connections in silence, and whose accept queue the kernel resets when a process ends.

A socket file of a server that is gone is replaced; one that somebody serves is refused, and so is a file that is no
socket. Which it is, a connection attempt tells: ECONNREFUSED means that nobody listens, see unix(7).
"""

import errno
import os
import socket
import stat

from ..errors import ListenerError
from ..standard import standard_library
from .address import TCP, Unix
from .adopt import make_ready
from .listener import Listener

_PATH_LIMIT = 107
"""Bytes in the path of a unix socket, see unix(7): sun_path holds 108 with its NUL."""


def bind_tcp(address: TCP, backlog: int) -> Listener:
    """An owned listener on a host and port. Raises ListenerError."""
    family, where = _resolve(address)
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(where)
        sock.listen(backlog)
        make_ready(sock)
    except OSError as error:
        sock.close()
        raise ListenerError(_why_not_tcp(address, error)) from None
    return Listener(sock, str(TCP(address.host, sock.getsockname()[1])), owned=True)


def bind_unix(address: Unix, backlog: int, mode: int | None = None) -> Listener:
    """An owned listener on a path or an abstract name, with the permissions `mode`. Raises ListenerError."""
    path, abstract = address.path, address.path.startswith("\0")
    if len(os.fsencode(path)) > _PATH_LIMIT:
        raise ListenerError(
            f"{address} is longer than the {_PATH_LIMIT} bytes that the kernel allows: choose a shorter path."
        )
    if not abstract:
        _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.bind(path)
        if mode is not None and not abstract:
            os.chmod(path, mode)
        sock.listen(backlog)
        make_ready(sock)
    except OSError as error:
        sock.close()
        raise ListenerError(_why_not_unix(address, error)) from None
    made = None if abstract else os.stat(path)
    inode = (made.st_dev, made.st_ino) if made else None
    return Listener(sock, str(address), owned=True, path=os.path.abspath(path) if made else "", inode=inode)


def _resolve(address: TCP) -> tuple[int, tuple[str, int]]:
    family = {"AF_INET": socket.AF_INET, "AF_INET6": socket.AF_INET6}.get(address.family, socket.AF_UNSPEC)
    try:
        with standard_library():  # it imports a codec for the name
            found = socket.getaddrinfo(
                address.host or None, address.port, family, socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
    except socket.gaierror as error:
        raise ListenerError(f"{address}: the host {address.host!r} is unknown ({error.strerror}).") from None
    # IPv4 first: it is what 1.3 bound, and what a client tries that does not know of IPv6.
    found.sort(key=lambda each: each[0] != socket.AF_INET)
    return found[0][0], found[0][4][:2]  # type: ignore[return-value]


def _remove_stale(path: str) -> None:
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return
    if not stat.S_ISSOCK(mode):
        raise ListenerError(f"unix:{path} exists and is no socket: remove it, or choose another path.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        outcome = probe.connect_ex(path)
    if outcome == errno.ECONNREFUSED:
        try:
            os.unlink(path)
        except OSError as error:
            raise ListenerError(_why_not_unix(Unix(path), error)) from None
    elif outcome in (0, errno.EAGAIN):
        from .holder import unix_holder

        raise ListenerError(f"unix:{path} is in use{unix_holder(path)}: stop that server, or choose another path.")


def _why_not_tcp(address: TCP, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        from .holder import tcp_holder

        return (
            f"{address} is in use{tcp_holder(address.port)}: stop that server, choose another --port, "
            "or --port 0 for any that is free."
        )
    if error.errno == errno.EACCES:
        return f"{address}: ports below 1024 need privileges; let the process manager open the socket, and pass --fd."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{address}: this machine has no such address."
    return f"{address}: {error.strerror}."


def _why_not_unix(address: Unix, error: OSError) -> str:
    folder = os.path.dirname(address.path) or os.curdir
    if error.errno == errno.ENOENT and not os.path.isdir(folder):
        return f"{address}: the folder {folder} does not exist: make it first."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{address}: no permission to write in {folder} (uid {os.geteuid()})."
    if error.errno == errno.EADDRINUSE:
        from .holder import unix_holder

        return f"{address} is in use{unix_holder(address.path)}: stop that server, or choose another name."
    return f"{address}: {error.strerror}."
