"""Apps of python-socketio, with its own client."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
import socketio

from chaussette.errors import ExitStatus
from live import PATIENCE, Process, chaussette, get, listening

TRANSPORTS = {"polling": ["polling"], "websocket": ["websocket"], "upgrade": ["polling", "websocket"]}


def serve(sock: socket.socket, *options: str) -> Process:
    fd = sock.fileno()
    return chaussette("--fd", str(fd), "--backend", "socketio", *options, "sockets:socketio()", fds=[fd])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[socket.socket]:
    with listening("tcp", tmp_path_factory.mktemp("served")) as sock, serve(sock):
        yield sock


@contextmanager
def visitor(
    sock: socket.socket, transports: list[str], over: threading.Event | None = None, **options: Any
) -> Iterator[socketio.Client]:
    """A client; `over` is set when its session has ended."""

    def disconnected(reason: str) -> None:
        if made.eio.ws is not None:
            made.eio.ws.shutdown()  # the client leaves it open when the server has closed it
        if over:
            over.set()

    with requests.Session() as session:
        session.trust_env = False  # no proxy is between a test and its server
        delays = {"request_timeout": PATIENCE, "reconnection_delay": 0.05, "reconnection_delay_max": 0.05}
        made = socketio.Client(http_session=session, **delays, **options)
        made.on("disconnect", disconnected)
        host, port = sock.getsockname()
        made.connect(f"http://{host}:{port}", transports=transports, wait_timeout=PATIENCE)
        try:
            yield made
        finally:
            made.disconnect()
            made.wait()


@pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS)
def test_events_are_answered(served: socket.socket, transports: list[str]) -> None:
    with visitor(served, transports) as client:
        assert client.transport() == transports[-1]
        for data in ("text", {"deep": ["er", 1]}, b"bytes", "x" * 900_000, b"x" * 700_000):
            assert client.call("echo", data, timeout=PATIENCE)[0] == data
    assert get(served)[0] == 200


@pytest.mark.parametrize("transports", TRANSPORTS.values(), ids=TRANSPORTS)
def test_drain_ends_sessions(tmp_path: Path, transports: list[str]) -> None:
    """Who polls is answered with what it waits for, a ping within 2 seconds here; the sibling does not know it."""
    with listening("tcp", tmp_path) as sock, serve(sock) as one, serve(sock) as two:
        alone(one, two)
        over = threading.Event()
        with visitor(sock, transports, over, reconnection=False) as client:
            assert client.call("echo", 1, timeout=PATIENCE) == (1, one.pid)
            drain(one, two)
            assert over.wait(PATIENCE)
            assert one.ended() == ExitStatus.OK
            assert "Ending now" not in one.log
            assert "Traceback" not in one.log
        assert two.terminate() == ExitStatus.OK


def test_drain_sends_clients_to_the_sibling(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock, serve(sock) as one, serve(sock) as two:
        alone(one, two)
        again = threading.Event()
        with visitor(sock, ["websocket"]) as client:
            assert client.call("echo", 1, timeout=PATIENCE) == (1, one.pid)
            client.on("connect", again.set)
            drain(one, two)
            assert again.wait(PATIENCE)
            assert client.call("echo", 2, timeout=PATIENCE) == (2, two.pid)
            assert one.ended() == ExitStatus.OK
            assert one.log.count("disconnected: ") == 1
        assert two.terminate() == ExitStatus.OK


def alone(one: Process, two: Process) -> None:
    """Let `one` have what comes."""
    one.wait_for("Using")
    two.wait_for("Using")
    two.signal(signal.SIGSTOP)


def drain(one: Process, two: Process) -> None:
    """Let `two` have what comes after `one`."""
    one.signal(signal.SIGTERM)
    one.wait_for("finishing what is in flight")
    two.signal(signal.SIGCONT)
