"""Hang up idle connections of an engine that has no way to ask it to.

The connections of this process are found in /proc/self/fd: connected sockets whose own address is a listener's. A half
close of the reading side, `shutdown(fd, SHUT_RD)`, is understood by every engine: what is queued is still read, then comes
the end of the stream, and an answer that is being written goes out untouched.

TCP_INFO, tcp(7), tells a connection that is idle from one where a request is arriving or an answer is owed: on an idle
one the last thing that happened is that we sent data. AF_UNIX has no such counter, so there every connection gets the
half close, and a request that is queued already is still answered.
"""

import os
import socket
import stat
import struct
from collections.abc import Iterator, Sequence

_QUIET_MS = 200
"""Milliseconds without traffic before a connection is taken to be idle: longer than between the packets of a request."""


def hang_up_idle(addresses: Sequence[object]) -> None:
    """Half-close the idle connections of the listeners whose own addresses are `addresses`."""
    for sock in _accepted(addresses):
        with sock:
            if not is_busy(sock):
                try:
                    sock.shutdown(socket.SHUT_RD)
                except OSError:  # the client was faster
                    continue


def busy(addresses: Sequence[object]) -> list[object]:
    """The peers of the connections that are not idle, for the count of requests that a kill would lose."""
    found = []
    for sock in _accepted(addresses):
        with sock:
            if sock.family == socket.AF_UNIX or is_busy(sock):
                found.append(sock.getpeername())
    return found


def is_connected(addresses: Sequence[object]) -> bool:
    """Whether there is a connection at all."""
    for sock in _accepted(addresses):
        sock.close()
        return True
    return False


def is_busy(sock: socket.socket) -> bool:
    """Whether a request is arriving on a connection, or an answer owed. Of AF_UNIX it is not known, and taken for no."""
    if sock.family == socket.AF_UNIX:
        return False
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 160)
    # tcpi_last_data_sent, tcpi_last_ack_sent, tcpi_last_data_recv in milliseconds; tcpi_bytes_acked, tcpi_bytes_received
    sent, _, received = struct.unpack_from("III", info, 44)
    acked, got = struct.unpack_from("QQ", info, 120)
    return bool(min(sent, received) < _QUIET_MS or received < sent or (got > 0 and acked <= 1))


def _accepted(addresses: Sequence[object]) -> Iterator[socket.socket]:
    ports = {address[1] for address in addresses if isinstance(address, tuple)}
    for fd in [int(name) for name in os.listdir("/proc/self/fd")]:
        try:
            if not stat.S_ISSOCK(os.fstat(fd).st_mode):
                continue
            sock = socket.socket(fileno=os.dup(fd))
        except OSError:  # closed since the folder was listed
            continue
        try:
            own = sock.getsockname()
            sock.getpeername()
        except OSError:  # not connected
            sock.close()
            continue
        if own in addresses or (isinstance(own, tuple) and own[1] in ports):
            yield sock
        else:
            sock.close()
