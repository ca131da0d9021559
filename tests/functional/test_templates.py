"""What `chaussette config` prints, as it is: each manager is started with it, and replaces the workers under load.

Then a release that does not import is deployed, in the way that the configuration names: the old workers stay. And an app that
never imports is started: the manager does not start it all the time.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from clients import Clients
from live import PATIENCE, Process
from managers import BIN, SEARCH_PATH, SERVER, Network, managing, tool

pytestmark = pytest.mark.timeout(240)  # dozens of processes in a row, each slow where others use the machine too

BROKEN = "import no_such_module\n"
START = {
    "circus": [str(BIN / "circusd"), "circus.ini"],
    "supervisor": [str(BIN / "supervisord"), "--configuration", "supervisord.conf"],
    "s6": ["s6-svscan", "."],
}
CTL = {
    "circus": [str(BIN / "circusctl"), "--endpoint", "ipc://circus.sock", "--timeout", "120"],
    "supervisor": [str(BIN / "supervisorctl"), "--configuration", "supervisord.conf"],
}


class Managed:
    """A manager that runs with a printed configuration, in a folder with an app."""

    def __init__(self, kind: str, folder: Path, network: Network, *options: str) -> None:
        self.kind, self.folder, self.network = kind, folder, network
        (folder / "server.py").write_text(SERVER)
        path = [str(folder), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._environ = {"PATH": SEARCH_PATH, "TMPDIR": str(folder), "PYTHONPATH": os.pathsep.join(path)}
        if kind == "s6":
            tool("s6-svscan")
        self.run(sys.executable, "-m", "chaussette", "config", *options, "--output", ".", kind, "server:app")
        if kind == "s6":
            log = folder / "web/log/run"
            log.write_text(log.read_text().replace("exec s6-log", "tee /dev/stderr | s6-log"))  # for us to read as well

    def run(self, *command: str, status: int = 0) -> str:
        """What a command prints, which must end with `status`."""
        done = subprocess.run(
            self.network.inside(*command),
            cwd=self.folder,
            env={**os.environ, **self._environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
        assert done.returncode == status, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def ctl(self, *words: str, status: int = 0) -> str:
        return self.run(*CTL[self.kind], *words, status=status)

    def release(self, text: str) -> None:
        """Change the app, in a way that no cache of compiled modules hides."""
        (self.folder / "server.py").write_text(text)
        for cached in self.folder.glob("__pycache__/server.*"):
            cached.unlink()

    @contextmanager
    def started(self) -> Iterator[Process]:
        """Run the manager; all that it starts ends with it."""
        command = START[self.kind]
        with Process(self.network.inside(*command), cwd=self.folder, env=self._environ) as process, managing(process):
            yield process


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="web") as name:  # not tmp_path, too long for a socket's path
        yield Path(name)


@pytest.fixture
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


def replaced(clients: Clients, workers: Callable[[], set[int]], deploy: Callable[[], object]) -> None:
    """Deploy under load: other workers, and they answer."""
    old = workers()
    clients.more(20)
    deploy()
    new = workers()
    assert len(new) == len(old)
    assert not new & old
    for pid in new:
        clients.meet(b"%d" % pid)


ADDRESS = ("--bind", "127.0.0.1:8000")
OPTIONS = ("--workers", "2", *ADDRESS, "--backend")


@pytest.mark.parametrize("backend", ["waitress", "fast"])
def test_circus(backend: str, folder: Path, network: Network) -> None:
    circus = Managed("circus", folder, network, *OPTIONS, backend)

    def workers() -> set[int]:
        return {int(pid) for pid in circus.ctl("list", "web").split(",")}

    with circus.started() as process:
        process.wait_for("Using <class", times=2)
        with Clients(network.connect) as clients:
            for words in (("reload", "web"), ("reload", "web", "--sequential"), ("restart", "web")):
                replaced(clients, workers, lambda words=words: circus.ctl(*words, "--waiting"))  # type: ignore[misc]
            old = workers()
            circus.release(BROKEN)
            circus.ctl("reload", "web", "--waiting")
            process.wait_for("does not serve, and the old ones stay: server:app: importing server raised")
            assert workers() == old
            circus.release(SERVER)
            replaced(clients, workers, lambda: circus.ctl("reload", "web", "--waiting"))


def test_supervisor(folder: Path, network: Network) -> None:
    supervisor = Managed("supervisor", folder, network, *OPTIONS, "waitress")
    names = ("web:web_0", "web:web_1")

    def workers() -> set[int]:
        return {int(supervisor.ctl("pid", name)) for name in names}

    def deploy() -> None:
        for name in names:
            supervisor.ctl("restart", name)

    with supervisor.started() as process:
        process.wait_for("entered RUNNING state", times=2)
        with Clients(network.connect) as clients:
            replaced(clients, workers, deploy)
            first, second = (int(supervisor.ctl("pid", name)) for name in names)
            os.kill(first, signal.SIGTERM)
            process.wait_for("spawned: 'web_0'", times=3)  # whoever told it to end
            supervisor.release(BROKEN)
            supervisor.ctl("restart", names[0], status=7)
            assert int(supervisor.ctl("pid", names[1])) == second
            clients.more(20)
            supervisor.release(SERVER)


def s6_pid(worker: Path) -> int:
    words = subprocess.run(
        [tool("s6-svstat"), "-o", "pid", worker], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    return int(words.stdout)


def test_s6(folder: Path, network: Network) -> None:
    service = Managed("s6", folder, network, *OPTIONS, "fast")
    places = [folder / f"web/workers/{number}" for number in (1, 2)]

    def workers() -> set[int]:
        return {s6_pid(place) for place in places}

    with service.started() as process:
        process.wait_for("Using <class", times=2)
        with Clients(network.connect) as clients:
            replaced(clients, workers, lambda: service.run("web/reload"))
            old = workers()
            service.release(BROKEN)
            reload = (folder / "web/reload").read_text()
            (folder / "web/reload").write_text(reload.replace("-T 120000", "-T 3000"))
            service.run("web/reload", status=99)
            assert len(workers() & old) == 1
            clients.more(20)
            service.release(SERVER)
            (folder / "web/reload").write_text(reload)
            replaced(clients, lambda: {s6_pid(places[1])}, lambda: service.run("web/reload"))
    assert "Stopped: all requests are answered" in (folder / "web/log/main/current").read_text()


def test_s6_starts_anew_what_holds_the_socket(folder: Path, network: Network) -> None:
    service = Managed("s6", folder, network, *OPTIONS, "fast")
    with service.started() as process:
        process.wait_for("Using <class", times=2)
        old = int(network.get())
        os.kill(s6_pid(folder / "web"), signal.SIGKILL)
        process.wait_for("Using <class", times=4)
        assert int(network.get()) in {s6_pid(folder / f"web/workers/{number}") for number in (1, 2)} - {old}
        assert process.log.count("Stopped: all requests are answered") == 2
        assert "Traceback" not in process.log


@pytest.mark.parametrize("kind", ["circus", "s6"])
def test_an_app_that_does_not_import_waits_longer_each_time(kind: str, folder: Path, network: Network) -> None:
    site = Managed(kind, folder, network, "--workers", "1", *ADDRESS)
    site.release(BROKEN)
    with site.started() as process:
        process.wait_for("Waiting", times=4)
        log = process.log
    entries(log, "server:app: importing server raised ModuleNotFoundError")


def test_supervisor_itself_waits_longer_each_time(folder: Path, network: Network) -> None:
    site = Managed("supervisor", folder, network, "--workers", "1", *ADDRESS)
    site.release(BROKEN)
    with site.started() as process:
        process.wait_for("spawned: 'web_0'", times=4)
        starts = [datetime.fromisoformat(line[:23]) for line in process.log.splitlines() if "spawned: 'web_0'" in line]
    assert process.log.count("exited: web_0 (exit status 3; not expected)") in (3, 4)
    waits = [(after - before).total_seconds() for before, after in pairwise(starts)]
    assert all(wait >= least for wait, least in zip(waits, (1, 2, 3), strict=False)), waits
    log = (folder / "web.log").read_text()
    assert log.count("[ERROR] server:app: importing server raised") in (len(starts) - 1, len(starts))
    assert "Waiting" not in log


def entries(log: str, text: str) -> None:
    """See that each failure has one entry in the log, and that the next one came after the wait, which grows."""
    failures = re.findall(rf"\[([-\d: ]+)\] \[(\d+)\] \[ERROR\] {text}", log)
    waits = [int(seconds) for seconds in re.findall(r"Waiting (\d+) s before exiting", log)]
    assert len(failures) == len({pid for _, pid in failures}) >= len(waits) >= 4
    assert waits[0] == 1
    assert waits == sorted(waits)
    assert waits[3] > 1
    times = [datetime.fromisoformat(time) for time, _ in failures]
    for wait, before, after in zip(waits, times, times[1:], strict=False):
        assert (after - before).total_seconds() >= wait - 1.5  # both are rounded to whole seconds


ENGINE = """\
import os
import signal
import sys
import time

