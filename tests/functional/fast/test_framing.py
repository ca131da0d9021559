"""Requests that another parser could read in another way, over a real socket: an answer, then the end."""

import ast
from concurrent.futures import ThreadPoolExecutor

import pytest

from functional.fast.serving import Client, Served, get, request, serving
from refusals import LIMITS, REFUSED

SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


OPTIONS = (
    *("--limit-request-line", str(LIMITS["request_line"]), "--limit-header-size", str(LIMITS["header_size"])),
    *("--limit-header-count", str(LIMITS["header_count"]), "--limit-body", str(LIMITS["body_size"])),
    *("--inbuf", str(LIMITS["memory"])),
)


@pytest.mark.parametrize("before", [b"", request("/hello") + request("/pieces")], ids=["first", "behind others"])
def test_it_gets_an_answer_and_the_end(engine: tuple[str, ...], before: bytes) -> None:
    """What came before is answered first, and what comes behind is not: GHSA-9298-4cf8-g4wj was that."""
    wrong = []
    with serving(*engine, *OPTIONS) as served:
        for case, (status, data) in REFUSED.items():
            with Client(served) as client:
                client.sock.sendall(before + data + SMUGGLED)
                answers = [client.answer() for _ in range(3 if before else 1)]
                got = [answer[0] for answer in answers], answers[-1][1]["connection"], client.rest()
                if got != ([200, 200, status][-len(answers) :], "close", b""):
                    wrong.append((case, *got))
        assert wrong == []
        assert get(served)[0] == 200
        assert "Traceback" not in served.log


@pytest.mark.parametrize(
    "chunks", [b'5;a=b;c;d="e f"\r\nabcde\r\n0;x\r\n\r\n', b"05\r\nabcde\r\n0\r\nA: b\r\nContent-Length: 9\r\n\r\n"]
)
def test_chunk_extensions_and_trailers_are_read_and_dropped(shared: Served, chunks: bytes) -> None:
    with Client(shared) as client:
        for path in ("/echo", "/environ"):
            client.sock.sendall(request(path, "Transfer-Encoding: chunked", method="POST") + chunks + request("/hello"))
            _, _, body = client.answer()
            if path == "/echo":
                assert body == b"abcde"
            else:
                environ = ast.literal_eval(body.decode())
                assert environ["CONTENT_LENGTH"] == "5"
                assert not {"HTTP_A", "HTTP_TRAILER", "HTTP_TRANSFER_ENCODING"} & environ.keys()
            assert client.answer()[2] == b"hello"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("GET http://example.com:81/environ?a=b HTTP/1.1", {"HTTP_HOST": "example.com:81", "QUERY_STRING": "a=b"}),
        ("GET http://example.com:81/environ HTTP/1.0", {"HTTP_HOST": "example.com:81", "SERVER_PROTOCOL": "HTTP/1.0"}),
        ("GET /environ//..%2f%00 HTTP/1.1", {"PATH_INFO": "/environ//../\0", "REQUEST_URI": "/environ//..%2f%00"}),
        ("PURGE-IT /environ HTTP/1.1", {"REQUEST_METHOD": "PURGE-IT"}),
    ],
    ids=["absolute", "absolute in HTTP/1.0", "escapes", "method of one's own"],
)
def test_odd_request_lines_that_mean_one_thing(shared: Served, line: str, told: dict[str, str]) -> None:
    with Client(shared) as client:
        client.sock.sendall(f"{line}\r\nHost: other\r\nX-Token: \xe9\r\n\r\n".encode("latin-1"))
        environ = ast.literal_eval(client.answer()[2].decode())
        assert environ | told | {"HTTP_X_TOKEN": "\xe9"} == environ


