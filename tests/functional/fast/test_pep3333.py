"""PEP 3333 to the letter, over a real socket."""

import ast
import gzip
import os
import socket
import struct
from pathlib import Path

import pytest

from functional.fast.serving import Client, Served, get, request, serving
from live import listening


def test_an_answer_and_the_next_on_the_same_connection(shared: Served) -> None:
    with Client(shared) as client:
        for _ in range(3):
            status, headers, body = client.ask("/hello")
            assert (status, body) == (200, b"hello")
            assert "connection" not in headers
            assert headers["date"].endswith(" GMT")
        assert client.ask("/hello", "Connection: close")[1]["connection"] == "close"
        assert client.rest() == b""


def test_the_environ_tells_the_connection(shared: Served) -> None:
    with Client(shared) as client:
        environ = ast.literal_eval(client.ask("/environ/%41?b")[2].decode())
        own = client.sock.getsockname()
    assert environ["REMOTE_ADDR"] == own[0]
    assert environ["REMOTE_PORT"] == str(own[1])
    assert environ["SERVER_NAME"] == "127.0.0.1"
    assert environ["SERVER_PORT"] == str(shared.address[1])
    assert environ["PATH_INFO"] == "/environ/A"
    assert environ["wsgi.version"] == (1, 0)
    assert environ["wsgi.url_scheme"] == "http"
    assert environ["wsgi.run_once"] is False
    assert environ["wsgi.multiprocess"] is True
    assert environ["wsgi.input_terminated"] is True


@pytest.mark.parametrize(
    ("options", "multithread"),
    [
        (("--backend", "fast", "--threads", "1"), False),
        (("--backend", "fast", "--threads", "2"), True),
        (("--backend", "fastgevent", "--spawn", "1"), False),
        (("--backend", "fastgevent"), True),
    ],
    ids=["threads 1", "threads 2", "spawn 1", "no limit"],
)
def test_multithread_is_true_when_it_is(options: tuple[str, ...], multithread: bool) -> None:
    with serving(*options) as served:
        environ = ast.literal_eval(get(served, "/environ")[2].decode())
        assert environ["wsgi.multithread"] is multithread


def test_a_unix_client_has_no_address(engine: tuple[str, ...], tmp_path: Path) -> None:
    with (
        listening("unix", tmp_path) as listener,
        serving(*engine, listener=listener) as served,
    ):
        environ = ast.literal_eval(get(served, "/environ")[2].decode())
        assert environ["REMOTE_ADDR"] == ""
        assert "REMOTE_PORT" not in environ
        assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")


def test_write_comes_before_the_iterable(shared: Served) -> None:
    assert get(shared, "/write")[2] == b"abcd"


def test_a_generator_is_sent_in_chunks(shared: Served) -> None:
    with Client(shared) as client:
        for _ in range(2):
            _, headers, body = client.ask("/pieces")
            assert headers["transfer-encoding"] == "chunked"
            assert body == b"".join(b"%d " % number for number in range(100))


@pytest.mark.parametrize("options", [(), ("--high-water", "64M")], ids=["app has waited", "app has not waited"])
def test_a_slow_client_gets_all_while_the_app_makes_the_next_piece(
    options: tuple[str, ...], engine: tuple[str, ...], tmp_path: Path
) -> None:
    """PEP 3333, "Buffering and Streaming": be it by another thread."""
    os.mkfifo(tmp_path / "pipe")
    with (
        serving(*engine, *options) as served,
        Client(served) as client,
        open(tmp_path / "pipe", "r+b", buffering=0) as pipe,
    ):
        client.sock.sendall(request(f"/events?{tmp_path}/pipe"))
        client.head()
        for _ in range(3):
            assert len(client.chunk()) == 12_000_000
            pipe.write(b"!")
            assert client.chunk() == b"event"
            pipe.write(b"+")
        assert len(client.chunk()) == 12_000_000
        pipe.write(b".")
        assert client.chunk() == b""
        assert client.ask("/hello")[2] == b"hello"


