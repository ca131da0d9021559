"""Signals, deadlines and exit statuses, and what happens to an app that fails again and again."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaussette.backend import find
from chaussette.errors import ExitStatus
from live import APPS, BACKENDS, PATIENCE, Gate, Process, chaussette, client, get, listening


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda number: number.name)
def test_other_signals_drain_too(backend: str, number: signal.Signals, tmp_path: Path) -> None:
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, "behaviour:app")
        with chaussette(*options, fds=[sock.fileno()]) as process:
            assert get(sock)[0] == 200
            process.signal(number)
            assert process.ended() == ExitStatus.OK
            assert f"{number.name}: finishing" in process.log
            assert "Traceback" not in process.log


@pytest.mark.parametrize(
    ("backend", "app", "path"),
    [
        *((backend, "behaviour:app", "/hold") for backend in BACKENDS),
        *((backend, "asynchronous:app", "/stream") for backend in BACKENDS if "asgi" in find(backend).protocols),
    ],
)
def test_deadline_cuts_what_is_in_flight_and_counts_it(
    backend: str, app: str, path: str, tmp_path: Path, gate: Gate
) -> None:
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, "--graceful-timeout", "0.5", app)
        with chaussette(*options, fds=[sock.fileno()], GATE=gate.path) as process, client(sock) as connection:
            connection.request("GET", path)
            gate.wait()
            process.signal(signal.SIGTERM)
            assert process.ended() == ExitStatus.DEADLINE
            assert "Ending now, 0.5 seconds have passed: 1 request cut" in process.log


HOOK = """\
import os, socket, sys

def hook(config):
    with socket.socket(socket.AF_UNIX) as gate:
        gate.connect(os.environ["GATE"])
        gate.recv(2)
    print("the hook has ended", file=sys.stderr)

def app(environ, start_response):
    start_response("200 OK", [])
    return []
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_signal_that_is_repeated_at_the_end_changes_nothing(
    number: signal.Signals, tmp_path: Path, gate: Gate
) -> None:
    (tmp_path / "hooked.py").write_text(HOOK)
    options = ("--bind", f"unix:{tmp_path}/own.sock", "--post-hook", "hooked:hook", "hooked:app")
    with chaussette(*options, cwd=tmp_path, GATE=gate.path) as process:
        process.wait_for("Using")
        process.signal(signal.SIGTERM)
        gate.wait()
        process.signal(number)
        gate.open()
        assert process.ended() == ExitStatus.OK
        assert "the hook has ended" in process.log


@pytest.mark.parametrize("backend", BACKENDS)
def test_second_signal_ends_at_once_and_counts(backend: str, tmp_path: Path, gate: Gate) -> None:
    bind = f"unix:{tmp_path}/own.sock"
    options = ("--bind", bind, "--backend", backend, "behaviour:app")
    with chaussette(*options, GATE=gate.path) as process:
        process.wait_for("Serving on")
        with client(f"{tmp_path}/own.sock") as connection:
            connection.request("GET", "/hold")
            gate.wait()
            process.signal(signal.SIGTERM)
            process.wait_for("finishing what is in flight")
            process.signal(signal.SIGINT)
            assert process.ended() == ExitStatus.IMPATIENT
            assert "Ending now, a second signal, SIGINT: 1 request cut" in process.log
    assert not (tmp_path / "own.sock").exists()


def test_ignored_signal_stays_ignored(tmp_path: Path) -> None:
    """nohup(1), and a shell that starts a job in the background, ignore signals on purpose."""
    with listening("tcp", tmp_path) as sock:
        command = ["nohup", sys.executable, "-m", "chaussette", "--fd", str(sock.fileno()), "behaviour:app"]
        with Process(command, fds=[sock.fileno()]) as process:
            assert get(sock)[0] == 200
            process.signal(signal.SIGHUP)
            assert get(sock)[0] == 200
            assert process.terminate() == ExitStatus.OK
            assert "SIGHUP" not in process.log


FORKING = """\
import os, signal

# The parent goes on when its child has ended: whoever waits for a child must hear of that too.
os.register_at_fork(after_in_parent=lambda: os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT))

def app(environ, start_response):
    child = os.fork()
    if child == 0:
        signal.raise_signal(signal.SIGTERM)
        os._exit(1)
    _, status = os.waitpid(child, 0)
    start_response("200 OK", [])
    return [b"%d" % -os.waitstatus_to_exitcode(status)]
"""


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_child_that_the_app_has_forked_drains_nothing(backend: str, tmp_path: Path) -> None:
    """As multiprocessing forks, and ends by SIGTERM what it has forked: at once, and the socket file stays ours."""
    (tmp_path / "forking.py").write_text(FORKING)
    bind = f"{tmp_path}/own.sock"
    with chaussette("--bind", f"unix:{bind}", "--backend", backend, "forking:app", cwd=tmp_path) as process:
        process.wait_for("Using")
        assert get(bind)[1] == b"%d" % signal.SIGTERM
        assert get(bind)[1] == b"%d" % signal.SIGTERM
        assert process.terminate() == ExitStatus.OK
        assert process.log.count("finishing what is in flight") == 1


