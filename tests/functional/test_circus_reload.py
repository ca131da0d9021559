"""Circus with Chaussette's hook: a reload starts the new workers, waits until they serve, and stops the old ones then."""

import os
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from live import PATIENCE, Gate, Process
from managers import BIN, SEARCH_PATH, SERVER, Circus, Network, circusd, kill_children, who_answers

pytestmark = pytest.mark.timeout(120)

CONFIG = """\
[circus]
check_delay = 1
endpoint = tcp://127.0.0.1:5555
pubsub_endpoint = tcp://127.0.0.1:5556
stats_endpoint = tcp://127.0.0.1:5557

[watcher:web]
cmd = COMMAND
numprocesses = 2
use_sockets = True
copy_env = True
hooks.after_spawn = chaussette.circus.wait_ready

[socket:web]
host = 127.0.0.1
port = 8000
"""
COMMAND = "chaussette --fd $(circus.sockets.web) --backend fast server:app"
AT_THE_GATE = """\
import os, socket
with socket.socket(socket.AF_UNIX) as gate:
    gate.connect(os.environ["GATE"])
    gate.recv(2)
"""
FAILING = "import no_such_module\n"
STAYS = "does not serve, and the old ones stay: "


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


@contextmanager
def commanded(circus: Circus, *words: str) -> Iterator[None]:
    """Run a circusctl command beside the block; it has succeeded when the block has ended."""
    said: list[str] = []
    thread = threading.Thread(target=lambda: said.append(circus.ctl(*words)))
    thread.start()
    yield
    thread.join(2 * PATIENCE)
    assert said == ["ok"]


@pytest.mark.parametrize(
    "command",
    [COMMAND, f"/bin/sh -c 'exec env SHOWN=yes {COMMAND}'"],
    ids=["plain", "wrapped"],
)
def test_old_workers_serve_until_the_new_ones_do(command: str, network: Network, tmp_path: Path) -> None:
    gate, app = Gate(tmp_path), tmp_path / "server.py"
    with circusd(CONFIG.replace("COMMAND", command), tmp_path, network, GATE=gate.path) as circus:
        old = circus.workers()
        assert who_answers(network.get, old) == old
        app.write_text(AT_THE_GATE + SERVER)
        with commanded(circus, "reload", "web", "--waiting"):
            gate.wait()  # the first new worker imports the app
            assert who_answers(network.get, old) == old
            gate.open()
            gate.wait()
            gate.open()
        new = circus.workers()
        assert len(new) == 2
        assert not new & old
        assert who_answers(network.get, new) == new
    gate.close()


def test_a_release_that_fails_leaves_the_old_workers_and_the_log_says_why(network: Network, tmp_path: Path) -> None:
    app = tmp_path / "server.py"
    with circusd(CONFIG.replace("COMMAND", COMMAND), tmp_path, network) as circus:
        old = circus.workers()
        app.write_text(FAILING)
        for attempt in (1, 2):
            assert circus.ctl("reload", "web", "--waiting") == "ok"
            line = circus.process.wait_for(STAYS, times=attempt)
            assert "server:app: importing server raised ModuleNotFoundError: No module named 'no_such_module'" in line
            assert re.search(r"web: the new worker \d+ does not", line)
            time.sleep(0.5)  # what is spawned within 0.25 s of a failure is of the same reload, and the log has said it
        assert circus.ctl("status", "web") == "active"
        assert circus.workers() == old
        assert who_answers(network.get, old) == old
        app.write_text(SERVER)
        assert circus.ctl("reload", "web", "--waiting") == "ok"
        new = circus.workers()
        assert not new & old
        assert who_answers(network.get, new) == new
        assert circus.process.log.count(STAYS) == 2
        assert "Hook 'after_spawn' failed" not in circus.process.log


def test_a_release_that_fails_and_an_old_worker_that_dies_meanwhile_end_nothing_else(
    network: Network, tmp_path: Path
) -> None:
    """Circus would stop the whole watcher if the hook refused a worker that replaces none."""
    app = tmp_path / "server.py"
    with circusd(CONFIG.replace("COMMAND", COMMAND), tmp_path, network) as circus:
        victim, other = circus.workers()
        app.write_text(FAILING)
        os.kill(victim, signal.SIGKILL)
        circus.process.wait_for("before exiting: the process manager would start this again at once", times=2)
        assert circus.ctl("status", "web") == "active"
        assert int(network.get()) == other


