"""Under load of short requests one thread serves, and all four are there when the app waits."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from functional.fast.serving import PYTHON, Client, Served, request, serving

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a thread has computed")


def threads(served: Served) -> int:
    return len(os.listdir(f"/proc/{served.pid}/task")) - 1  # the clock's is one


@contextmanager
def left_to_one() -> Iterator[tuple[Served, list[Client]]]:
    """A server of four threads of which one serves, and eight clients."""
    with ExitStack() as stack:
        served = stack.enter_context(serving("--backend", "fast", "--threads", "4"))
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


def test_one_thread_serves_until_the_app_waits() -> None:
    with left_to_one() as (_, clients):
        for client in clients[:4]:
            client.sock.sendall(request("/meet?4"))
        assert [client.answer()[2] for client in clients[:4]] == [b"met"] * 4


def test_what_one_thread_has_been_told_of_is_served_by_others_while_the_app_waits() -> None:
    with left_to_one() as (served, clients):
        with stopped(served):
            for client in clients[:4]:
                client.sock.sendall(request("/meet?4"))
        assert [client.answer()[2] for client in clients[:4]] == [b"met"] * 4


def test_what_one_thread_has_been_told_of_is_served_by_others_while_it_waits_for_a_client() -> None:
    with left_to_one() as (served, clients):
        with stopped(served):
            clients[0].sock.sendall(request("/endless"))
            for client in clients[1:]:
                client.sock.sendall(request("/hello"))
        assert [client.answer()[2] for client in clients[1:]] == [b"hello"] * 7


def test_fewer_threads_serve_when_the_system_has_no_more() -> None:
    """The stack of each takes a gigabyte of address space, and there is room for two."""
    prefix = ("prlimit", f"--stack={1 << 30}", f"--as={(1 << 31) + (1 << 29)}")
    with serving("--backend", "fast", "--threads", "4", command=(*prefix, *PYTHON)) as served, Client(served) as client:
        assert client.ask("/hello")[0] == 200
        served.wait_for("Cannot start another thread")
        assert 1 <= threads(served) < 4
        assert client.ask("/hello")[0] == 200
        served.signal(signal.SIGKILL)
