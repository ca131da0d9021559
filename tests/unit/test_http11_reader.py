"""Bytes in, requests out: what is accepted, what is refused, and that it does not matter how the bytes
arrive."""

import sys
import tracemalloc
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chaussette.http11 import Heads, Limits, Reader, Refused
from refusals import LIMITS as SMALL
from refusals import REFUSED, get

REMOTE = {"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "4711"}
LIMITS = Limits(**SMALL)
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


def test_a_body_in_the_smallest_of_chunks_takes_no_more_memory_than_it_holds() -> None:
    reader = Reader(heads(Limits()), REMOTE)
    reader.feed(get("Host: x", "Transfer-Encoding: chunked"))
    chunks = b"2\r\nab\r\n" * 5000
    tracemalloc.start()
    for _ in range(40):
        assert reader.feed(chunks) is None
    used = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert used < 3 * 400_000
    request = reader.feed(b"0\r\n\r\n")
    assert request is not None
    assert request[0]["wsgi.input"].read() == b"ab" * 200_000


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


@given(st.integers(1 << 14, 1 << 17), st.lists(st.integers(0, 1 << 17), max_size=6), st.binary(max_size=20))
@settings(max_examples=60)
def test_a_body_in_place_is_the_same(length: int, cuts: list[int], behind: bytes) -> None:
    body = bytes(range(256)) * (length // 256)
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    data = head + body + behind
    at = [0, *sorted(cut for cut in cuts if cut < len(head + body)), len(data)]
    reader, found, left = Reader(heads(Limits(memory=1 << 17)), REMOTE), [], b""
    for begin, end in pairwise(at):
        piece = data[begin:end]
        while piece:
            room = reader.room
            if room is None:
                request, piece = reader.feed(piece), b""
            else:  # as recv_into does, which never brings more than there is room for
                count = min(len(room), len(piece))
                room[:count] = piece[:count]
                request, piece = reader.filled(count), piece[count:]
            if request is not None:
                found.append(request[0]["wsgi.input"].read())
                left = reader.rest + piece  # which nobody has received yet
                break
    assert found == [body]
    assert left == behind


def test_a_client_that_only_claims_to_send_gets_no_memory() -> None:
    reader = Reader(heads(Limits(memory=1 << 20)), REMOTE)
    assert reader.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000) is None
    assert reader.room is None
    assert reader.feed(b"x" * 15000) is None
    assert reader.room is not None
    assert len(reader.room) == 1000000 - 16000


def test_a_long_body_that_is_there_is_not_moved() -> None:
    """The app reads what the kernel wrote, so the next head is received alone."""
    reader, body = Reader(heads(Limits(memory=1 << 20)), REMOTE), b"x" * 1_000_000
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
    for _ in range(3):
        assert reader.feed(head) is None
        assert (reader.wanted, reader.ahead) == (len(body), len(head))
        request = reader.feed(body)
        assert request is not None
        assert request[0]["wsgi.input"].read(len(body)) is body
        assert reader.wanted == 0


@pytest.mark.parametrize("size", [1 << 16, (1 << 20) + 1], ids=["short", "for a file"])
def test_another_body_is_received_as_it_comes(size: int) -> None:
    reader = Reader(heads(Limits(memory=1 << 20)), REMOTE)
    assert reader.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size) is None
    assert reader.wanted == 0
    reader.discard()


def test_who_expects_a_head_in_vain_expects_no_other() -> None:
    reader, body = Reader(heads(Limits(memory=1 << 20)), REMOTE), b"x" * 100_000
    assert reader.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n") is None
    assert reader.feed(body) is not None
    assert (
        reader.feed(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: and longer than what was before it"[: reader.ahead]) is None
    )
    assert reader.ahead == 0


def test_a_head_that_is_known_takes_the_body_that_comes_with_it() -> None:
    shared = heads()
    head = b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
    for body in (b"abc", b"def", b"ghi", b"jkl"):
        reader = Reader(shared, REMOTE | {"REMOTE_PORT": body.decode()})
        request = reader.feed(head + body + b"GET")
        assert request is not None
        assert request[0]["wsgi.input"].read() == body
        assert request[0]["REMOTE_PORT"] == body.decode()
        assert request[0]["CONTENT_LENGTH"] == "3"
        assert reader.rest == b"GET"
    assert head in shared.starts
    cut = Reader(shared, REMOTE)
    assert cut.feed(head + b"x") is None
    request = cut.feed(b"yz")
    assert request is not None
    assert request[0]["wsgi.input"].read() == b"xyz"
