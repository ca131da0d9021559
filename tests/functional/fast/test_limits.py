"""Deadlines and limits: each an option, each with its answer."""

import resource
import socket

import pytest

from functional.fast.serving import Client, Served, get, open_files, request, serving
from live import PATIENCE


@pytest.mark.parametrize(
    ("option", "data", "status"),
    [
        (("--limit-request-line", "100"), request("/" + "a" * 100), 414),
        (("--limit-header-size", "1k"), request("/", "A: " + "b" * 1100), 431),
        (("--limit-header-count", "5"), request("/", *["A: b"] * 5), 431),
        (("--limit-body", "1k"), request("/echo", method="POST", body=b"a" * 1025), 413),
        (("--limit-body", "1k"), request("/echo", "Transfer-Encoding: chunked") + b"401\r\n", 413),
    ],
    ids=["line", "size", "count", "body", "chunks"],
)
def test_what_is_too_much(engine: tuple[str, ...], option: tuple[str, ...], data: bytes, status: int) -> None:
    with serving(*engine, *option) as served, Client(served) as client:
        assert client.ask("/hello")[0] == 200
        client.sock.sendall(data)
        got, headers, body = client.answer()
        assert (got, headers["connection"]) == (status, "close")
        assert option[1].removesuffix("k").encode() in body or b"1024" in body
        assert client.rest() == b""


@pytest.mark.parametrize(
    "start", [b"G", request()[:-2], request() + b"GET"], ids=["first", "all but the end", "second"]
)
def test_headers_that_do_not_end_are_answered_with_408(engine: tuple[str, ...], start: bytes) -> None:
    with serving(*engine, "--header-timeout", "0.4") as served, Client(served) as client:
        client.sock.sendall(start)
        if start.endswith(b"GET"):
            assert client.answer()[0] == 200
        assert client.answer()[0] == 408
        assert client.rest() == b""


def test_headers_that_trickle_are_answered_with_408_all_the_same(engine: tuple[str, ...]) -> None:
    """The time is for all of them, and each byte is not a new beginning."""
    with serving(*engine, "--header-timeout", "0.4") as served, Client(served) as client:
        client.sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        client.sock.settimeout(0.05)
        while not has_come(client):
            client.sock.sendall(b"y")
        client.sock.settimeout(PATIENCE)
        assert client.answer()[0] == 408


def test_a_body_that_trickles_is_answered_with_408(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--body-rate", "1M", "--body-grace", "0.4") as served, Client(served) as client:
        client.sock.sendall(request("/echo", "Transfer-Encoding: chunked", method="POST"))
        client.sock.settimeout(0.05)
        while not has_come(client):
            client.sock.sendall(b"1\r\na\r\n")
        client.sock.settimeout(PATIENCE)
        assert client.answer()[0] == 408
        served.wait_for("408 for 127.0.0.1: the body came at less than 1048576 bytes a second")


def test_a_body_that_is_fast_enough_may_take_its_time(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--body-rate", "1", "--body-grace", "0.2") as served, Client(served) as client:
        client.sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + b"a" * 99)
        client.sock.settimeout(0.3)
        for _ in range(3):
            assert not has_come(client)
        client.sock.settimeout(PATIENCE)
        client.sock.sendall(b"a")
        assert client.answer()[2] == b"a" * 100


def has_come(client: Client) -> bool:
    """Whether the server says something before the socket's timeout has passed."""
    try:
        return bool(client.sock.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False


def test_a_silent_connection_is_closed_without_a_word(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--header-timeout", "0.4") as served, Client(served) as client:
        assert client.rest() == b""


def test_an_idle_connection_is_closed_without_a_word(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--keep-alive", "0.4") as served, Client(served) as client:
        assert client.ask("/hello")[0] == 200
        assert client.rest() == b""


def test_an_app_that_takes_long_is_named_in_the_log(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--app-timeout", "0.2") as served:
        assert get(served, "/sleep?1")[0] == 200
        served.wait_for("a request of 127.0.0.1 for more than 0.2 seconds")


def test_connections_beyond_the_limit_wait_and_the_log_says_so(engine: tuple[str, ...]) -> None:
    with serving(*engine, "--limit-connections", "5") as served:
        first = [Client(served) for _ in range(5)]
        for client in first:
            assert client.ask("/hello")[0] == 200
        with Client(served) as late:
            late.sock.sendall(request("/hello"))
            served.wait_for("accepting no more")
            first.pop().close()
            assert late.answer()[0] == 200
        for client in first:
            assert client.ask("/hello")[0] == 200
            client.close()
        assert get(served)[0] == 200


def test_a_body_without_room_is_answered_with_503(engine: tuple[str, ...]) -> None:
    """A file that may not grow stands for a disk that is full."""
    with serving(*engine, "--inbuf", "1k") as served, Client(served) as client:
        assert client.ask("/echo", method="POST", body=b"a" * 2000)[0] == 200
        resource.prlimit(served.pid, resource.RLIMIT_FSIZE, (10_000, 10_000))
        client.sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + b"a" * 100_000)
        assert client.answer()[0] == 503
        assert client.rest() == b""
        served.wait_for("[WARNING] 503 for 127.0.0.1: no room for the body: File too large")
        assert get(served)[0] == 200
        assert "Traceback" not in served.log


def test_no_file_descriptor_is_left_behind(served: Served) -> None:
    assert get(served)[0] == 200
    before = open_files(served)
    for _ in range(20):
        with Client(served) as client:
            client.ask("/echo", method="POST", body=b"a" * 2_000_000)
            client.ask("/filelike")
        with Client(served) as client:
            client.sock.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999\r\n\r\n" + b"a" * 2_000_000)
        with Client(served) as client:
            client.sock.sendall(b"broken\r\n\r\n")
            client.rest()
    while open_files(served) > before + 3:  # those of the last few are still being closed
        get(served)


def test_other_engines_refuse_the_options() -> None:
    with serving("--backend", "waitress", "--limit-body", "1k") as served:
        assert served.ended() == 5
        assert "--limit-body: waitress has no limit on bodies" in served.log
