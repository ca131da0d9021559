"""Fairness among processes that share a listener: who has just accepted lets the others go first.

A client that keeps its connection stays with the process that accepted it. When fifty such clients come at once, the process
that runs first would have most of them accepted before the others are on a processor (busiest to idlest of four: 2 and
more). So, when it has a few already, it rests for a millisecond after each that it accepts.

A process that rests while the queue is long would lose time that nobody wins: then there is no rest. So connections
wait `_LONG` milliseconds at the most for the sake of fairness, and a thousand that come at once do not.

A process that is busy after its rest accepts before it goes on with those it has. At the event of the listener, behind
all who are ready, each new client would wait for a round of all others: with 50 clients and an app that takes 2 ms, the
last of them for more than two seconds (now a third of one; benchmarks/arrivals.py).
"""

import socket
import sys

REST = 0.001
"""Seconds."""
FEW = 8
"""Connections that a process may take without a rest, and in a row. Clients that close theirs after each request never
leave it with more, and need none: whom their next request meets is open again."""
_LONG = 64
"""Connections in the queue, from where on all are to be accepted as fast as can be."""
_TCP_INFO = getattr(socket, "TCP_INFO", None)
_QUEUED = slice(24, 28)
"""tcpi_unacked of struct tcp_info: of a listening socket, how many connections are in its queue (linux/tcp.h)."""


def queue_is_long(listener: socket.socket) -> bool:
    """Whether many connections wait to be accepted. A listener that does not tell has a short queue."""
    if _TCP_INFO is None or listener.family == socket.AF_UNIX:
        return False
    try:
        told = listener.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _QUEUED.stop)
    except OSError:
        return False
    return len(told) == _QUEUED.stop and int.from_bytes(told[_QUEUED], sys.byteorder) >= _LONG
