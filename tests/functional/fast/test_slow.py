"""Slow clients hold nobody: a thousand of them, and a client in a hurry."""

import contextlib
import resource
import socket
from collections.abc import Iterator

import pytest

from functional.fast.serving import Client, Served, get, request, serving

MANY = 1000


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[0] < 3 * MANY:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(4 * MANY, before[1]), before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def crowd(served: Served, size: int = MANY, *, buffer: int = 0) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        socks = []
        for _ in range(size):
            sock = stack.enter_context(socket.socket())
            if buffer:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            sock.settimeout(30)
            sock.connect(served.address)
            socks.append(sock)
        yield socks


def in_a_hurry(served: Served) -> None:
    """Every request of a client that reads is answered."""
    with Client(served) as client:
        for _ in range(20):
            assert client.ask("/hello")[2] == b"hello"
    assert get(served)[0] == 200


def test_requests_that_trickle(served: Served) -> None:
    data = request("/echo", method="POST", body=b"abc")
    with crowd(served) as socks:
        for at in range(len(data) - 1):
            for sock in socks[at % 10 :: 10] if 0 < at < len(data) - 2 else socks:
                sock.sendall(data[at : at + 1])
            if at % 20 == 0:
                in_a_hurry(served)
        in_a_hurry(served)


def test_every_trickling_request_is_answered(served: Served) -> None:
    data = request("/echo", "X-Token: slow", method="POST", body=b"abc")
    with crowd(served, 50) as socks:
        for byte in data:
            for sock in socks:
                sock.sendall(bytes([byte]))
        for sock in socks:
            received = b""
            while not received.endswith(b"abc"):
                received += sock.recv(1000)
            assert b"X-Token: slow" in received


def test_readers_that_do_not_read(served: Served) -> None:
    with crowd(served, MANY // 4, buffer=4096) as socks:
        for sock in socks:
            sock.sendall(request("/big"))
        in_a_hurry(served)
        for sock in socks:
            assert sock.recv(1)
        in_a_hurry(served)


def test_readers_of_streams_that_do_not_read(served: Served) -> None:
    with crowd(served, 40, buffer=4096) as socks:
        for sock in socks:
            sock.sendall(request("/stream"))
        in_a_hurry(served)
    served.wait_for("GeneratorExit", times=40)


def test_a_slow_reader_gets_all_of_a_long_answer(served: Served) -> None:
    with crowd(served, 1, buffer=4096) as (sock,):
        sock.sendall(request("/thread", "Connection: close"))
        in_a_hurry(served)
        size = 0
        while data := sock.recv(1 << 20):
            size += len(data)
        assert size > 256 << 16
    assert get(served, "/seen")[2] == b"1 thread"


def test_a_connection_goes_on_after_an_app_had_to_wait_for_it(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--high-water", "1k") as served, Client(served) as client:
        for path in ("/write-much", "/hello", "/thread", "/hello", "/write-much", "/write-much", "/hello"):
            status, _, body = client.ask(path)
            assert (status, body[-3:] == b"end") == (200, path == "/write-much")


def test_a_stream_whose_client_goes_ends_at_once(served: Served) -> None:
    with Client(served) as client:
        client.sock.sendall(request("/stream"))
        client.head()
    served.wait_for("GeneratorExit")


def test_a_reader_that_takes_nothing_is_cut(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--send-timeout", "0.4") as served, crowd(served, 1, buffer=4096) as (sock,):
        sock.sendall(request("/stream"))
        served.wait_for("GeneratorExit")


def test_a_body_that_comes_too_slowly_is_answered_with_408(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--body-rate", "1M", "--body-grace", "0.4") as served, Client(served) as client:
        client.sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        assert client.answer()[0] == 408
        assert client.rest() == b""
