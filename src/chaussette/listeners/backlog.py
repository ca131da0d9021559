"""How long the accept queue of a listener may grow: its backlog, as the kernel tells it.

For engines that cannot but call `listen(2)` on a socket that listens already: with the number that the socket has, the call
changes nothing. tcp(7) tells it for TCP, sock_diag(7) for AF_UNIX.
"""

import os
import socket
import struct

_TCP_MOST = struct.Struct("=28xI")
"""tcpi_sacked of struct tcp_info: of a listening socket, its backlog (linux/tcp.h)."""
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_UNIX_DIAG_RQLEN = 4
_SHOW_RQLEN = 0x10
_ANY_STATE = _NO_COOKIE = 0xFFFFFFFF
_HEADER = struct.Struct("=IHHII")
"""struct nlmsghdr: length, type, flags, sequence, port (netlink(7))."""
_REQUEST = struct.Struct("=BBHIIIII")
"""struct unix_diag_req: family, protocol, padding, states, inode, what to show, and a cookie of two numbers."""
_ANSWER = struct.Struct("=BBBBIII")
"""struct unix_diag_msg: its attributes come next."""
_ATTRIBUTE = struct.Struct("=HH")
"""struct rtattr: length, with this head, and type (rtnetlink(7))."""


def backlog_of(sock: socket.socket) -> int:
    """The backlog of a listening socket. The most that the kernel allows, where it does not tell."""
    try:
        return _tcp(sock) if sock.family != socket.AF_UNIX else _unix(sock)
    except (OSError, struct.error):
        with open("/proc/sys/net/core/somaxconn") as most:
            return int(most.read())


def _tcp(sock: socket.socket) -> int:
    (most,) = _TCP_MOST.unpack(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_MOST.size))
    return int(most)


def _unix(sock: socket.socket) -> int:
    """Ask for the one socket by its inode. Raises OSError if the kernel has no unix_diag."""
    inode = os.fstat(sock.fileno()).st_ino
    asked = _REQUEST.pack(socket.AF_UNIX, 0, 0, _ANY_STATE, inode, _SHOW_RQLEN, _NO_COOKIE, _NO_COOKIE)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(1)
        kernel.send(_HEADER.pack(_HEADER.size + len(asked), _SOCK_DIAG_BY_FAMILY, 1, 0, 0) + asked)
        answer = kernel.recv(4096)
    at = _HEADER.size + _ANSWER.size
    while at + _ATTRIBUTE.size <= len(answer):
        length, kind = _ATTRIBUTE.unpack_from(answer, at)
        if kind == _UNIX_DIAG_RQLEN:
            return int(struct.unpack_from("=II", answer, at + _ATTRIBUTE.size)[1])
        at += max(_ATTRIBUTE.size, length + 3 & ~3)
    raise OSError("the kernel does not tell")
