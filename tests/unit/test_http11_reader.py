"""Bytes in, requests out: what is accepted, what is refused, and that it does not matter how the bytes
arrive."""

import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaussette.http11 import Heads, Limits, Reader, Refused

REMOTE = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "4711"}
LIMITS = Limits(request_line=200, header_size=1000, header_count=10, body_size=5000, memory=100)
Outcome = list[Any]


def heads(limits: Limits = LIMITS) -> Heads:
    return Heads({"SERVER_NAME": "example.org", "SERVER_PORT": "80", "wsgi.errors": sys.stderr}, limits)


def read(pieces: list[bytes], shared: Heads | None = None) -> Outcome:
    """All requests in the pieces, each as environ, body and shape; a refusal's status, which ends it; what is
    left."""
    reader = Reader(shared or heads(), REMOTE)
    outcome: Outcome = []
    try:
        for piece in pieces:
            request = reader.feed(piece)
            while request is not None:
                environ, shape = request
                with environ.pop("wsgi.input") as file:
                    body = file.read()
                outcome.append((environ, body, shape))
                request = reader.feed(b"") if reader.rest else None
    except Refused as refused:
        reader.discard()
        outcome.append(refused.status)
    else:
        outcome.append(("left", bool(reader.rest) or reader.in_body))
        reader.discard()
    return outcome


def one(data: bytes) -> tuple[dict[str, Any], bytes, Any]:
    first, left = read([data])
    assert left == ("left", False)
    environ: dict[str, Any] = first[0]
    return environ, first[1], first[2]


def get(*lines: str, start: str = "GET / HTTP/1.1") -> bytes:
    return "\r\n".join([start, *lines, "", ""]).encode("latin-1")


def test_an_environ_is_what_pep_3333_says() -> None:
    data = get(
        "Host: example.com:81",
        "X-Two: a",
        "Content-Type: text/x",
        "x-two: b",
        start="GET /a%20b/%C3%A9?c=d%20e HTTP/1.1",
    )
    environ, body, shape = one(data)
    assert environ == {
        "REQUEST_METHOD": "GET",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xc3\xa9",
        "QUERY_STRING": "c=d%20e",
        "REQUEST_URI": "/a%20b/%C3%A9?c=d%20e",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SERVER_NAME": "example.org",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "4711",
        "HTTP_HOST": "example.com:81",
        "HTTP_X_TWO": "a, b",
        "CONTENT_TYPE": "text/x",
        "wsgi.errors": sys.stderr,
    }
    assert type(environ) is dict
    assert (body, shape) == (b"", (True, False, True))


def test_cookies_are_joined_as_cookies() -> None:
    assert one(get("Host: x", "Cookie: a=1", "Cookie: b=2"))[0]["HTTP_COOKIE"] == "a=1; b=2"


def test_a_name_with_an_underscore_is_dropped() -> None:
    environ = one(get("Host: x", "X-User: me", "X_User: root", "Content_Length: 5"))[0]
    assert environ["HTTP_X_USER"] == "me"
    assert "CONTENT_LENGTH" not in environ


def test_an_absolute_target_names_the_host() -> None:
    environ = one(get("Host: other", start="GET http://example.com/a?b HTTP/1.1"))[0]
    assert (environ["HTTP_HOST"], environ["PATH_INFO"], environ["QUERY_STRING"]) == ("example.com", "/a", "b")


def test_options_of_the_server() -> None:
    assert one(get("Host: x", start="OPTIONS * HTTP/1.1"))[0]["PATH_INFO"] == ""


@pytest.mark.parametrize(
    ("start", "connection", "persistent"),
    [
        ("HTTP/1.1", None, True),
        ("HTTP/1.1", "close", False),
        ("HTTP/1.1", "Close", False),
        ("HTTP/1.1", "x, close", False),
        ("HTTP/1.1", "closed", True),
        ("HTTP/1.0", None, False),
        ("HTTP/1.0", "Keep-Alive", True),
        ("HTTP/1.0", "keep-alive, close", False),
    ],
)
def test_whether_the_connection_stays(start: str, connection: str | None, persistent: bool) -> None:
    lines = ["Host: x"] + ([f"Connection: {connection}"] if connection else [])
    assert one(get(*lines, start=f"GET / {start}"))[2].persistent is persistent


