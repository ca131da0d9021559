"""What the benchmarks ask of a server before they compare it: that all who ask at once are answered."""

import socket
from contextlib import ExitStack

from benchmarks.everybody import unanswered


def test_who_has_received_nothing_is_counted() -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        port = listener.getsockname()[1]
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(5)]
        servers = [stack.enter_context(listener.accept()[0]) for _ in range(5)]
        waiting = {"{}:{}".format(*client.getsockname()) for client in clients}
        assert unanswered(port) == waiting
        for server in servers[:2]:
            server.sendall(b"x")
        answered = {"{}:{}".format(*server.getpeername()) for server in servers[:2]}
        for client in clients:
            if "{}:{}".format(*client.getsockname()) in answered:
                assert client.recv(1) == b"x"
        assert unanswered(port) == waiting - answered
