"""The engine of threads where there is no epoll: the same server in a Python whose `select` has none.

It waits by the standard library's `selectors` then, which is kqueue on macOS and the BSDs, and poll(2) here.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from functional.fast.serving import Client, Served, get, request, serving

WITHOUT_EPOLL = (
    sys.executable,
    "-c",
    "import select; del select.epoll; from chaussette.cli import main; main()",
    *("--backend", "fast"),
)


@pytest.fixture(params=["1", "4"], ids=["threads-1", "threads-4"])
def without_epoll(request: pytest.FixtureRequest) -> Iterator[Served]:
    options = ("--threads", request.param, "--keep-alive", "0.4", "--high-water", "64k")
    with serving(*options, command=WITHOUT_EPOLL) as process:
        assert get(process)[0] == 200
        opened = set()
        for fd in os.listdir(f"/proc/{process.pid}/fd"):
            with suppress(FileNotFoundError):  # closed since: the connection that has just asked
                opened.add(os.readlink(f"/proc/{process.pid}/fd/{fd}"))
        assert "anon_inode:[eventpoll]" not in opened
        yield process
        assert "Traceback" not in process.log


def test_requests_of_all_kinds(without_epoll: Served) -> None:
    with Client(without_epoll) as client:
        for _ in range(3):
            assert client.ask("/hello")[2] == b"hello"
            assert client.ask("/echo", method="POST", body=b"a" * 2_000_000)[2] == b"a" * 2_000_000
            assert len(client.ask("/big")[2]) == 4 << 20
            assert len(client.ask("/write-much")[2]) == (4 << 20) + 3
        client.sock.sendall(request("/hello") * 50)
        assert [client.answer()[2] for _ in range(50)] == [b"hello"] * 50
        client.sock.sendall(b"no request\r\n\r\n")
        assert client.answer()[0] == 400


def test_many_that_wait_and_numbers_that_are_used_again(without_epoll: Served) -> None:
    for _ in range(3):
        clients = [Client(without_epoll) for _ in range(200)]
        for client in clients:
            assert client.ask("/hello")[0] == 200
        for client in clients[::2]:
            client.close()
        for client in clients[1::2]:
            assert client.rest() == b""  # the clock closes it, while it is armed
            client.close()
    assert get(without_epoll)[0] == 200


def test_a_stream_waits_for_its_client_and_holds_nobody(without_epoll: Served) -> None:
    with Client(without_epoll) as slow:
        slow.sock.sendall(request("/stream"))
        slow.head()
        for _ in range(5):
            assert get(without_epoll)[0] == 200
    without_epoll.wait_for("GeneratorExit")


def test_the_drain(without_epoll: Served) -> None:
    with Client(without_epoll) as half, Client(without_epoll) as idle:
        half.sock.sendall(request()[:-2])
        assert idle.ask("/hello")[0] == 200
        without_epoll.signal(signal.SIGTERM)
        without_epoll.wait_for("SIGTERM")
        half.sock.sendall(b"\r\n")
        assert half.answer()[0] == 200
        assert idle.rest() == b""
        assert without_epoll.ended() == 0
