"""Whether a server answers all who ask at once.

One whose threads each keep to a connection answers as many clients as it has threads, for as long as those go on asking:
the others wait for ever. What it costs then is the cost of another workload, with fewer clients.
"""

import selectors
import socket
from contextlib import ExitStack
from time import monotonic

_PATIENCE = 1.0
"""Seconds in which each is to have its first answer: hundreds of times what fifty of them take."""
_ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def unanswered(port: int, clients: int, patience: float = _PATIENCE) -> int:
    """How many of `clients`, each on a connection that it keeps, get no answer while the others go on asking."""
    with ExitStack() as stack:
        selector = stack.enter_context(selectors.DefaultSelector())
        waiting: set[socket.socket] = set()
        for _ in range(clients):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=patience))
            client.sendall(_ASK)
            selector.register(client, selectors.EVENT_READ)
            waiting.add(client)
        end = monotonic() + patience
        while waiting and monotonic() < end:
            for key, _ in selector.select(end - monotonic()):
                client = key.fileobj  # type: ignore[assignment]
                if _goes_on(client):
                    waiting.discard(client)
                else:
                    selector.unregister(client)
        return len(waiting)


def _goes_on(client: socket.socket) -> bool:
    """Read what has come, and ask again. Returns False if the connection has ended."""
    try:
        answered = bool(client.recv(1 << 16))
        if answered:
            client.sendall(_ASK)
    except OSError:
        return False
    return answered
