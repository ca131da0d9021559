"""Deadlines and limits: each an option, each with its answer."""

import pytest

from functional.fast.serving import Client, Served, get, open_files, request, serving


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
        served.wait_for("more than 0.2 seconds")


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
    get(served)  # by now all those have been seen to be closed, but for the last few
    assert open_files(served) <= before + 3


def test_other_engines_refuse_the_options() -> None:
    with serving("--backend", "waitress", "--limit-body", "1k") as served:
        assert served.ended() == 5
        assert "--limit-body: waitress has no limit on bodies" in served.log
