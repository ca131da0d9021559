"""The contract of a backend when it ends: what is answered, and what is left to others, on every engine.

What an engine cannot do is declared in its BackendInfo, and then asserted here: a weakness that an upgrade mends is to fail.
"""

import signal
import socket
import time
from pathlib import Path

import pytest

from chaussette.backend import find
from contract import CASES, Case, serve
from live import BACKENDS, Gate, chaussette, client, get, listening


@pytest.mark.parametrize("case", CASES, ids=str)
def test_sigterm_answers_what_is_in_flight(case: Case, tmp_path: Path, gate: Gate) -> None:
    for served in serve(case, tmp_path, gate):
        with client(served.address) as connection:
            connection.request("GET", "/hold")
            gate.wait()
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("SIGTERM: finishing what is in flight")
            gate.open()
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"%d\n" % served.process.pid)
        assert served.process.ended() == 0
        if case.kind == "unix":
            assert Path(str(served.address)).exists() == (case.origin == "fd")


@pytest.mark.parametrize("backend", [name for name in BACKENDS if find(name).keep_alive])
@pytest.mark.parametrize("kind", ["tcp", "unix"])  # tcp6 differs from tcp in the form of an address alone
def test_idle_connection_gets_one_more_answer_in_the_drain(backend: str, kind: str, tmp_path: Path, gate: Gate) -> None:
    for served in serve(Case(backend, kind, "fd"), tmp_path, gate, "--keep-alive-grace", "10"):
        with client(served.address) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("finishing what is in flight")
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert answer.read() == b"%d\n" % served.process.pid
            assert answer.will_close
        assert served.process.ended() == 0


@pytest.mark.parametrize("backend", [name for name in BACKENDS if find(name).keep_alive])
def test_stream_that_outlasts_the_grace_ends_the_drain(backend: str, tmp_path: Path, gate: Gate) -> None:
    """Its answer began before the drain, so it did not say that it is the last."""
    for served in serve(Case(backend, "tcp", "fd"), tmp_path, gate, "--keep-alive-grace", "0.1"):
        with client(served.address) as connection:
            connection.request("GET", "/stream")
            answer = connection.getresponse()
            gate.wait()
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("finishing what is in flight")
            time.sleep(0.5)  # the grace is over, and the answer is not
            gate.open()
            assert answer.read() == b"firstsecond"
            assert served.process.ended() == 0


IDLE_TILL_THE_HEAD_IS_WHOLE = {"hypercorn", "uvicorn"}
"""They hang up what they take for idle themselves."""


@pytest.mark.parametrize(
    "backend", [name for name in BACKENDS if find(name).keep_alive and name not in IDLE_TILL_THE_HEAD_IS_WHOLE]
)
def test_request_that_has_begun_to_arrive_is_answered_after_the_grace(backend: str, tmp_path: Path, gate: Gate) -> None:
    # The grace is longer than what is sent may take to arrive on a virtual machine that has lost its processor.
    for served in serve(Case(backend, "tcp", "fd"), tmp_path, gate, "--keep-alive-grace", "0.5"):
        with client(served.address) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
            time.sleep(0.05)  # the kernel's clock, by which some glue tells what came after the answer, is coarse
            connection.sock.sendall(b"GET / HT")
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("finishing what is in flight")
            time.sleep(1)  # the grace is over
            connection.sock.sendall(b"TP/1.1\r\nHost: x\r\n\r\n")
            answer = connection.response_class(connection.sock)
            answer.begin()
            assert answer.read() == b"%d\n" % served.process.pid
        assert served.process.ended() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_signal_that_comes_at_once_drains(backend: str, tmp_path: Path, gate: Gate) -> None:
    """Between the first line of the log and the engine's own loop."""
    for _ in range(3):
        for served in serve(Case(backend, "tcp", "fd"), tmp_path, gate):
            served.process.wait_for("Application is")
            assert served.process.terminate() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_accept_queue_is_left_to_the_sibling(backend: str, tmp_path: Path, gate: Gate) -> None:
    """Two processes on one socket: when one drains, the other goes on, and the socket stays as it is."""
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, "behaviour:app")
        with (
            chaussette(*options, fds=[sock.fileno()]) as one,
            chaussette(*options, fds=[sock.fileno()]) as two,
        ):
            two.signal(signal.SIGSTOP)
            assert get(sock)[1] == b"%d\n" % one.pid
            two.signal(signal.SIGCONT)
            assert one.terminate() == 0
            assert {get(sock)[1] for _ in range(20)} == {b"%d\n" % two.pid}
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            assert two.terminate() == 0
