"""Both pollers tell a readiness once, to one thread, and wake all at the end."""

import os
import queue
import socket
import threading
from collections.abc import Iterator

import pytest

from chaussette.engine.poller import Epoll, Poll, Poller


@pytest.fixture(params=[Epoll, Poll])
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    made: Poller = request.param()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    yield one, other
    one.close()
    other.close()


def test_an_event_disarms(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    other.sendall(b"a")
    poller.register(one.fileno(), poller.READ)
    assert [fd for fd, _ in poller.wait()] == [one.fileno()]
    poller.stop()
    assert one.fileno() not in [fd for fd, _ in poller.wait()]


def test_what_is_armed_again_is_told_again(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    other.sendall(b"a")
    poller.register(one.fileno(), poller.READ)
    for _ in range(3):
        assert [fd for fd, _ in poller.wait()] == [one.fileno()]
        poller.modify(one.fileno(), poller.READ)
    poller.wait()
    poller.modify(one.fileno(), poller.WRITE)
    assert [fd for fd, _ in poller.wait()] == [one.fileno()]


def test_a_thread_that_waits_learns_of_a_new_socket(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.extend(fd for fd, _ in poller.wait()))
    thread.start()
    poller.register(one.fileno(), poller.READ)
    other.sendall(b"a")
    thread.join(20)
    assert found == [one.fileno()]


def test_the_end_wakes_all(poller: Poller) -> None:
    threads = [threading.Thread(target=poller.wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    poller.stop()
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_every_event_is_told_to_one_thread_only(poller: Poller) -> None:
    pipes = [os.pipe() for _ in range(50)]
    told: queue.Queue[int] = queue.Queue()
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            for fd, _ in poller.wait():
                told.put(fd)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for reader, writer in pipes:
        poller.register(reader, poller.READ)
        os.write(writer, b"a")
    found = [told.get(timeout=20) for _ in pipes]
    over.set()
    poller.stop()
    for thread in threads:
        thread.join(20)
    assert sorted(found) == sorted(reader for reader, _ in pipes)
    for fd in (fd for pipe in pipes for fd in pipe):
        os.close(fd)