@pytest.mark.parametrize(
    "chunks",
    [
        b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        b'5;a=b;c;d="e f"\r\nabcde\r\n0;x\r\n\r\n',
        b"0005\r\nabcde\r\n000\r\nTrailer: x\r\nOther: y\r\n\r\n",
    ],
)
def test_chunks_become_a_body_of_known_length(chunks: bytes) -> None:
    environ, body, _ = one(get("Host: x", "Transfer-Encoding: Chunked") + chunks)
    assert body == b"abcde"
    assert environ["CONTENT_LENGTH"] == "5"
    assert "HTTP_TRANSFER_ENCODING" not in environ
    assert "HTTP_TRAILER" not in environ


def test_a_long_body_goes_to_a_file() -> None:
    body = bytes(range(256)) * 10
    assert one(get("Host: x", f"Content-Length: {len(body)}") + body)[1] == body


def test_continue_is_due_once_and_only_while_nothing_came() -> None:
    head = get("Host: x", "Content-Length: 2", "Expect: 100-continue")
    reader = Reader(heads(), REMOTE)
    assert reader.feed(head) is None
    assert reader.expecting
    reader.expecting = False
    assert reader.feed(b"a") is None
    assert not reader.expecting
    assert reader.feed(b"b") is not None
    eager = Reader(heads(), REMOTE)
    assert eager.feed(head + b"a") is None
    assert not eager.expecting


