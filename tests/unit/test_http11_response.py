"""What an app says, in; bytes, out: the framing, the checks, and that another parser reads what was meant."""

from collections.abc import Sequence
from typing import Any

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaussette.http11 import Response, ResponseError, ResponseHeads, Shape

Headers = list[tuple[str, str]]
HTTP11, HTTP10 = Shape(True, False, True), Shape(False, False, True)
HEAD = Shape(True, True, True)
DATE = b"Date: Sun, 22 Nov 2026 08:51:21 GMT\r\n"


def heads() -> ResponseHeads:
    made = ResponseHeads()
    made.date = DATE
    return made


def respond(
    pieces: Sequence[bytes],
    headers: Headers,
    *,
    shape: Shape = HTTP11,
    status: str = "200 OK",
    whole: bool = False,
    keep: bool = True,
) -> tuple[bytes, bool]:
    """The bytes of a response, given whole or piece by piece, and whether the connection stays."""
    sent: list[bytes] = []
    response = Response(shape, heads(), keep, sent.append)
    response.start(status, headers)
    if whole:
        sent.append(response.whole(b"".join(pieces)))
    else:
        sent += [response.more(piece) for piece in pieces]
        sent.append(response.end())
    return b"".join(sent), response.persistent


def understood(data: bytes, method: str, closed: bool) -> tuple[int, Headers, bytes]:
    """What h11 makes of a response; it raises where the framing is wrong."""
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    if closed:
        client.receive_data(b"")
    head: Any = client.next_event()
    body = b""
    while not isinstance(event := client.next_event(), h11.EndOfMessage):
        assert isinstance(event, h11.Data), event
        body += event.data
    if not closed:
        assert client.trailing_data == (b"", False)
    return head.status_code, [(name.decode(), value.decode("latin-1")) for name, value in head.headers], body


def test_a_whole_body_gets_its_length() -> None:
    data, stays = respond([b"abc"], [("X", "y")], whole=True)
    assert data == b"HTTP/1.1 200 OK\r\nX: y\r\n" + DATE + b"Content-Length: 3\r\n\r\nabc"
    assert stays


def test_pieces_of_unknown_number_are_chunks() -> None:
    data, stays = respond([b"abc", b"", b"de"], [])
    assert data == b"HTTP/1.1 200 OK\r\n" + DATE + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    assert stays


def test_http10_has_no_chunks_and_ends_with_the_connection() -> None:
    data, stays = respond([b"abc"], [], shape=HTTP10)
    assert data == b"HTTP/1.1 200 OK\r\n" + DATE + b"Connection: close\r\n\r\nabc"
    assert not stays


def test_http10_is_told_that_the_connection_stays() -> None:
    data, stays = respond([b"abc"], [("Content-Length", "3")], shape=HTTP10, whole=True)
    assert b"\r\nConnection: keep-alive\r\n" in data
    assert stays


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize(
    ("shape", "status", "length"),
    [(HEAD, "200 OK", b"5"), (HTTP11, "304 Not Modified", b"5"), (HTTP11, "204 No Content", None)],
    ids=["HEAD", "304", "204"],
)
def test_no_body_is_sent_where_none_may_be(shape: Shape, status: str, length: bytes | None, whole: bool) -> None:
    data, stays = respond([b"abcde"], [("Content-Length", "5")], shape=shape, status=status, whole=whole)
    assert data.endswith(b"\r\n\r\n")
    assert (b"Content-Length: 5" in data) == (length is not None)
    assert b"chunked" not in data
    assert stays


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("body", [b"abcde", b""])
def test_head_tells_the_length_that_get_would_have_if_it_is_known(body: bytes, whole: bool) -> None:
    data, stays = respond([body], [], shape=HEAD, whole=whole)
    assert (b"Content-Length: 5\r\n" in data) == (whole and body == b"abcde")
    assert b"Content-Length: 0" not in data  # an app that leaves out the body of HEAD has one for GET
    assert data.endswith(b"\r\n\r\n")
    assert stays


def test_an_app_may_set_the_date() -> None:
    data, _ = respond([b""], [("date", "Mon, 01 Jan 2001 00:00:00 GMT")], whole=True)
    assert data.lower().count(b"date:") == 1


