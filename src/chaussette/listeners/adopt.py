"""Adopt a listening socket that this process inherited.

Facts come from the kernel, socket(7): the family and type from the file descriptor itself (a guessed family costs the
client's address and TCP_NODELAY), SO_ACCEPTCONN for "is it listening". What is not a listening stream socket is refused
here, with the reason, instead of failing at the first accept.

What is done to the socket is harmless to whoever shares it: O_NONBLOCK (it belongs to the open file description, so to
every process that has it; whoever accepts must treat "another one was faster" as normal), and TCP_NODELAY, which accepted
sockets inherit on Linux, so that an engine that forgets it does not wait for Nagle's algorithm.
"""

import fcntl
import os
import socket
import stat
from collections.abc import Iterable

from ..errors import ListenerError
from .listener import KINDS, Listener


def adopt(fd: int) -> Listener:
    """The listening socket of file descriptor `fd`, as a borrowed Listener. Raises ListenerError."""
    refusal = why_not(fd)
    if refusal:
        raise ListenerError(f"fd {fd} {refusal}")
    sock = socket.socket(fileno=_away_from_stdio(fd))
    sock.set_inheritable(False)
    make_ready(sock)
    return Listener(sock, f"fd://{fd}")


def make_ready(sock: socket.socket) -> None:
    """Set what every engine needs of a listening socket, whoever opened it."""
    sock.setblocking(False)
    if sock.family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def why_not(fd: int) -> str:
    """Why `fd` cannot be served on, as the rest of a sentence that begins with its number; empty if it can."""
    try:
        mode = os.fstat(fd).st_mode
    except OSError:
        return (
            "is not open. The process manager must open it and pass it on: "
            "Circus does with use_sockets = True, systemd from fd 3 up."
        )
    if not stat.S_ISSOCK(mode):
        return f"is {_thing(mode)}, not a socket: is the number right?"
    sock = socket.socket(fileno=fd)
    try:
        return _why_not_socket(sock)
    finally:
        sock.detach()


def _why_not_socket(sock: socket.socket) -> str:
    kind = sock.getsockopt(socket.SOL_SOCKET, socket.SO_TYPE)
    if kind == socket.SOCK_DGRAM:
        return "is a datagram socket (UDP), but HTTP needs a stream socket: ask the process manager for SOCK_STREAM."
    if kind != socket.SOCK_STREAM:
        return f"is a socket of type {kind}, but HTTP needs a stream socket: ask the process manager for SOCK_STREAM."
    if sock.family not in KINDS:
        return f"is a socket of family {sock.family}: only AF_INET, AF_INET6 and AF_UNIX can be served on."
    if sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return ""
    if _is_connected(sock):
        return "is one connection, not a listening socket: inetd must say 'wait', systemd Accept=no."
    if sock.family != socket.AF_UNIX and sock.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT):
        return (
            "is what Circus leaves in place of a socket with so_reuseport = True, and does not listen. "
            "Remove so_reuseport (it loses requests at each reload), or move the option from args to cmd."
        )
    return "is a socket that does not listen: whoever opened it must call listen() before passing it on."


def _is_connected(sock: socket.socket) -> bool:
    try:
        sock.getpeername()
    except OSError:
        return False
    return True


def _thing(mode: int) -> str:
    if stat.S_ISFIFO(mode):
        return "a pipe"
    if stat.S_ISREG(mode):
        return "a file"
    if stat.S_ISCHR(mode):
        return "a terminal or device"
    return "no socket"


def _away_from_stdio(fd: int) -> int:
    """Move a socket that came as standard input, output or error to a number of its own.

    Supervisor and Circus pass it as 0, inetd as 0, 1 and 2 at once. An app that reads its standard input, or a library
    that prints, must not find the listening socket there: each gets /dev/null instead.
    """
    if fd > 2:
        return fd
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    silence(moved, range(3))
    return moved


def silence(fd: int, stdio: Iterable[int]) -> None:
    """Put /dev/null in place of each of `stdio` that is the socket `fd` under another number."""
    wanted = os.fstat(fd)
    null = os.open(os.devnull, os.O_RDWR)
    for number in stdio:
        try:
            same = number != fd and os.path.samestat(os.fstat(number), wanted)
        except OSError:
            continue
        if same:
            os.dup2(null, number)
    os.close(null)
