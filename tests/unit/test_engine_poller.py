"""All pollers tell a readiness once, to one thread, and wake all at the end."""

import os
import queue
import selectors
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from chaussette.engine.poller import Epoll, Poller, Selector

POLLERS: dict[str, Callable[[], Poller]] = {
    "epoll": Epoll,
    "selectors-epoll": lambda: Selector(selectors.EpollSelector()),
    "selectors-poll": lambda: Selector(selectors.PollSelector()),
}


@pytest.fixture(params=POLLERS)
def poller(request: pytest.FixtureRequest) -> Iterator[Poller]:
    made = POLLERS[request.param]()
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


def test_who_waits_for_so_long_goes_on(poller: Poller, pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    poller.register(one.fileno(), poller.READ)
    assert poller.wait_at_most(0) == []
    other.sendall(b"a")
    assert [fd for fd, _ in poller.wait_at_most(20)] == [one.fileno()]
    poller.stop()
    assert one.fileno() not in [fd for fd, _ in poller.wait_at_most(20)]


def test_what_stays_armed_is_told_of_each_arrival_once(pair: tuple[socket.socket, socket.socket]) -> None:
    one, other = pair
    poller = Epoll()
    poller.register(one.fileno(), poller.STAY)
    for _ in range(3):
        other.sendall(b"a")
        assert poller.wait_for_some() == [(one.fileno(), poller.ALL_TOLD)]
        assert poller.wait_at_most(0) == []
        one.recv(10)
    other.sendall(b"a")
    other.close()
    assert [event != poller.ALL_TOLD for _, event in poller.wait_for_some()] == [True]
    poller.close()


def test_a_number_that_was_closed_while_armed_may_be_used_again(poller: Poller) -> None:
    """As it is when the clock closes a connection, and the next one gets its number."""
    number = -1
    for closed_at_once in (False, True):
        for _ in range(3):
            one, other = socket.socketpair()
            assert number in (-1, one.fileno())
            number = one.fileno()
            poller.register(number, poller.READ)
            if not closed_at_once:  # somebody waits in between
                third, fourth = socket.socketpair()
                poller.register(third.fileno(), poller.READ)
                fourth.sendall(b"a")
                assert [fd for fd, _ in poller.wait()] == [third.fileno()]
                third.close()
                fourth.close()
            one.close()
            other.close()
    one, other = socket.socketpair()
    assert one.fileno() == number
    poller.register(number, poller.READ)
    other.sendall(b"a")
    while number not in [fd for fd, _ in poller.wait()]:
        pass  # late news of those that are closed
    one.close()
    other.close()


def test_what_is_disarmed_may_be_closed_while_somebody_waits(poller: Poller) -> None:
    one, other = socket.socketpair()
    other.settimeout(20)
    poller.register(one.fileno(), poller.READ)
    thread = threading.Thread(target=poller.wait)
    thread.start()
    third, fourth = socket.socketpair()
    poller.register(third.fileno(), poller.READ)
    poller.disarm(one.fileno())
    one.close()
    assert other.recv(1) == b""
    fourth.sendall(b"a")
    thread.join(20)
    assert not thread.is_alive()
    for sock in (other, third, fourth):
        sock.close()


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
