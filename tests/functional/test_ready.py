"""Who started a process learns when it serves, and a process learns when who started it is gone."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chaussette.errors import ExitStatus
from chaussette.manager import beacon
from live import APPS, BACKENDS, PATIENCE, Gate, Process, chaussette, client, get, listening

IMPORTING = """\
import os, socket, subprocess
with socket.socket(socket.AF_UNIX) as gate:
    gate.connect(os.environ["GATE"])
    gate.recv(2)
# It ends with us, and has all that we do not keep from it.
child = subprocess.Popen(["cat"], stdin=subprocess.PIPE, close_fds=False)
from behaviour import app
"""
PATH = f"{APPS}:{os.environ.get('PYTHONPATH', '')}"
PARENT = "import subprocess, sys; subprocess.Popen(sys.argv[1:], close_fds=False).wait()"


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe, whose end to write is the server's to close."""
    read, write = os.pipe()
    try:
        yield read, write
    finally:
        os.close(read)


def is_readable(fd: int, seconds: float = 0.0) -> bool:
    return bool(select.select([fd], [], [], seconds)[0])


@pytest.fixture
def importing(tmp_path: Path) -> Path:
    """A folder with an app that stands at the gate while it is imported."""
    (tmp_path / "importing.py").write_text(IMPORTING)
    return tmp_path


@pytest.mark.parametrize("backend", BACKENDS)
def test_ready_fd_gets_a_newline_and_is_closed_once_the_server_accepts(
    backend: str, importing: Path, gate: Gate
) -> None:
    with listening("tcp", importing) as sock, pipe() as (read, write):
        options = ("--fd", str(sock.fileno()), "--ready-fd", str(write), "--backend", backend, "importing:app")
        with chaussette(
            *options, fds=[sock.fileno(), write], cwd=importing, GATE=gate.path, PYTHONPATH=PATH
        ) as process:
            os.close(write)
            gate.wait()
            assert not is_readable(read)
            gate.open()
            assert is_readable(read, PATIENCE), process.log
            assert os.read(read, 10) == b"\n"
            assert is_readable(read, PATIENCE), "it is open still, perhaps in the app's child"
            assert os.read(read, 10) == b""
            process.wait_for("Using")
            assert get(sock)[0] == 200
            assert process.terminate() == ExitStatus.OK


def test_ready_fd_that_nobody_reads_any_more_is_only_told(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        read, write = os.pipe()
        os.close(read)
        options = ("--fd", str(sock.fileno()), "--ready-fd", str(write), "behaviour:app")
        with chaussette(*options, fds=[sock.fileno(), write]) as process:
            os.close(write)
            process.wait_for(f"--ready-fd {write}: nobody was told that this process serves (Broken pipe)")
            assert get(sock)[0] == 200
            assert process.terminate() == ExitStatus.OK


@pytest.mark.parametrize("backend", ["fast", "fastgevent", "waitress", "gevent", "meinheld", "wsgiref"])
def test_server_drains_when_its_parent_is_killed(backend: str, tmp_path: Path, gate: Gate) -> None:
    with listening("tcp", tmp_path) as sock:
        options = ["--fd", str(sock.fileno()), "--exit-with-parent", "--backend", backend, "behaviour:app"]
        server = [sys.executable, "-m", "chaussette", *options]
        command = [sys.executable, "-c", PARENT, *server]
        with (
            Process(command, fds=[sock.fileno()], env={"GATE": gate.path}) as parent,
            client(sock) as connection,
        ):
            connection.request("GET", "/hold")
            gate.wait()
            parent.signal(signal.SIGKILL)
            parent.wait_for("SIGTERM: finishing what is in flight")
            gate.open()
            assert connection.getresponse().status == 200
            parent.wait_for("Stopped: all requests are answered")


def test_server_without_the_option_outlives_its_parent(tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        server = [sys.executable, "-m", "chaussette", "--fd", str(sock.fileno()), "behaviour:app"]
        with Process([sys.executable, "-c", PARENT, *server], fds=[sock.fileno()]) as parent:
            pid = int(get(sock)[1])
            parent.signal(signal.SIGKILL)
            parent.popen.wait(PATIENCE)
            assert int(get(sock)[1]) == pid
            os.kill(pid, signal.SIGTERM)
            parent.wait_for("Stopped: all requests are answered")


def test_parent_that_goes_while_the_app_is_imported_ends_it(importing: Path, gate: Gate) -> None:
    server = [sys.executable, "-m", "chaussette", "--exit-with-parent", "--port", "0", "importing:app"]
    with Process([sys.executable, "-c", PARENT, *server], cwd=importing, env={"GATE": gate.path}) as parent:
        gate.wait()
        parent.signal(signal.SIGKILL)
        parent.popen.wait(PATIENCE)
        assert parent.wait_for_end(), parent.log
        assert "Serving" not in parent.log


def test_sigterm_that_is_said_again_cuts_nothing(tmp_path: Path, gate: Gate) -> None:
    """As when systemd stops a Circus with all its workers, and circusd stops them too."""
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "behaviour:app")
        with chaussette(*options, fds=[sock.fileno()], GATE=gate.path) as process, client(sock) as connection:
            connection.request("GET", "/hold")
            gate.wait()
            process.signal(signal.SIGTERM)
            process.wait_for("finishing what is in flight")
            process.signal(signal.SIGTERM)
            process.signal(signal.SIGHUP)
            gate.open()
            assert connection.getresponse().status == 200
            assert process.ended() == ExitStatus.OK


def test_a_process_that_serves_says_so_to_who_knows_its_pid(importing: Path, gate: Gate) -> None:
    with listening("tcp", importing) as sock:
        options = ("--fd", str(sock.fileno()), "importing:app")
        with chaussette(*options, fds=[sock.fileno()], cwd=importing, GATE=gate.path, PYTHONPATH=PATH) as process:
            gate.wait()
            assert beacon.ask(process.pid) is None
            gate.open()
            assert get(sock)[0] == 200
            assert beacon.ask(process.pid) == ""
            assert process.terminate() == ExitStatus.OK
            assert beacon.ask(process.pid) is None


def test_a_process_that_has_failed_says_why_to_its_parent_alone(tmp_path: Path) -> None:
    with chaussette("broken.raising:app", session=True, TMPDIR=str(tmp_path)) as process:
        process.wait_for("before exiting")
        reason = beacon.ask(process.pid)
        while reason is None:  # it has told the log, and is about to listen
            assert process.popen.poll() is None
            reason = beacon.ask(process.pid)
        assert reason == "broken.raising:app: importing broken.raising raised ValueError: no database"
        asking = "import sys; from chaussette.manager import beacon; print(beacon.ask(int(sys.argv[1])))"
        other = subprocess.run(
            [sys.executable, "-c", asking, str(process.pid)],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        )
        assert other.stdout in ("its log says why\n", "None\n")


def test_a_name_that_somebody_else_has_taken_is_not_believed() -> None:
    """The test takes the names of a process that says nothing."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as quiet:
        for state in ("serves", "failed"):
            with socket.socket(socket.AF_UNIX) as taken:
                taken.bind(f"\0chaussette/{quiet.pid}/{state}")
                taken.listen()
                assert beacon.ask(quiet.pid) is None
