"""systemd's Type=notify, with a NOTIFY_SOCKET of the test's own."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaussette.backend import find
from chaussette.errors import ExitStatus
from live import BACKENDS, PATIENCE, Gate, Process, chaussette, client, get, listening

ONE_AT_A_TIME = {
    name: ["--threads", "1"] if "threads" in find(name).options else ["--no-monkey"] if find(name).monkey else []
    for name in BACKENDS
}
"""What lets one request that hangs keep an engine from all others."""
SECONDS = 3
WATCHED = {"WATCHDOG_USEC": f"{SECONDS}000000", "SYSTEMD_EXEC_PID": ""}
SHOWING = """\
import os


def app(environ, start_response):
    start_response("200 OK", [])
    shown = [name for name in os.environ if name.startswith(("NOTIFY_", "WATCHDOG_", "LISTEN_"))]
    return [repr((shown, os.get_inheritable(3))).encode()]
"""


class Systemd:
    """What listens to a service."""

    def __init__(self, address: str) -> None:
        self._sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._sock.bind(address.replace("@", "\0", 1))
        self.variable = address

    def hears(self, line: str) -> list[str]:
        """Wait for a message with `line` in it; all lines of that message."""
        self._sock.settimeout(PATIENCE)
        while True:
            lines = self._sock.recv(4096).decode().split("\n")
            if line in lines:
                return lines

    def hears_nothing(self, seconds: float) -> bool:
        """Whether nothing comes for some seconds, from now on."""
        self._sock.setblocking(False)
        try:
            while self._sock.recv(4096):
                pass
        except BlockingIOError:
            pass
        self._sock.settimeout(seconds)
        try:
            self._sock.recv(4096)
        except TimeoutError:
            return True
        return False

    def close(self) -> None:
        self._sock.close()


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(str(tmp_path / "notify.sock") if request.param == "path" else f"@chaussette-test-{os.getpid()}")
    yield made
    made.close()


@pytest.fixture
def watchdog(tmp_path: Path) -> Iterator[Systemd]:
    made = Systemd(str(tmp_path / "notify.sock"))
    yield made
    made.close()


@pytest.mark.parametrize("backend", BACKENDS)
def test_all_of_a_life(backend: str, systemd: Systemd, tmp_path: Path, gate: Gate) -> None:
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, "behaviour:app")
        env = {**WATCHED, "NOTIFY_SOCKET": systemd.variable, "GATE": gate.path}
        with served(*options, fd=sock.fileno(), **env) as process:
            assert systemd.hears("READY=1") == ["READY=1", f"STATUS=Serving behaviour:app with {backend}"]
            for _ in range(2):
                systemd.hears("WATCHDOG=1")
            with client(sock) as connection:
                connection.request("GET", "/hold")
                gate.wait()
                process.signal(signal.SIGTERM)
                systemd.hears("STOPPING=1")
                systemd.hears("STATUS=Draining: 1 request in flight")
                gate.open()
                assert connection.getresponse().status == 200
            assert process.ended() == ExitStatus.OK


@pytest.mark.parametrize("backend", BACKENDS)
def test_watchdog_hears_nothing_of_a_server_that_hangs(
    backend: str, watchdog: Systemd, tmp_path: Path, gate: Gate
) -> None:
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, *ONE_AT_A_TIME[backend], "behaviour:app")
        env = {**WATCHED, "NOTIFY_SOCKET": watchdog.variable, "GATE": gate.path}
        with served(*options, fd=sock.fileno(), **env) as process:
            watchdog.hears("WATCHDOG=1")
            with client(sock) as connection:
                connection.request("GET", "/hold")
                gate.wait()
                # bjoern's loop gives one more sign of life, that it has called the app.
                assert watchdog.hears_nothing(SECONDS) or watchdog.hears_nothing(SECONDS)
                gate.open()
                watchdog.hears("WATCHDOG=1")
                assert connection.getresponse().status == 200
            assert process.terminate() == ExitStatus.OK


@pytest.mark.parametrize("backend", [name for name in BACKENDS if "threads" in find(name).options])
def test_watchdog_hears_of_a_server_with_a_thread_to_spare(
    backend: str, watchdog: Systemd, tmp_path: Path, gate: Gate
) -> None:
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, "--threads", "2", "behaviour:app")
        env = {**WATCHED, "NOTIFY_SOCKET": watchdog.variable, "GATE": gate.path}
        with (
            served(*options, fd=sock.fileno(), **env) as process,
            client(sock) as one,
            client(sock) as two,
        ):
            one.request("GET", "/hold")
            gate.wait()
            assert not watchdog.hears_nothing(PATIENCE)
            two.request("GET", "/hold")
            gate.wait()
            assert watchdog.hears_nothing(SECONDS)
            gate.open()
            watchdog.hears("WATCHDOG=1")
            assert one.getresponse().status == two.getresponse().status == 200
            assert process.terminate() == ExitStatus.OK


def test_variables_do_not_reach_the_app(watchdog: Systemd, tmp_path: Path) -> None:
    (tmp_path / "showing.py").write_text(SHOWING)
    with listening("tcp", tmp_path) as sock:
        env = {
            **WATCHED,
            "NOTIFY_SOCKET": watchdog.variable,
            "LISTEN_FDS": "1",
            "LISTEN_PID": "1",
            "LISTEN_FDNAMES": "web",
        }
        with Process(command("--fd", "0", "showing:app"), cwd=tmp_path, env=env, stdin=sock.fileno()) as process:
            assert get(sock)[1].startswith(b"([], ")
            assert process.terminate() == ExitStatus.OK


def test_a_socket_of_somebody_else_is_left_alone(watchdog: Systemd, tmp_path: Path) -> None:
    """As under a circusd that is a service: STOPPING=1 of a worker would end it."""
    with listening("tcp", tmp_path) as sock:
        env = {**WATCHED, "NOTIFY_SOCKET": watchdog.variable, "SYSTEMD_EXEC_PID": str(os.getpid())}
        with served("--fd", str(sock.fileno()), "behaviour:app", fd=sock.fileno(), **env) as process:
            assert get(sock)[0] == 200
            assert process.terminate() == ExitStatus.OK
    assert watchdog.hears_nothing(0.01)


def test_a_watchdog_of_somebody_else_is_told_nothing(watchdog: Systemd, tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        env = {**WATCHED, "NOTIFY_SOCKET": watchdog.variable, "WATCHDOG_PID": str(os.getpid())}
        with served("--fd", str(sock.fileno()), "behaviour:app", fd=sock.fileno(), **env) as process:
            watchdog.hears("READY=1")
            assert watchdog.hears_nothing(SECONDS)
            assert process.terminate() == ExitStatus.OK


def test_failure_is_in_the_status(watchdog: Systemd) -> None:
    with chaussette("broken.raising:app", NOTIFY_SOCKET=watchdog.variable, SYSTEMD_EXEC_PID="") as process:
        watchdog.hears("STATUS=broken.raising:app: importing broken.raising raised ValueError: no database")
        assert process.ended() == ExitStatus.APP


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("/nowhere/notify", "NOTIFY_SOCKET /nowhere/notify: [Errno 2] No such file or directory"),
        ("vsock:2:1234", "NOTIFY_SOCKET vsock:2:1234 is no unix socket"),
    ],
)
def test_a_socket_that_cannot_be_told_is_only_told_of(where: str, words: str, tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        env = {"NOTIFY_SOCKET": where, "SYSTEMD_EXEC_PID": ""}
        with served("--fd", str(sock.fileno()), "behaviour:app", fd=sock.fileno(), **env) as process:
            assert get(sock)[0] == 200
            assert process.terminate() == ExitStatus.OK
            assert process.log.count(words) == 1


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "chaussette", *arguments]


def served(*arguments: str, fd: int, **env: str) -> Process:
    """The server on a socket of the test's own."""
    return Process(command(*arguments), fds=[fd], env=env)
