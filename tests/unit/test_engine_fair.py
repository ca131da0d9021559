"""When there is time to let other processes go first."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from chaussette.engine.fair import queue_is_long


@pytest.mark.skipif(not hasattr(socket, "TCP_INFO"), reason="this system does not tell how long a queue is")
@pytest.mark.parametrize(("clients", "long"), [(0, False), (50, False), (64, True)])
@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6], ids=["tcp", "tcp6"])
def test_a_queue_is_long_from_64_on(family: int, clients: int, long: bool) -> None:
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket(family))
        listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        listener.listen(128)
        for _ in range(clients):
            stack.enter_context(socket.create_connection(listener.getsockname()[:2]))
        assert queue_is_long(listener) is long


def test_a_unix_socket_does_not_tell(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "sock"))
        listener.listen()
        assert not queue_is_long(listener)
