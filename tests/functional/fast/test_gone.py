"""Clients that close their half of the connection, and those that go in the middle."""

import os
import signal
import socket
import struct
import time
from pathlib import Path

import pytest

from functional.fast.serving import Client, Served, get, request, serving

BIG = 4 << 20


@pytest.mark.parametrize("path", ["/hello", "/big", "/pieces", "/write-much", "/file"])
def test_a_client_that_has_said_all_gets_all(shared: Served, path: str, tmp_path: Path) -> None:
    """It may close its half at once, and is answered whole, also what it has asked for in one go."""
    if path == "/file":
        (tmp_path / "file").write_bytes(b"x" * BIG)
        path += f"?{tmp_path}/file"
    with Client(shared) as client:
        client.sock.sendall(request("/hello") + request(path) * 2)
        client.sock.shutdown(socket.SHUT_WR)
        assert client.answer()[2] == b"hello"
        first, second = client.answer(), client.answer()
        assert first[0] == 200
        assert first[2] == second[2]
        assert client.rest() == b""


@pytest.mark.parametrize("behind", [b"\r\n", request("/hello")], ids=["empty line", "request"])
def test_what_comes_behind_the_last_request_costs_nobody_its_answer(served: Served, behind: bytes) -> None:
    """Old clients send an empty line behind a body; nobody reads it, and to close then is a reset."""
    with Client(served) as client:
        client.sock.sendall(request("/sleep?0.5", method="POST", body=b"abc", version="1.0"))
        served.wait_for("falling asleep")
        client.sock.sendall(behind)
        assert client.answer()[0] == 200
        assert client.rest() == b""


def test_half_a_request_is_nobody(shared: Served) -> None:
    for data in (b"", b"GET /hel", request()[:-2], request("/echo", method="POST", body=b"abc")[:-1], b"\r\n"):
        with Client(shared) as client:
            client.sock.sendall(data)
            client.sock.shutdown(socket.SHUT_WR)
            assert client.rest() == b""


def test_a_half_closed_client_that_does_not_read_keeps_nobody_busy(served: Served) -> None:
    """CVE-2024-49769 was a loop that such a client kept busy for ever."""
    with Client(served) as client:
        client.sock.sendall(request("/big") * 2)
        client.sock.shutdown(socket.SHUT_WR)
        client.head()
        assert get(served)[0] == 200
        before = cpu_time(served)
        time.sleep(1)  # a while in which nothing happens; that more or less of it passes changes nothing
        assert cpu_time(served) - before < 0.5


def test_a_client_that_resets_while_its_app_works_leaves_nothing(served: Served) -> None:
    with Client(served) as client:
        client.sock.sendall(request("/sleep?0.5"))
        served.wait_for("falling asleep")
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    served.signal(signal.SIGTERM)
    served.wait_for("SIGTERM")
    assert served.ended() == 0
    assert "Traceback" not in served.log


def test_a_connection_ends_though_a_child_of_the_app_has_it_open(engine: tuple[str, ...], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with (
        open(tmp_path / "pipe", "r+b", buffering=0) as pipe,
        serving(*engine, "--keep-alive", "0.4") as served,
        Client(served) as idle,
        Client(served) as client,
    ):
        try:
            assert idle.ask("/hello")[2] == b"hello"
            client.sock.sendall(request(f"/fork?{tmp_path}/pipe", "Connection: close"))
            assert client.answer()[2] == b"hello"
            assert client.rest() == idle.rest() == b""
        finally:
            pipe.write(b".")
        served.wait_for("the child ends")


def cpu_time(served: Served) -> float:
    """Seconds, see proc_pid_stat(5)."""
    fields = Path(f"/proc/{served.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