def test_options_of_the_whole_server(shared: Served) -> None:
    with Client(shared) as client:
        client.sock.sendall(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
        assert client.answer()[2] == b"hello"


def test_an_upgrade_is_not_made(shared: Served) -> None:
    with Client(shared) as client:
        for protocol in ("websocket", "h2c"):
            status, headers, body = client.ask("/hello", "Connection: Upgrade", f"Upgrade: {protocol}")
            assert (status, body, "upgrade" in headers) == (200, b"hello", False)


def test_pipelined_requests_are_answered_in_order(shared: Served) -> None:
    with Client(shared) as client:
        asked = [
            request("/echo", f"X-Token: {number}", method="POST", body=b"%d" % number * 100) + request("/hello")
            for number in range(50)
        ]
        client.sock.sendall(b"".join(asked))
        for number in range(50):
            _, headers, body = client.answer()
            assert (headers["x-token"], body) == (str(number), b"%d" % number * 100)
            assert client.answer()[2] == b"hello"


@pytest.mark.parametrize("piece", [1 << 30, 100_000, 300], ids=["whole", "in a few pieces", "in many"])
def test_long_bodies_on_one_connection(shared: Served, piece: int) -> None:
    """The heads behind them may be longer, shorter, or of another kind, and come with them or not."""
    bodies = [b"%d." % number * 40_000 for number in range(5)]
    data = b"".join(
        request("/echo", f"X-Token: {'t' * number**4}", method="POST", body=body) + request("/hello") * (number % 3)
        for number, body in enumerate(bodies)
    )

    def send() -> None:
        for at in range(0, len(data), piece):
            client.sock.sendall(data[at : at + piece])

    with Client(shared) as client, ThreadPoolExecutor(1) as sender:
        sending = sender.submit(send)
        for number, body in enumerate(bodies):
            assert client.answer()[2] == body
            assert [client.answer()[2] for _ in range(number % 3)] == [b"hello"] * (number % 3)
        sending.result()


def test_chunked_bodies_of_all_sizes(shared: Served) -> None:
    with Client(shared) as client:
        for size in (0, 1, 1000, 70_000, 3_000_000):
            data = b"abcdefghij" * (size // 10) + b"k" * (size % 10)
            chunks = b"".join(
                b"%x\r\n%b\r\n" % (len(data[at : at + 9999]), data[at : at + 9999]) for at in range(0, size, 9999)
            )
            client.sock.sendall(request("/echo", "Transfer-Encoding: chunked", method="POST") + chunks + b"0\r\n\r\n")
            assert client.answer()[2] == data


def test_a_header_with_an_underscore_is_not_seen(shared: Served) -> None:
    with Client(shared) as client:
        assert client.ask("/echo", "X_Token: root")[1]["x-token"] == ""
        assert client.ask("/echo", "X-Token: me", "X_Token: root")[1]["x-token"] == "me"


def test_continue_is_sent_when_it_is_waited_for(shared: Served) -> None:
    with Client(shared) as client:
        for _ in range(2):
            client.sock.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
            assert client.head() == (100, {})
            client.sock.sendall(b"abc")
            assert client.answer()[2] == b"abc"


def test_continue_waits_for_the_answers_before_it(shared: Served) -> None:
    with Client(shared) as client:
        expecting = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-Continue\r\n\r\n"
        client.sock.sendall(request("/hello") + request("/pieces") + expecting)
        assert [client.answer()[0], client.answer()[0], client.head()[0]] == [200, 200, 100]
        client.sock.sendall(b"abc")
        assert client.answer()[2] == b"abc"


@pytest.mark.parametrize(
    "data",
    [
        request("/echo", "Expect: 100-continue", method="POST", body=b"abc"),
        request("/echo", "Expect: 100-continue", "Transfer-Encoding: chunked", method="POST")
        + b"3\r\nabc\r\n0\r\n\r\n",
        request("/echo", "Expect: 100-continue", "Connection: keep-alive", method="POST", body=b"abc", version="1.0"),
        request("/hello", "Expect: 100-continue"),
    ],
    ids=["the body is here", "chunks are here", "HTTP/1.0", "no body"],
)
def test_continue_is_not_sent_to_who_does_not_wait(shared: Served, data: bytes) -> None:
    with Client(shared) as client:
        client.sock.sendall(data)
        assert client.answer()[0] == 200
        assert client.ask("/hello")[2] == b"hello"


def test_http10_never_gets_continue(shared: Served) -> None:
    with Client(shared) as client:
        client.sock.sendall(b"POST /echo HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
        assert get(shared)[0] == 200  # by now it has been looked at
        client.sock.sendall(b"abc")
        assert client.answer()[2] == b"abc"


def test_a_refusal_comes_in_place_of_continue(shared: Served) -> None:
    with Client(shared) as client:
        client.sock.sendall(
            b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9999999999\r\nExpect: 100-continue\r\n\r\n"
        )
        assert client.answer()[0] == 413
        assert client.rest() == b""