LOGGING = """\
import logging, random, signal

logger = logging.getLogger("chaussette")

def app(environ, start_response):
    signal.signal(signal.SIGALRM, lambda *_: logger.info("a line of a signal handler"))
    for _ in range(5000):
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 1e-4))
        logger.info("a line that may be interrupted")
    signal.setitimer(signal.ITIMER_REAL, 0)
    start_response("200 OK", [])
    return [b"all are written"]
"""


@pytest.mark.parametrize("backend", [name for name in BACKENDS if find(name).monkey])
def test_a_signal_handler_logs_whichever_line_it_interrupts(backend: str, tmp_path: Path) -> None:
    """Ours does. The locks of a patched standard library do not bear that, where the app is in the main thread."""
    (tmp_path / "logging_app.py").write_text(LOGGING)
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, "logging_app:app")
        with chaussette(*options, fds=[sock.fileno()], cwd=tmp_path) as process:
            assert get(sock) == (200, b"all are written")
            assert process.terminate() == ExitStatus.OK
            assert "a line of a signal handler" in process.log


STARTING = """\
import random, signal, sys
from chaussette.backend import get
from chaussette.logs import configure, let_signal_handlers_log, logger

configure("info", "/dev/null")
get(sys.argv[1]).setup()
let_signal_handlers_log()
signal.signal(signal.SIGALRM, lambda *_: logger.info("a line of a signal handler"))
for _ in range(20000):
    signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 6e-5))
    logger.manager._clear_cache()
    logger.info("a line that may be interrupted")
signal.setitimer(signal.ITIMER_REAL, 0)
print("all are written")
"""


@pytest.mark.parametrize("backend", [name for name in BACKENDS if find(name).monkey])
def test_a_signal_handler_logs_whichever_line_of_the_start_it_interrupts(backend: str) -> None:
    """There the main greenlet logs, which takes other ways than the app's to its name and to the level."""
    done = subprocess.run([sys.executable, "-c", STARTING, backend], stdout=subprocess.PIPE, timeout=PATIENCE)
    assert done.stdout == b"all are written\n"


def test_ctrl_c_during_the_import_is_quiet(tmp_path: Path, gate: Gate) -> None:
    (tmp_path / "importing.py").write_text(
        "import os, socket\nwith socket.socket(socket.AF_UNIX) as gate:\n"
        "    gate.connect(os.environ['GATE'])\n    gate.recv(2)\n"
    )
    with chaussette("importing:app", cwd=tmp_path, GATE=gate.path) as process:
        gate.wait()
        process.signal(signal.SIGINT)
        assert process.ended() == 128 + signal.SIGINT
        assert "Traceback" not in process.log


def test_app_that_fails_under_a_manager_waits_and_the_wait_grows(tmp_path: Path) -> None:
    """The test is the manager here: it leads no terminal, and it starts the app anew as soon as it has ended."""
    waits = []
    for _ in range(3):
        with chaussette("broken.raising:app", session=True, TMPDIR=str(tmp_path)) as process:
            line = process.wait_for("before exiting: the process manager would start this again at once")
            waits.append(int(line.split("Waiting ")[1].split(" s ")[0]))
            assert process.ended() == ExitStatus.APP
    assert waits[0] == 1
    assert waits == sorted(waits)
    memory = next(tmp_path.glob("chaussette-failing-*"))
    os.utime(memory, (memory.stat().st_atime, memory.stat().st_mtime - 20))
    with chaussette("broken.raising:app", session=True, TMPDIR=str(tmp_path)) as process:
        line = process.wait_for("before exiting")
        assert 20 <= int(line.split("Waiting ")[1].split(" s ")[0]) <= 30
        assert process.terminate() == -signal.SIGTERM  # a reload need not sit the wait out


def test_listener_that_is_refused_under_a_manager_waits_too(tmp_path: Path) -> None:
    with chaussette("--fd", "99", "behaviour:app", session=True, TMPDIR=str(tmp_path)) as process:
        process.wait_for("Waiting 1 s before exiting")
        assert process.ended() == ExitStatus.LISTENER


def test_a_command_that_serves_nothing_does_not_wait(tmp_path: Path) -> None:
    with chaussette("config", "nobody", session=True, TMPDIR=str(tmp_path)) as process:
        assert process.ended() == ExitStatus.USAGE
        assert "before exiting" not in process.log


def test_app_that_serves_again_forgets_its_failures(tmp_path: Path) -> None:
    app = tmp_path / "recovering.py"
    app.write_text("raise RuntimeError('not yet')\n")
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "recovering:app")
        with chaussette(*options, fds=[sock.fileno()], cwd=tmp_path, session=True, TMPDIR=str(tmp_path)) as process:
            process.wait_for("before exiting")
        assert list(tmp_path.glob("chaussette-failing-*"))
        app.write_text((APPS / "behaviour.py").read_text())
        with chaussette(*options, fds=[sock.fileno()], cwd=tmp_path, session=True, TMPDIR=str(tmp_path)) as process:
            assert get(sock)[0] == 200
            assert process.terminate() == ExitStatus.OK
    assert not list(tmp_path.glob("chaussette-failing-*"))


def test_app_that_fails_by_hand_does_not_wait(tmp_path: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "chaussette", "broken.raising:app"],
        cwd=APPS,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert run.returncode == ExitStatus.APP
    assert "Waiting" not in run.stderr
    assert not list(tmp_path.iterdir())