def test_a_client_that_goes_while_the_app_makes_the_next_piece(served: Served, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with open(tmp_path / "pipe", "r+b", buffering=0) as pipe:
        with Client(served) as client:
            client.sock.sendall(request(f"/events?{tmp_path}/pipe"))
            client.head()
        pipe.write(b"!" * 10)
        served.wait_for("GeneratorExit")
    assert get(served)[0] == 200


def test_a_generator_to_an_http10_client_ends_with_the_connection(shared: Served) -> None:
    with Client(shared) as client:
        client.sock.sendall(request("/pieces", "Connection: keep-alive", version="1.0"))
        _, headers, body = client.answer()
    assert headers["connection"] == "close"
    assert body.endswith(b"99 ")


def test_http10_keeps_the_connection_when_asked(shared: Served) -> None:
    with Client(shared) as client:
        for _ in range(2):
            client.sock.sendall(request("/hello", "Connection: keep-alive", version="1.0"))
            assert client.answer()[1]["connection"] == "keep-alive"


def test_head_has_the_headers_and_no_body(shared: Served) -> None:
    with Client(shared) as client:
        for path in ("/hello", "/pieces", "/big", "/hello", "/filelike"):
            client.sock.sendall(request(path, method="HEAD"))
            assert client.answer(method="HEAD")[0] == 200
        assert client.ask("/hello")[2] == b"hello"


def test_204_has_no_body_and_no_length(shared: Served) -> None:
    with Client(shared) as client:
        status, headers, _ = client.ask("/204")
        assert (status, "content-length" in headers, "transfer-encoding" in headers) == (204, False, False)
        assert client.ask("/hello")[2] == b"hello"


@pytest.mark.parametrize("path", ["/closing", "/closing-raises", "/raise-late"])
def test_close_is_called_once(served: Served, path: str) -> None:
    with Client(served) as client:
        client.sock.sendall(request(path, "Connection: close"))
        client.head()
        client.rest()
    served.wait_for("the iterable is closed")
    assert served.terminate() == 0
    assert served.log.count("the iterable is closed") == 1


def test_what_close_raises_harms_no_answer(served: Served) -> None:
    with Client(served) as client:
        assert client.ask("/closing-raises")[2] == b"ab"
        assert client.ask("/hello")[2] == b"hello"
    served.wait_for("ValueError: in close")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/raise", "before start_response"),
        ("/exit", "SystemExit"),
        ("/smuggle", "control character"),
        ("/hop", "hop-by-hop"),
        ("/no-start", "start_response"),
        ("/text", "not bytes"),
        ("/long-text", "not bytes"),
        ("/long-piece", "exceeds its Content-Length by 2 bytes"),
        ("/start-twice", "start_response twice"),
        ("/short-list", "the body has 2 bytes, and its Content-Length says 3"),
    ],
)
def test_an_app_that_fails_is_a_500_and_a_line_in_the_log(served: Served, path: str, told: str) -> None:
    status, headers, body = get(served, path)
    assert (status, headers["connection"]) == (500, "close")
    assert b"never" not in body
    assert b"Set-Cookie" not in body
    served.wait_for(told)
    assert get(served)[0] == 200


def test_an_app_that_fails_at_a_head_request_has_no_body(served: Served) -> None:
    with Client(served) as client:
        client.sock.sendall(request("/raise", method="HEAD"))
        assert client.head()[0] == 500
        assert client.rest() == b""


def test_a_header_that_is_dropped_leaves_nothing(shared: Served) -> None:
    assert b"'': " not in get(shared, "/environ", "X_Y: 1")[2]


def test_a_response_that_breaks_off_is_not_ended(served: Served) -> None:
    with Client(served) as client, pytest.raises((EOFError, ValueError)):
        client.ask("/raise-late")
    served.wait_for("after the first piece")


def test_exc_info_replaces_headers_that_are_not_out(shared: Served) -> None:
    status, headers, body = get(shared, "/exc-info")
    assert (status, body) == (503, b"sorry")
    assert ("x-first" in headers, "x-second" in headers) == (False, True)


def test_exc_info_is_raised_when_headers_are_out(served: Served) -> None:
    with Client(served) as client, pytest.raises((EOFError, ValueError)):
        client.ask("/exc-info-late")
    served.wait_for("too late")


def test_a_body_never_exceeds_its_length(served: Served) -> None:
    with Client(served) as client:
        client.sock.sendall(request("/too-long"))
        status, headers = client.head()
        assert (status, headers["content-length"]) == (200, "3")
        assert client.rest() == b"ab"
    served.wait_for("exceeds its Content-Length")


def test_what_is_written_never_exceeds_the_length(served: Served) -> None:
    with Client(served) as client:
        client.sock.sendall(request("/write-too-long") + request("/hello"))
        assert client.answer()[2] == b"abc"
        assert client.rest() == b""
    served.wait_for("exceeds its Content-Length")


