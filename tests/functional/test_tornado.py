"""Tornado apps, as such: what the contract asks of every engine, and of WebSockets."""

import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from chaussette.backend import find
from chaussette.errors import ExitStatus
from clients import Clients
from live import BACKENDS, Gate, Process, chaussette, client, connect, get, listening

OTHERS = [name for name in BACKENDS if "tornado" not in find(name).protocols]
KINDS = ("tcp", "unix")


@contextmanager
def serving(sock: socket.socket, *options: str, gate: Gate | None = None) -> Iterator[Process]:
    words = ("--fd", str(sock.fileno()), "--backend", "tornado", *options, "native:app")
    with chaussette(*words, fds=[sock.fileno()], GATE=gate.path if gate else "") as process:
        yield process


@pytest.mark.parametrize("kind", KINDS)
def test_answers_streams_and_drains(kind: str, tmp_path: Path, gate: Gate) -> None:
    with listening(kind, tmp_path) as sock, serving(sock, gate=gate) as process:
        with client(sock) as idle, client(sock) as streaming, client(sock) as held:
            idle.request("POST", "/echo", b"sent" * 50_000)
            assert idle.getresponse().read() == b"sent" * 50_000
            streaming.request("GET", "/stream")
            answer = streaming.getresponse()
            assert answer.read(5) == b"first"
            gate.wait()
            held.request("GET", "/hold")
            gate.wait()
            process.signal(signal.SIGTERM)
            process.wait_for("finishing what is in flight")
            idle.request("GET", "/")
            last = idle.getresponse()
            assert (last.read(), last.will_close) == (b"%d\n" % process.pid, True)
            gate.open()
            assert answer.read() == b"second"
            assert held.getresponse().read() == b"held"
        assert process.ended() == ExitStatus.OK


def test_app_that_raises_gets_500_and_a_traceback_in_the_log_alone(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock, serving(sock) as process:
        status, body = get(sock, "/boom")
        assert status == 500
        assert b"the app says boom" not in body
        process.wait_for("RuntimeError: the app says boom")
        assert get(sock)[0] == 200
        assert "200 GET" not in process.log


@contextmanager
def streaming_in_a_drain(
    sock: socket.socket, process: Process, gate: Gate
) -> Iterator[tuple[HTTPConnection, HTTPResponse]]:
    """A client whose answer has begun when the drain does, and goes on when the gate is opened."""
    with client(sock) as connection:
        connection.request("GET", "/stream")
        answer = connection.getresponse()
        gate.wait()
        process.signal(signal.SIGTERM)
        process.wait_for("finishing what is in flight")
        yield connection, answer


def test_stream_that_outlasts_the_grace_ends_the_drain(tmp_path: Path, gate: Gate) -> None:
    with listening("tcp", tmp_path) as sock, serving(sock, "--keep-alive-grace", "0.1", gate=gate) as process:
        with streaming_in_a_drain(sock, process, gate) as (_, answer):
            time.sleep(0.5)  # the grace is over, and the answer is not
            gate.open()
            assert answer.read() == b"firstsecond"
            assert process.ended() == ExitStatus.OK


def test_client_that_was_not_told_of_the_end_may_ask_again(tmp_path: Path, gate: Gate) -> None:
    with listening("tcp", tmp_path) as sock, serving(sock, gate=gate) as process:
        with streaming_in_a_drain(sock, process, gate) as (streaming, answer):
            gate.open()
            assert (answer.read(), answer.will_close) == (b"firstsecond", False)
            streaming.request("GET", "/")
            last = streaming.getresponse()
            assert (last.read(), last.will_close) == (b"%d\n" % process.pid, True)
        assert process.ended() == ExitStatus.OK


def test_request_that_has_begun_to_arrive_is_answered_after_the_grace(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock, serving(sock, "--keep-alive-grace", "0.1") as process:
        with client(sock) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.sock.sendall(b"GET / HT")
            process.signal(signal.SIGTERM)
            process.wait_for("finishing what is in flight")
            time.sleep(0.5)  # the grace is over
            connection.sock.sendall(b"TP/1.1\r\nHost: x\r\n\r\n")
            answer = connection.response_class(connection.sock)
            answer.begin()
            assert answer.read() == b"%d\n" % process.pid
        assert process.ended() == ExitStatus.OK


def test_deadline_counts_what_it_cuts(tmp_path: Path, gate: Gate) -> None:
    with listening("tcp", tmp_path) as sock, serving(sock, "--graceful-timeout", "0.5", gate=gate) as process:
        with client(sock) as held:
            held.request("GET", "/hold")
            gate.wait()
            process.signal(signal.SIGTERM)
            assert process.ended() == ExitStatus.DEADLINE
            assert "1 request cut" in process.log


def test_web_sockets_are_told_to_go_away(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock, serving(sock) as process, connect(sock) as talking:
        talking.sendall(
            b"GET /talk HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        reader = talking.makefile("rb")
        assert reader.readline().startswith(b"HTTP/1.1 101")
        while reader.readline() != b"\r\n":
            pass
        # Frames of RFC 6455, section 5.2: text, masked with zeros; then those of a close, with its code.
        talking.sendall(b"\x81\x82\0\0\0\0hi")
        assert reader.read(4) == b"\x81\x02hi"
        process.signal(signal.SIGTERM)
        code = (1001).to_bytes(2)
        assert reader.read(14) == b"\x88\x0c" + code + b"going away"
        talking.sendall(b"\x88\x82\0\0\0\0" + code)
        assert reader.read() == b""
        assert process.ended() == ExitStatus.OK


def test_no_request_is_lost_while_processes_are_replaced(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        words = ("--fd", str(sock.fileno()), "--backend", "tornado", "--keep-alive-grace", "1", "native:app")
        old = chaussette(*words, fds=[sock.fileno()])
        try:
            old.wait_for("Using")
            with Clients(partial(connect, sock)):
                for _ in range(3):
                    new = chaussette(*words, fds=[sock.fileno()])
                    new.wait_for("Using")
                    leaving, old = old, new
                    with leaving:
                        assert leaving.terminate() == ExitStatus.OK
        finally:
            with old:
                assert get(sock)[1] == b"%d\n" % old.pid
                assert old.terminate() == ExitStatus.OK


@pytest.mark.parametrize("backend", OTHERS)
def test_others_refuse_it_and_name_the_one_that_can(backend: str) -> None:
    with chaussette("--backend", backend, "--bind", "127.0.0.1:0", "native:app") as process:
        assert process.ended() == ExitStatus.APP
        assert "native:app is a Tornado app, and the engine serves WSGI" in process.log
        assert "Choose --backend tornado." in process.log
