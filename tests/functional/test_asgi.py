"""ASGI apps, on every engine that serves them."""

import signal
from pathlib import Path

import pytest

from chaussette.backend import find
from chaussette.errors import ExitStatus
from live import BACKENDS, Gate, chaussette, client, connect, listening

ABLE = [name for name in BACKENDS if "asgi" in find(name).protocols]
OTHERS = [name for name in BACKENDS if "asgi" not in find(name).protocols]


@pytest.mark.parametrize("backend", ABLE)
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_answers_streams_and_drains(backend: str, kind: str, tmp_path: Path, gate: Gate) -> None:
    with listening(kind, tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, "asynchronous:app")
        with chaussette(*options, fds=[sock.fileno()], GATE=gate.path) as process:
            with client(sock) as idle, client(sock) as streaming:
                idle.request("POST", "/echo", b"sent" * 50_000)
                assert idle.getresponse().read() == b"sent" * 50_000
                streaming.request("GET", "/stream")
                answer = streaming.getresponse()
                assert answer.read(5) == b"first"
                gate.wait()
                process.signal(signal.SIGTERM)
                process.wait_for("finishing what is in flight")
                idle.request("GET", "/")
                last = idle.getresponse()
                assert (last.read(), last.will_close) == (b"%d\n" % process.pid, True)
                gate.open()
                assert answer.read() == b"second"
            assert process.ended() == ExitStatus.OK
            assert process.log.index("lifespan.startup") < process.log.index("lifespan.shutdown")


@pytest.mark.parametrize("backend", ABLE)
@pytest.mark.parametrize("lines", ["Content-Length: 4\r\n{}", "{}Content-Length: 4\r\n"], ids=["before", "after"])
def test_a_length_beside_chunks_is_the_end_of_the_connection(backend: str, lines: str, tmp_path: Path) -> None:
    """Whoever reads the one where a proxy has read the other may take what follows for another request."""
    head = "POST / HTTP/1.1\r\nHost: example.org\r\n" + lines.format("Transfer-Encoding: chunked\r\n") + "\r\n"
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, "asynchronous:app")
        with chaussette(*options, fds=[sock.fileno()]) as process, connect(sock) as connection:
            connection.sendall(
                head.encode() + b"4\r\nfour\r\n0\r\n\r\n" + b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n"
            )
            received = b""
            while piece := connection.recv(65536):
                received += piece
            assert received.count(b"HTTP/1.1 ") == 1
            assert process.terminate() == ExitStatus.OK


@pytest.mark.parametrize("backend", ABLE)
def test_startup_that_fails_ends_it(backend: str, tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        with chaussette(
            "--fd", str(sock.fileno()), "--backend", backend, "asynchronous:failing", fds=[sock.fileno()]
        ) as process:
            assert process.ended() == ExitStatus.APP
            assert "no database" in process.log


@pytest.mark.parametrize("backend", OTHERS)
def test_others_refuse_it_and_name_those_that_can(backend: str) -> None:
    with chaussette("--backend", backend, "--bind", "127.0.0.1:0", "asynchronous:app") as process:
        assert process.ended() == ExitStatus.APP
        line = process.wait_for("is an ASGI app, and the engine serves WSGI")
        assert f". Choose --backend {' or '.join(ABLE)}." in line