@pytest.mark.parametrize(("path", "told"), [("/too-short", b"ab"), ("/start-after-write", b"abc")])
def test_a_body_that_falls_short_is_cut_and_nothing_comes_behind_it(served: Served, path: str, told: bytes) -> None:
    with Client(served) as client:
        client.sock.sendall(request(path) + request("/hello"))
        status, headers = client.head()
        assert (status, "x-late" in headers) == (200, False)
        assert client.rest() == told  # the next answer would be taken for the end of this one
    served.wait_for("short of its Content-Length" if path == "/too-short" else "start_response twice")


@pytest.mark.parametrize("where", ["in memory", "in a file"])
def test_the_input_reads_alike_wherever_it_is_kept(engine: tuple[str, ...], where: str) -> None:
    with serving(*engine, "--inbuf", "1M" if where == "in memory" else "10") as served, Client(served) as client:
        for headers, body in (([], b"one\ntwo three\nfour"), (["Transfer-Encoding: chunked"], b"")):
            chunks = b"" if body else b"4\r\none\n\r\ne\r\ntwo three\nfour\r\n0\r\n\r\n"
            client.sock.sendall(request("/input", *headers, method="POST", body=body) + chunks)
            kind, *read = ast.literal_eval(client.answer()[2].decode())
            assert (kind == "BytesIO") == (where == "in memory")
            assert read == [b"one\n", b"two", [b" three\n", b"four"], b"", b"", b""]


@pytest.mark.parametrize("how", ["closes", "resets"])
@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/endless", "the iterable is closed"),
        ("/stream", "GeneratorExit"),
        ("/write-endless", "write() raised ConnectionAbortedError"),
    ],
)
def test_an_app_is_told_that_its_client_has_gone(served: Served, path: str, told: str, how: str) -> None:
    with Client(served) as client:
        client.sock.sendall(request(path))
        client.head()
        if how == "resets":
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    served.wait_for(told)
    assert get(served)[0] == 200
    assert served.terminate() == 0
    assert served.log.count(told) == 1
    assert "Traceback" not in served.log


def test_files_are_sent_whole_from_where_they_stand(served: Served, tmp_path: Path) -> None:
    data = bytes(range(256)) * 40_000
    path = tmp_path / "file"
    path.write_bytes(data)
    with Client(served) as client:
        assert client.ask(f"/file?{path}")[2] == data
        _, headers, body = client.ask(f"/file?{path}", "X-Skip: 100")
        assert body == data[100:]
        assert headers["content-length"] == str(len(data) - 100)
        assert client.ask(f"/file?{path}", "X-Skip: 100", "X-Length: 5000")[2] == data[100:5100]
        for asked, length in (([], len(data)), (["X-Skip: 100"], len(data) - 100), (["X-Length: 5"], 5)):
            status, headers, _ = client.ask(f"/file?{path}", *asked, method="HEAD")
            assert (status, headers["content-length"]) == (200, str(length))
        assert client.ask("/filelike")[2] == b"in memory"
        assert client.ask("/filelike?6")[2] == b"in mem"
        assert client.ask("/seen")[2] == b",".join([b"file closed"] * 6)


def test_of_a_file_that_is_not_what_the_kernel_has_of_it_is_sent_what_it_reads(shared: Served, tmp_path: Path) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(b"unpacked"))
    assert get(shared, f"/gzip?{path}")[2] == b"unpacked"
    assert b"MemTotal" in get(shared, "/file?/proc/meminfo")[2]
    cpus = Path("/sys/devices/system/cpu/possible")
    assert get(shared, f"/file?{cpus}")[2] == cpus.read_bytes()


def test_a_file_shorter_than_promised_is_an_error(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert get(served, f"/file?{path}", "X-Length: 5")[0] == 500
    assert get(served, "/seen")[2] == b"file closed"


def test_the_validator_of_the_standard_library_finds_nothing(engine: tuple[str, ...]) -> None:
    with serving(*engine, app="validated:app") as served, Client(served) as client:
        for _ in range(3):
            assert client.ask("/?a=b", "X: y", "Content-Type: text/plain")[2] == b"0 bytes"
            assert client.ask("/", method="POST", body=b"a\nb\n")[2] == b"4 bytes"
            assert client.ask("/", method="POST", body=b"a" * 3_000_000)[2] == b"3000000 bytes"
            client.sock.sendall(request("/", method="HEAD"))
            client.answer(method="HEAD")
        assert client.ask("/iterate")[2] == b"one two"
        assert "AssertionError" not in served.log
