"""Slow clients hold nobody: a thousand of them, and a client in a hurry."""

import contextlib
import resource
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from functional.fast.alone import needs_linux, two_threads
from functional.fast.serving import Client, Served, get, request, serving
from live import PATIENCE
from managers import missing

MANY = 1000


@pytest.fixture(autouse=True)
def many_files() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[0] < 3 * MANY:
        if before[1] < 3 * MANY:
            missing(f"no more than {before[1]} open files are allowed here, and this needs {3 * MANY}")
        resource.setrlimit(resource.RLIMIT_NOFILE, (3 * MANY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def crowd(served: Served, size: int = MANY, *, modem: bool = False) -> Iterator[list[socket.socket]]:
    """So many connections. As of a modem, they have small packets and buffers: the kernel then takes 90 kB of an answer,
    and of another one 3 MB, which for a thousand is more than it has."""
    with contextlib.ExitStack() as stack:
        socks = []
        for _ in range(size):
            sock = stack.enter_context(socket.socket())
            if modem:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.settimeout(PATIENCE)
            sock.connect(served.address)
            socks.append(sock)
        yield socks


def in_a_hurry(client: Client) -> None:
    """Requests of a client that reads are answered, on its connection and on a new one."""
    for _ in range(5):
        assert client.ask("/hello")[2] == b"hello"
    with Client(client.served) as other:
        assert other.ask("/echo", method="POST", body=b"quick")[2] == b"quick"


@pytest.mark.timeout(120)
def test_a_thousand_requests_that_trickle(served: Served) -> None:
    """A byte each at a time, and between two bytes somebody else is served: as if alone, as nobody else can be."""
    data = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    with crowd(served) as socks, Client(served) as client:
        for at in range(len(data)):
            for sock in socks:
                sock.sendall(data[at : at + 1])
                if at == len(data) // 2 and sock in socks[::100]:
                    in_a_hurry(client)
            in_a_hurry(client)
        for sock in socks:
            received = b""
            while not received.endswith(b"abc"):
                received += sock.recv(1000)
            assert received.startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.timeout(120)
def test_a_thousand_readers_of_a_byte_at_a_time(served: Served) -> None:
    with crowd(served, modem=True) as socks, Client(served) as client:
        for sock in socks:
            sock.sendall(request("/big", "Connection: close"))
        in_a_hurry(client)
        for _ in range(5):
            for sock in socks:
                assert len(sock.recv(1)) == 1
            in_a_hurry(client)
        size = 5
        while data := socks[-1].recv(1 << 16):
            size += len(data)
        assert size > 4 << 20


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


def test_readers_of_streams_that_do_not_read(engine: tuple[str, ...]) -> None:
    """An app that streams waits for its client, each for its own."""
    with serving(*engine, "--high-water", "64k") as served, Client(served) as client:
        with crowd(served, modem=True) as socks:
            for sock in socks:
                sock.sendall(request("/stream"))
            in_a_hurry(client)
            for sock in socks:
                assert len(sock.recv(1)) == 1
            in_a_hurry(client)
        served.wait_for("GeneratorExit", times=MANY)


@pytest.mark.parametrize(
    "engine", [("fast", "--threads", "1"), ("fast", "--threads", "4"), ("fastgevent", "--spawn", "2")], ids=" ".join
)
def test_no_more_run_the_app_than_may_when_slow_readers_read_again(engine: tuple[str, ...]) -> None:
    """Their places were taken while they waited: an app may rely on --threads 1."""
    with serving("--backend", *engine, "--high-water", "64k") as served, crowd(served, 12, modem=True) as socks:
        for sock in socks:
            sock.sendall(request("/crowd", "Connection: close"))
        for sock in socks:
            assert len(sock.recv(1)) == 1
        with ThreadPoolExecutor(len(socks)) as readers:
            ends = readers.map(_read_to_the_end, socks)
        assert set(ends) == {b"5\r\npiece\r\n0\r\n\r\n"}
        most = int(get(served, "/most")[2])
        assert 1 <= most <= int(engine[-1])


@needs_linux
def test_slow_readers_get_all_when_the_system_has_no_more_threads() -> None:
    """All that there are wait for their clients, and none is left to hear that these have read."""
    options = ("--backend", "fast", "--threads", "4", "--high-water", "64k")
    with serving(*options, command=two_threads()) as served, crowd(served, 6, modem=True) as socks:
        served.wait_for("Cannot start another thread")
        for sock in socks:
            sock.sendall(request("/crowd", "Connection: close"))
        with ThreadPoolExecutor(len(socks)) as readers:
            ends = readers.map(_read_to_the_end, socks)
        assert set(ends) == {b"5\r\npiece\r\n0\r\n\r\n"}
        served.signal(signal.SIGKILL)


def _read_to_the_end(sock: socket.socket) -> bytes:
    end = b""
    while data := sock.recv(1 << 20):
        end = (end + data)[-15:]
    return end


def test_a_slow_reader_gets_all_of_a_long_answer(served: Served) -> None:
    with crowd(served, 1, modem=True) as (sock,):
        sock.sendall(request("/thread", "Connection: close"))
        assert get(served)[0] == 200
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
    with serving(*engine, "--send-timeout", "0.4") as served, crowd(served, 1, modem=True) as (sock,):
        sock.sendall(request("/stream"))
        served.wait_for("GeneratorExit")


def test_a_reader_is_not_cut_because_the_app_is_busy(engine: tuple[str, ...]) -> None:
    """With one thread nobody hears that it reads. It does, and is not too late: we are."""
    with serving(*engine, "--send-timeout", "2") as served, crowd(served, 1, modem=True) as (sock,):
        sock.sendall(request("/big", "Connection: close"))
        assert len(sock.recv(1)) == 1
        with Client(served) as client:
            client.sock.sendall(request("/sleep?6"))
            served.wait_for("falling asleep")
            size = 1
            while data := sock.recv(1 << 16):
                size += len(data)
            assert size > 4 << 20
            assert client.answer()[0] == 200


def test_a_drain_ends_when_a_reader_is_cut(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--send-timeout", "0.6") as served, crowd(served, 1, modem=True) as (sock,):
        sock.sendall(request("/stream"))
        assert len(sock.recv(1)) == 1
        assert served.terminate() == 0
        assert "cut" not in served.log


def test_a_body_that_comes_too_slowly_is_answered_with_408(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--body-rate", "1M", "--body-grace", "0.4") as served, Client(served) as client:
        client.sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nabc")
        assert client.answer()[0] == 408
        assert client.rest() == b""
