"""A server of which one thread serves, as its requests are short."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from functional.fast.serving import PYTHON, Client, Served, request, serving

needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a thread has computed")


def threads(served: Served) -> int:
    return len(os.listdir(f"/proc/{served.pid}/task")) - 1  # the clock's is one


def two_threads() -> tuple[str, ...]:
    """A command: the stack of each thread takes a gigabyte of address space, and there is room for two."""
    return ("prlimit", f"--stack={1 << 30}", f"--as={(1 << 31) + (1 << 29)}", *PYTHON)


@contextmanager
def left_to_one(listener: socket.socket | None = None) -> Iterator[tuple[Served, list[Client]]]:
    """A server of four threads of which one serves, and eight clients."""
    with ExitStack() as stack:
        served = stack.enter_context(serving("--backend", "fast", "--threads", "4", listener=listener))
        clients = [stack.enter_context(Client(served)) for _ in range(8)]
        assert clients[0].ask("/hello")[0] == 200
        while threads(served) < 4:  # they start one after the other
            assert clients[0].ask("/hello")[0] == 200
        while threads(served) > 1:  # for as long as the test may last
            for client in clients:
                client.sock.sendall(request("/work"))
            for client in clients:
                assert client.answer()[0] == 200
        yield served, clients


@contextmanager
def stopped(served: Served) -> Iterator[None]:
    """What is sent meanwhile is there all at once afterwards."""
    served.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        served.signal(signal.SIGCONT)