REFUSED = {
    "two lengths": (400, get("Host: x", "Content-Length: 1", "Content-Length: 2") + b"ab"),
    "one length twice": (400, get("Host: x", "Content-Length: 1", "Content-Length: 1") + b"a"),
    "a list of lengths": (400, get("Host: x", "Content-Length: 1, 1") + b"a"),
    "length with a sign": (400, get("Host: x", "Content-Length: +5") + b"abcde"),
    "negative length": (400, get("Host: x", "Content-Length: -1")),
    "hexadecimal length": (400, get("Host: x", "Content-Length: 0x5") + b"abcde"),
    "length with an underscore": (400, get("Host: x", "Content-Length: 1_0") + b"abcdeabcde"),
    "length with a foreign digit": (400, get("Host: x", "Content-Length: \xb2") + b"ab"),
    "empty length": (400, get("Host: x", "Content-Length:")),
    "length with a space inside": (400, get("Host: x", "Content-Length: 1 0") + b"a"),
    "length and chunked": (
        400,
        get("Host: x", "Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n",
    ),
    "chunked and length": (
        400,
        get("Host: x", "Transfer-Encoding: chunked", "Content-Length: 5") + b"0\r\n\r\n",
    ),
    "chunked twice": (400, get("Host: x", "Transfer-Encoding: chunked, chunked") + b"0\r\n\r\n"),
    "chunked in two headers": (
        400,
        get("Host: x", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    ),
    "chunked is not last": (400, get("Host: x", "Transfer-Encoding: chunked, gzip")),
    "chunked, then identity": (400, get("Host: x", "Transfer-Encoding: chunked, identity")),
    "empty coding": (400, get("Host: x", "Transfer-Encoding:")),
    "empty coding in a list": (400, get("Host: x", "Transfer-Encoding: ,chunked")),
    "xchunked": (501, get("Host: x", "Transfer-Encoding: xchunked")),
    "gzip, chunked": (501, get("Host: x", "Transfer-Encoding: gzip, chunked")),
    "identity": (501, get("Host: x", "Transfer-Encoding: identity")),
    "quoted chunked": (501, get("Host: x", 'Transfer-Encoding: "chunked"')),
    "chunked with a parameter": (501, get("Host: x", "Transfer-Encoding: chunked;q=1")),
    "vertical tab before chunked": (400, get("Host: x", "Transfer-Encoding: \x0bchunked")),
    "chunked in HTTP/1.0": (
        400,
        get("Host: x", "Transfer-Encoding: chunked", start="POST / HTTP/1.0") + b"0\r\n\r\n",
    ),
    "space before the colon": (400, get("Host : x")),
    "tab before the colon": (400, get("Host: x", "A\t: x")),
    "no colon": (400, get("Host: x", "A")),
    "no name": (400, get("Host: x", ": x")),
    "folded": (400, get("Host: x", "A: b", " c")),
    "folded by a tab": (400, get("Host: x", "A: b", "\tc")),
    "folded at once": (400, get(" Host: x")),
    "bare LF": (400, b"GET / HTTP/1.1\nHost: x\n\n"),
    "bare LF in a header": (400, get("Host: x", "A: b\nTransfer-Encoding: chunked")),
    "bare CR in a header": (400, get("Host: x", "A: b\rTransfer-Encoding: chunked")),
    "bare CR at the end of a line": (400, get("Host: x\r")),
    "NUL": (400, get("Host: x", "A: b\0c")),
    "DEL in a value": (400, get("Host: x", "A: \x7f")),
    "a name that is not ASCII": (400, get("Host: x", "\xe9: x")),
    "a name with a NUL": (400, get("Host: x", "A\0: x")),
    "no Host": (400, get()),
    "two Hosts": (400, get("Host: x", "Host: x")),
    "two Hosts in HTTP/1.0": (400, get("Host: x", "Host: y", start="GET / HTTP/1.0")),
    "a Host with a path": (400, get("Host: x/y")),
    "a Host with a user": (400, get("Host: me@x")),
    "a Host with a space": (400, get("Host: x y")),
    "a list of Hosts": (400, get("Host: x, y")),
    "a Host whose port is none": (400, get("Host: x:y")),
    "two content types": (400, get("Host: x", "Content-Type: a/b", "Content-Type: c/d")),
    "no version": (400, get("Host: x", start="GET /")),
    "two spaces": (400, get("Host: x", start="GET  / HTTP/1.1")),
    "a tab for a space": (400, get("Host: x", start="GET\t/ HTTP/1.1")),
    "space at the end": (400, get("Host: x", start="GET / HTTP/1.1 ")),
    "space at the start": (400, get("Host: x", start=" GET / HTTP/1.1")),
    "lower-case version": (400, get("Host: x", start="GET / http/1.1")),
    "long version": (400, get("Host: x", start="GET / HTTP/1.10")),
    "HTTP/2": (505, get("Host: x", start="GET / HTTP/2.0")),
    "HTTP/1.2": (505, get("Host: x", start="GET / HTTP/1.2")),
    "a method that is no token": (400, get("Host: x", start="G(T / HTTP/1.1")),
    "a target that is not ASCII": (400, get("Host: x", start="GET /\xe9 HTTP/1.1")),
    "a target with a NUL": (400, get("Host: x", start="GET /\0 HTTP/1.1")),
    "a target with a fragment": (400, get("Host: x", start="GET /#a HTTP/1.1")),
    "a target without a slash": (400, get("Host: x", start="GET a HTTP/1.1")),
    "a target with a user": (400, get("Host: x", start="GET http://a@b/ HTTP/1.1")),
    "* with GET": (400, get("Host: x", start="GET * HTTP/1.1")),
    "CONNECT": (501, get("Host: x", start="CONNECT x:80 HTTP/1.1")),
    "two empty lines": (400, b"\r\n\r\n" + get("Host: x")),
    "another expectation": (417, get("Host: x", "Content-Length: 1", "Expect: 200-ok")),
    "TLS": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\r\n\r\n"),
    "chunk size with a sign": (400, get("Host: x", "Transfer-Encoding: chunked") + b"+3\r\nabc\r\n0\r\n\r\n"),
    "chunk size with 0x": (400, get("Host: x", "Transfer-Encoding: chunked") + b"0x3\r\nabc\r\n0\r\n\r\n"),
    "chunk size with an underscore": (
        400,
        get("Host: x", "Transfer-Encoding: chunked") + b"0_3\r\nabc\r\n0\r\n\r\n",
    ),
    "chunk size with a space before": (
        400,
        get("Host: x", "Transfer-Encoding: chunked") + b" 3\r\nabc\r\n0\r\n\r\n",
    ),
    "chunk size with a space behind": (
        400,
        get("Host: x", "Transfer-Encoding: chunked") + b"3 \r\nabc\r\n0\r\n\r\n",
    ),
    "no chunk size": (400, get("Host: x", "Transfer-Encoding: chunked") + b"\r\n\r\n"),
    "chunk size is huge": (400, get("Host: x", "Transfer-Encoding: chunked") + b"1" * 17 + b"\r\n"),
    "chunk size ends with LF": (400, get("Host: x", "Transfer-Encoding: chunked") + b"3\nabc\r\n0\r\n\r\n"),
    "chunk ends with LF": (400, get("Host: x", "Transfer-Encoding: chunked") + b"3\r\nabc\n0\r\n\r\n"),
    "chunk ends with other bytes": (
        400,
        get("Host: x", "Transfer-Encoding: chunked") + b"3\r\nabcXX0\r\n\r\n",
    ),
    "chunk is longer than its size": (
        400,
        get("Host: x", "Transfer-Encoding: chunked") + b"3\r\nabcd\r\n0\r\n\r\n",
    ),
    "chunk extension with LF": (
        400,
        get("Host: x", "Transfer-Encoding: chunked") + b"3;a\nb\r\nabc\r\n0\r\n\r\n",
    ),
    "chunk extension without a name": (
        400,
        get("Host: x", "Transfer-Encoding: chunked") + b"3;\r\nabc\r\n0\r\n\r\n",
    ),
    "chunk extension that is open": (
        400,
        get("Host: x", "Transfer-Encoding: chunked") + b'3;a="b\r\nabc\r\n0\r\n\r\n',
    ),
    "chunk extension that is long": (
        400,
        get("Host: x", "Transfer-Encoding: chunked") + b"3;" + b"a" * 300 + b"\r\n",
    ),
    "trailer that folds": (400, get("Host: x", "Transfer-Encoding: chunked") + b"0\r\nA: b\r\n c\r\n\r\n"),
    "trailer without a name": (400, get("Host: x", "Transfer-Encoding: chunked") + b"0\r\nA\r\n\r\n"),
    "request line too long": (414, get("Host: x", start=f"GET /{'a' * 200} HTTP/1.1")),
    "request line that never ends": (414, b"GET /" + b"a" * 300),
    "header too long": (431, get("Host: x", "A: " + "b" * 1000)),
    "header that never ends": (431, b"GET / HTTP/1.1\r\nA: " + b"b" * 1100),
    "too many headers": (431, get("Host: x", *[f"A{n}: b" for n in range(10)])),
    "body too long": (413, get("Host: x", "Content-Length: 5001")),
    "body of a length that is no number for a machine": (413, get("Host: x", f"Content-Length: {'9' * 30}")),
    "chunks too long": (413, get("Host: x", "Transfer-Encoding: chunked") + b"1389\r\n"),
    "trailers too long": (431, get("Host: x", "Transfer-Encoding: chunked") + b"0\r\n" + b"A: b\r\n" * 300),
    "too many trailers": (431, get("Host: x", "Transfer-Encoding: chunked") + b"0\r\n" + b"A: b\r\n" * 20),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_could_be_read_in_two_ways_is_refused(case: str) -> None:
    status, data = REFUSED[case]
    assert read([data]) == [status]
    assert read([bytes([byte]) for byte in data]) == [status]


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_is_not_forgotten_by_what_is_remembered(case: str) -> None:
    status, data = REFUSED[case]
    shared = heads()
    assert [read([data], shared) for _ in range(3)] == [[status]] * 3


def test_the_limits_themselves_are_allowed() -> None:
    path = "a" * (200 - len("GET / HTTP/1.1"))
    assert one(get("Host: x", start=f"GET /{path} HTTP/1.1"))
    fill = "b" * (1000 - len("\r\nHost: x\r\nA: "))
    data = get("Host: x", f"A: {fill}")
    assert one(data)
    assert read([bytes([byte]) for byte in data]) == read([data])
    assert one(get("Host: x", *[f"A{n}: b" for n in range(9)]))
    assert one(get("Host: x", "Content-Length: 5000") + b"a" * 5000)


def test_what_is_remembered_is_bounded_and_no_two_requests_share_an_environ() -> None:
    shared = heads()
    for number in range(3000):
        data = get("Host: x", f"X-Number: {number}", start=f"GET /{number} HTTP/1.1")
        for _ in range(3):
            (environ, _, _), _ = read([data], shared)
            assert environ.pop("HTTP_X_NUMBER") == str(number)
            assert environ["PATH_INFO"] == f"/{number}"
            environ["PATH_INFO"] = "changed by the app"
    assert max(len(shared.lines), len(shared.blocks), len(shared.wholes)) <= 512


names = st.text("abcXYZ-_09", min_size=1, max_size=12)
values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=30)
hosts = st.sampled_from(["x", "example.com:80", "[::1]:8000", "127.0.0.1"])
chunk_lists = st.lists(st.binary(min_size=1, max_size=300), max_size=4)
separate = {"HOST", "CONTENT-LENGTH", "CONTENT-TYPE", "TRANSFER-ENCODING", "CONNECTION", "EXPECT"}


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    lines = [f"Host: {draw(hosts)}"]
    lines += [
        f"{name}: {value}"
        for name, value in draw(st.lists(st.tuples(names, values), max_size=5))
        if name.upper() not in separate
    ]
    body, kind = b"", draw(st.sampled_from(["none", "length", "chunked"]))
    if kind == "length":
        body = draw(st.binary(max_size=400))
        lines.append(f"Content-Length: {len(body)}")
    elif kind == "chunked":
        body = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in draw(chunk_lists)) + b"0\r\n\r\n"
        lines.append("Transfer-Encoding: chunked")
    method, path = draw(st.sampled_from(["GET", "POST", "HEAD"])), draw(st.text("ab%/?=", max_size=9))
    return get(*lines, start=f"{method} /{path} HTTP/1.1") + body


def split(data: bytes, cuts: list[int]) -> list[bytes]:
    at = sorted({cut % (len(data) + 1) for cut in cuts} - {0, len(data)})
    return [data[start:end] for start, end in zip([0, *at], [*at, len(data)], strict=True)]


@settings(max_examples=300)
@given(st.lists(requests(), min_size=1, max_size=4), st.lists(st.integers(0, 5000), max_size=12))
def test_any_split_gives_the_same_requests(messages: list[bytes], cuts: list[int]) -> None:
    data = b"".join(messages)
    whole = read([data])
    assert len(whole) == len(messages) + 1
    assert read(split(data, cuts)) == whole


def verdict(outcome: Outcome) -> Outcome:
    """The outcome without the status of a refusal: which of two faults is met first depends on the split."""
    return ["refused" if isinstance(each, int) else each for each in outcome]


@settings(max_examples=300)
@given(requests(), st.data())
def test_a_broken_message_is_judged_alike_in_any_split(message: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(message)))
    junk = data.draw(st.sampled_from([b"\n", b"\r", b"\0", b" ", b":", b"\r\n", b"\t", b"5", b"\xff", b";"]))
    broken = message[:at] + junk + message[at:]
    whole = verdict(read([broken]))
    assert verdict(read(split(broken, data.draw(st.lists(st.integers(0, 3000), max_size=8))))) == whole
    assert verdict(read([bytes([byte]) for byte in broken])) == whole


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_noise_is_refused_or_waited_for(noise: bytes) -> None:
    read([noise])
    read([b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + noise])