def test_a_release_that_hangs_leaves_the_old_workers_too(network: Network, tmp_path: Path) -> None:
    gate, app = Gate(tmp_path), tmp_path / "server.py"
    config = CONFIG.replace("COMMAND", COMMAND).replace("use_sockets", "ready_timeout = 0.5\nuse_sockets")
    with circusd(config, tmp_path, network, GATE=gate.path) as circus:
        old = circus.workers()
        app.write_text(AT_THE_GATE + SERVER)
        assert circus.ctl("reload", "web", "--waiting") == "ok"
        assert "it has not said within 0.5 seconds" in circus.process.wait_for(STAYS)
        assert circus.workers() == old
        assert who_answers(network.get, old) == old
    gate.close()


def test_a_worker_that_is_killed_as_it_starts_is_noticed(network: Network, tmp_path: Path) -> None:
    app = tmp_path / "server.py"
    with circusd(CONFIG.replace("COMMAND", COMMAND), tmp_path, network) as circus:
        old = circus.workers()
        app.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n")
        assert circus.ctl("reload", "web", "--waiting") == "ok"
        assert "it has ended by signal 9" in circus.process.wait_for(STAYS)
        assert circus.workers() == old


def test_sequential_reload_waits_for_each_new_worker(network: Network, tmp_path: Path) -> None:
    gate, app = Gate(tmp_path), tmp_path / "server.py"
    with circusd(CONFIG.replace("COMMAND", COMMAND), tmp_path, network, GATE=gate.path) as circus:
        old = circus.workers()
        app.write_text(AT_THE_GATE + SERVER)
        with commanded(circus, "reload", "web", "--waiting", "--sequential"):
            gate.wait()
            assert int(network.get()) in old  # the other one is stopped already
            gate.open()
            gate.wait()
            assert int(network.get()) not in old
            gate.open()
        new = circus.workers()
        assert not new & old
        assert who_answers(network.get, new) == new
    gate.close()


def test_circusd_that_starts_with_an_app_that_fails_goes_on_trying(network: Network, tmp_path: Path) -> None:
    app = tmp_path / "server.py"
    app.write_text(FAILING)
    with circusd(CONFIG.replace("COMMAND", COMMAND), tmp_path, network) as circus:
        circus.process.wait_for("before exiting", times=4)
        assert circus.ctl("status", "web") == "active"
        with network.client() as queued:
            queued.request("GET", "/")
            app.write_text(SERVER)  # which the next attempt finds
            assert queued.getresponse().status == 200


def test_circusd_that_is_killed_leaves_no_orphan_and_no_request(network: Network, tmp_path: Path) -> None:
    gate = Gate(tmp_path)
    config = CONFIG.replace("COMMAND", COMMAND.replace("server:app", "--exit-with-parent server:app"))
    config = re.sub("stats_endpoint.*\n", "", config)  # what that starts outlives circusd, whatever we do
    (tmp_path / "circus.ini").write_text(config)
    (tmp_path / "server.py").write_text(f"def app(environ, start_response):\n{indented(AT_THE_GATE)}{ANSWER}")
    command = network.inside(BIN / "circusd", "circus.ini")
    env = {"PATH": SEARCH_PATH, "TMPDIR": str(tmp_path), "GATE": gate.path}
    with Process(command, cwd=tmp_path, env=env) as process:
        try:
            process.wait_for("Using", times=2)
            with network.client() as connection:
                connection.request("GET", "/")
                gate.wait()
                process.signal(signal.SIGKILL)
                process.wait_for("SIGTERM: finishing what is in flight", times=2)
                gate.open()
                assert connection.getresponse().read() == b"held"
            process.wait_for("Stopped: all requests are answered", times=2)
            assert process.wait_for_end()
            with pytest.raises(ConnectionRefusedError):
                network.connect()
        finally:
            if process.popen.poll() is None:
                kill_children(process)
    gate.close()


ANSWER = "    start_response('200 OK', [])\n    return [b'held']\n"


def indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.splitlines())
