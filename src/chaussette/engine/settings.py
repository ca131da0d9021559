"""What an engine may be told, and what it does untold. Each number has its reason beside it."""

from typing import NamedTuple

from ..http11 import Limits, Spool, temporary_file


class Settings(NamedTuple):
    """Times in seconds, sizes in bytes."""

    limits: Limits = Limits()
    """Limits on one request."""
    connections: int = 10_000
    """Open connections; at so many, or 50 short of the limit on open files, accepting pauses. An idle one
    costs 3 kB."""
    header_timeout: float = 30.0
    """From the first byte of a request to the last of its head, then 408. A phone with a bad link needs a few
    seconds."""
    body_rate: int = 500
    """Bytes a second that a body must come at on average, after `body_grace`, else 408. Apache's number: a
    modem's tenth."""
    body_grace: float = 20.0
    """How long a body may come at any rate: Apache's number again."""
    keep_alive: float = 75.0
    """How long a connection may be idle: more than the 60 that a proxy keeps its own side, so that the proxy
    hangs up first."""
    send_timeout: float = 60.0
    """How long a client may take nothing of a response that waits for it: nginx's number."""
    app_timeout: float = 60.0
    """An app that works on one request for longer is logged, once; a thread cannot be stopped in Python."""
    high_water: int = 1 << 20
    """Bytes of a streamed response that may wait for the client before the app waits too."""
    grace: float = 2.0
    """In a drain: how long a connection that is idle may still send a request."""
    spool: Spool = temporary_file
    """Makes the file of a body that is too long for memory."""
    multiprocess: bool = True
    """wsgi.multiprocess: whether other processes may serve the same app on the same sockets."""


LINGER = 2.0
"""How long we read on, and throw away, after an answer that ends a connection: a close with unread bytes is a
reset, and a reset takes the answer with it before the client has read it (RFC 9112 section 9.6)."""
TURN = 1 << 22
"""How many bytes are sent on one connection at a turn, so that a fast client of a large file leaves some to
the others. As much as Linux keeps for one connection: less would only be more turns."""
READ = 1 << 16
"""How many bytes are read at once; twice Linux's loopback segment."""