class Server:
    @classmethod
    def setup(cls): ...
    def __init__(self, app, listeners, config): ...
    def shutdown(self): ...
    def in_flight(self): return 0

class Returns(Server):
    def serve(self): ...

class Killed(Server):
    def serve(self):
        with open("times", "a") as file:
            print(time.monotonic(), file=file)
        print("This one dies", file=sys.stderr)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def install_engines(folder: Path) -> None:
    """Install engines that die at once, as another package does."""
    (folder / "dying.py").write_text(ENGINE)
    info = folder / "dying-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dying\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[chaussette.backends]\nreturns = dying:Returns\nkilled = dying:Killed\n")


@pytest.mark.parametrize("kind", ["circus", "s6"])
def test_an_engine_that_ends_at_once_waits_longer_each_time(kind: str, folder: Path, network: Network) -> None:
    install_engines(folder)
    site = Managed(kind, folder, network, "--workers", "1", *ADDRESS, "--backend", "returns")
    with site.started() as process:
        process.wait_for("Waiting", times=4)
        log = process.log
    entries(log, "The engine has ended by itself")


@pytest.mark.parametrize("kind", ["circus", "supervisor", "s6"])
def test_an_engine_that_is_killed_at_once_is_started_once_a_second_at_most(
    kind: str, folder: Path, network: Network
) -> None:
    install_engines(folder)
    site = Managed(kind, folder, network, "--workers", "1", *ADDRESS, "--backend", "killed")
    with site.started() as process:
        process.wait_for("terminated by SIGKILL" if kind == "supervisor" else "This one dies", times=4)
        times = [float(line) for line in (folder / "times").read_text().split()]
    assert times[3] - times[0] > 1.9