def test_no_piece_no_chunk() -> None:
    assert respond([], [])[0].endswith(b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("body", [b"abcd", b"abcdef"])
def test_a_content_length_is_kept_to(body: bytes, whole: bool) -> None:
    with pytest.raises(ResponseError, match="Content-Length"):
        respond([body], [("Content-Length", "5")], whole=whole)


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        ("200 OK", [("X", "a\r\nSet-Cookie: b")]),
        ("200 OK", [("X", "a\nb")]),
        ("200 OK", [("X", "a\rb")]),
        ("200 OK", [("X", "a\0b")]),
        ("200 OK", [("X\r\nY", "a")]),
        ("200 OK", [("X ", "a")]),
        ("200 OK", [("", "a")]),
        ("200 OK", [("X:", "a")]),
        ("200 OK", [("X", "\u20ac")]),
        ("200 OK", [("\xe9", "a")]),
        ("200 OK", [("X", b"a")]),
        ("200 OK", [(b"X", "a")]),
        ("200 OK", [["X", "a"]]),
        ("200 OK", [("X", 1)]),
        ("200 OK", [("X", "a", "b")]),
        ("200 OK", ["XY"]),
        ("200 OK", [("Connection", "close")]),
        ("200 OK", [("Transfer-Encoding", "chunked")]),
        ("200 OK", [("keep-alive", "x")]),
        ("200 OK", [("Upgrade", "websocket")]),
        ("200 OK", [("Content-Length", "+5")]),
        ("200 OK", [("Content-Length", "5, 5")]),
        ("200 OK", [("Content-Length", "-1")]),
        ("200 OK", [("Content-Length", "5"), ("content-length", "5")]),
        ("200 OK\r\nX: y", []),
        ("200\x0bOK", []),
        ("OK", []),
        ("20 OK", []),
        ("100 Continue", []),
        ("101 Switching Protocols", []),
        ("200\u20ac", []),
        ("200 \u20ac", []),
        (b"200 OK", []),
        (200, []),
    ],
)
def test_what_an_app_must_not_say(status: Any, headers: Any) -> None:
    shared = heads()
    for _ in range(2):
        with pytest.raises(ResponseError):
            shared.get(status, headers)


def test_start_response_twice_needs_exc_info() -> None:
    response = Response(HTTP11, heads(), True, lambda data: None)
    response.start("200 OK", [])
    with pytest.raises(ResponseError, match="twice"):
        response.start("500 Oops", [])
    try:
        raise ValueError("mine")
    except ValueError as error:
        response.start("500 Oops", [], (ValueError, error, error.__traceback__))
        assert response.whole(b"").startswith(b"HTTP/1.1 500 Oops\r\n")
        with pytest.raises(ValueError, match="mine"):
            response.start("500 Oops", [], (ValueError, error, error.__traceback__))


def test_write_after_the_end_goes_nowhere() -> None:
    sent: list[bytes] = []
    response = Response(HTTP11, heads(), True, sent.append)
    write = response.start("200 OK", [])
    write(b"a")
    response.finished = True
    with pytest.raises(ResponseError, match="ended"):
        write(b"b")
    assert len(sent) == 1


@pytest.mark.parametrize("piece", ["text", 1, None, bytearray(b"a")])
def test_a_piece_that_is_not_bytes(piece: Any) -> None:
    response = Response(HTTP11, heads(), True, lambda data: None)
    response.start("200 OK", [])
    with pytest.raises(ResponseError, match="not bytes"):
        response.more(piece)


def test_a_body_without_start_response() -> None:
    response = Response(HTTP11, heads(), True, lambda data: None)
    with pytest.raises(ResponseError, match="start_response"):
        response.whole(b"")


tokens = st.text("abcXYZ-_09!#$%&'*+.^`|~", min_size=1, max_size=12).filter(
    lambda name: name.lower() not in {"te", "date", "content-length", "connection", "upgrade", "trailer"}
)
texts = st.text(st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"), max_size=20)
shapes = st.builds(Shape, st.booleans(), st.booleans(), st.just(True))
statuses = st.sampled_from(["200 OK", "201", "204 No Content", "304 Not Modified", "404 Not Found", "599 \xe9"])


@settings(max_examples=400)
@given(
    pieces=st.lists(st.binary(max_size=50), max_size=5),
    headers=st.lists(st.tuples(tokens, texts), max_size=5),
    shape=shapes,
    status=statuses,
    sized=st.booleans(),
    whole=st.booleans(),
    keep=st.booleans(),
)
def test_another_parser_reads_what_was_meant(
    pieces: list[bytes], headers: Headers, shape: Shape, status: str, sized: bool, whole: bool, keep: bool
) -> None:
    body = b"".join(pieces)
    said = [*headers, ("Content-Length", str(len(body)))] if sized else headers
    data, stays = respond(pieces, said, shape=shape, status=status, whole=whole, keep=keep)
    code, got, received = understood(data, "HEAD" if shape.is_head else "GET", closed=not stays)
    assert code == int(status[:3])
    assert received == (b"" if shape.is_head or code in (204, 304) else body)
    wanted = [(name.lower(), value) for name, value in headers]
    assert [pair for pair in got if pair in wanted] == wanted
    assert keep or not stays
