"""Requests that another parser could read in another way, over a real socket: an answer, then the end."""

import pytest

from functional.fast.serving import Client, Served, request

ATTACKS = {
    "length and chunked": (
        400,
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ),
    "two lengths": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\n"),
    "length +5": (400, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\nabcde"),
    "xchunked": (501, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n"),
    "chunked, identity": (400, b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n"),
    "obs-fold": (400, b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"),
    "bare LF": (400, b"GET / HTTP/1.1\nHost: x\n\n"),
    "bare CR": (400, b"GET / HTTP/1.1\r\nHost: x\r\nA: b\rC: d\r\n\r\n"),
    "space before the colon": (400, b"GET / HTTP/1.1\r\nHost : x\r\n\r\n"),
    "no Host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n"),
    "a chunk size of 0x3": (
        400,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0x3\r\nabc\r\n0\r\n\r\n",
    ),
    "a chunk that ends with LF": (
        400,
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\n0\r\n\r\n",
    ),
    "HTTP/2": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
}
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.mark.parametrize("case", ATTACKS)
def test_it_gets_an_answer_and_the_end(served: Served, case: str) -> None:
    status, data = ATTACKS[case]
    with Client(served) as client:
        client.sock.sendall(data + SMUGGLED)
        got, headers, _ = client.answer()
        assert (got, headers["connection"]) == (status, "close")
        assert client.rest() == b""  # GHSA-9298-4cf8-g4wj: nothing after an error is served


@pytest.mark.parametrize("case", ATTACKS)
def test_requests_before_it_are_answered_first(served: Served, case: str) -> None:
    status, data = ATTACKS[case]
    with Client(served) as client:
        client.sock.sendall(request("/hello") + request("/pieces") + data + SMUGGLED)
        assert [client.answer()[0] for _ in range(3)] == [200, 200, status]
        assert client.rest() == b""


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    with Client(served) as client:
        asked = [
            request("/echo", f"X-Token: {number}", method="POST", body=b"%d" % number * 100) + request("/hello")
            for number in range(50)
        ]
        client.sock.sendall(b"".join(asked))
        for number in range(50):
            _, headers, body = client.answer()
            assert (headers["x-token"], body) == (str(number), b"%d" % number * 100)
            assert client.answer()[2] == b"hello"


def test_chunked_bodies_of_all_sizes(served: Served) -> None:
    with Client(served) as client:
        for size in (0, 1, 1000, 70_000, 3_000_000):
            data = b"abcdefghij" * (size // 10) + b"k" * (size % 10)
            chunks = b"".join(
                b"%x\r\n%b\r\n" % (len(data[at : at + 9999]), data[at : at + 9999]) for at in range(0, size, 9999)
            )
            client.sock.sendall(request("/echo", "Transfer-Encoding: chunked", method="POST") + chunks + b"0\r\n\r\n")
            assert client.answer()[2] == data


def test_a_header_with_an_underscore_is_not_seen(served: Served) -> None:
    with Client(served) as client:
        assert client.ask("/echo", "X_Token: root")[1]["x-token"] == ""
        assert client.ask("/echo", "X-Token: me", "X_Token: root")[1]["x-token"] == "me"


def test_continue_is_sent_when_it_is_waited_for(served: Served) -> None:
    with Client(served) as client:
        for _ in range(2):
            client.sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            assert client.head() == (100, {})
            client.sock.sendall(b"abc")
            assert client.answer()[2] == b"abc"


def test_a_refusal_comes_in_place_of_continue(served: Served) -> None:
    with Client(served) as client:
        client.sock.sendall(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.answer()[0] == 413
        assert client.rest() == b""
