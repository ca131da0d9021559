"""The units that `chaussette config systemd` prints: verified, rated, and started by a systemd that can harm nobody."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from clients import Clients
from live import PATIENCE, ROOT, Process, connect, listening
from managers import BIN, SERVER, Network, kill_children, tool

pytestmark = pytest.mark.timeout(120)

UNITS = ("web.socket", "web@.service", "web.target")
TARGETS = ("basic", "shutdown", "sockets")
"""Units that every unit needs by default: here they are empty."""
NOT_HERE = "DynamicUser=no\nProtectHome=no\nProtectKernelLogs=no\nProtectKernelTunables=no\n"
"""What a user's instance or a read-only machine cannot do; all other restrictions are in force in the test."""
OPTIONS = ("--workers", "2", "--bind", "127.0.0.1:8000", "--backend", "fast")


def printed(folder: Path) -> Path:
    """The units for an app in `folder`, in a folder of their own."""
    command = [sys.executable, "-m", "chaussette", "config", *OPTIONS, "--output", "units", "systemd", "server:app"]
    subprocess.run(command, cwd=folder, timeout=PATIENCE, check=True)
    return folder / "units"


def test_systemd_takes_the_units_and_rates_them(tmp_path: Path) -> None:
    folder = printed(tmp_path)
    units = [str(folder / unit) for unit in UNITS]
    command = [tool("systemd-analyze"), "verify", *units]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    command = [tool("systemd-analyze"), "security", "--offline=true", units[1]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    rated = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert rated, done
    shown = re.search(r"at ([\d.]+) of 10", (ROOT / "docs/howto-systemd.md").read_text())
    assert shown
    # Each version of systemd looks at more than the one before.
    assert float(rated[1]) <= float(shown[1]) + 0.5


def test_no_request_is_lost_when_the_line_of_the_unit_is_started_again(tmp_path: Path) -> None:
    """What systemd does in a restart, where none can be started: the socket stays, a worker ends, another one starts."""
    text = (printed(tmp_path) / "web@.service").read_text()
    (tmp_path / "server.py").write_text(SERVER)
    found = re.search(r"^ExecStart=(.*)$", text, re.MULTILINE)
    assert found
    with listening("tcp", tmp_path) as sock, notified() as (path, told):
        line = f"exec 3<&{sock.fileno()}; export LISTEN_FDS=1 LISTEN_PID=$$ LISTEN_FDNAMES=web; exec {found[1]}"
        environ = {"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "60000000"}

        def start() -> Process:
            return Process(["bash", "-c", line], fds=[sock.fileno()], cwd=tmp_path, env=environ)

        worker = start()
        try:
            told("READY=1")
            with Clients(partial(connect, sock)) as clients:
                for _ in range(3):
                    clients.meet(b"%d" % worker.pid)
                    with worker:
                        assert worker.terminate() == 0
                    told("STOPPING=1")
                    worker = start()
                    told("READY=1")
                clients.meet(b"%d" % worker.pid)
                clients.more(100)
        finally:
            with worker:
                worker.terminate()


@contextmanager
def notified() -> Iterator[tuple[str, Callable[[str], None]]]:
    """The socket that systemd listens on for what a service says, and a way to wait until it says something."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock, tempfile.TemporaryDirectory() as name:
        sock.bind(f"{name}/notify")
        sock.settimeout(PATIENCE)

        def told(what: str) -> None:
            while what not in sock.recv(4096).decode().splitlines():
                pass

        yield f"{name}/notify", told


@pytest.fixture
def cgroup() -> Iterator[Path]:
    """A cgroup of the test's own: systemd sees nothing above it."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    roots = [Path(where) for _, where, kind, *_ in mounts if kind == "cgroup2"]
    own = Path("/proc/self/cgroup").read_text().split("0::/")[-1].strip()
    made = roots[0] / own / f"chaussette-{os.getpid()}" if roots else Path("/nowhere")
    try:
        made.mkdir()
    except OSError as error:
        pytest.skip(f"no cgroup can be made here: {error}")
    yield made
    for folder in sorted(made.rglob("*/"), reverse=True):
        if folder.is_dir():
            folder.rmdir()
    made.rmdir()


class Systemd:
    """A systemd in namespaces of its own, and what systemctl does to it."""

    def __init__(self, process: Process) -> None:
        self.process = process
        [child] = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        self._inside = [tool("nsenter"), f"--target={child}", "--mount", "--pid", "--cgroup"]

    def ctl(self, *words: str, status: int = 0) -> str:
        """What systemctl says, which must end with `status`."""
        command = [*self._inside, "env", "XDG_RUNTIME_DIR=/mnt/run", "systemctl", "--user", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=2 * PATIENCE, check=False)
        assert done.returncode == status, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def pid(self, number: int) -> int:
        """The pid of a worker, as it sees itself."""
        return int(self.ctl("show", "--property=MainPID", "--value", f"web@{number}"))

    def release(self, text: str) -> None:
        """Change the app."""
        command = [*self._inside, "sh", "-c", "rm -rf /mnt/app/__pycache__; cat >/mnt/app/server.py"]
        subprocess.run(command, input=text, text=True, timeout=PATIENCE, check=True)


@contextmanager
def systemd(network: Network, cgroup: Path) -> Iterator[Systemd]:
    """Start the printed units, for an app in a folder that goes with them."""
    if os.geteuid() != 0 or not shutil.which("/lib/systemd/systemd"):
        pytest.skip("it takes root and systemd")
    kept = [str(BIN), str(ROOT)]
    if any(os.path.realpath(path).startswith(("/tmp/", "/run/", "/var/tmp/", "/mnt/")) for path in kept):
        pytest.skip(f"one of {kept} is in a folder that is hidden")
    with tempfile.TemporaryDirectory(prefix="units") as name:
        units, app = printed(Path(name)), Path(name) / "app"
        app.mkdir()
        (app / "server.py").write_text(SERVER)
        service = units / "web@.service"
        text = service.read_text().replace(f"WorkingDirectory={os.path.realpath(name)}", "WorkingDirectory=/mnt/app")
        assert "WorkingDirectory=/mnt/app" in text
        path = os.environ.get("PYTHONPATH", "")
        service.write_text(text.replace(f"{BIN}/", f"{os.path.realpath(BIN)}/"))
        (units / "web@.service.d").mkdir()
        environ = f"Environment=PYTHONPATH={os.path.realpath(path) if path else ''}\n"
        (units / "web@.service.d/here.conf").write_text(f"[Service]\n{NOT_HERE}{environ}")
        for target in TARGETS:
            (units / f"{target}.target").write_text("[Unit]\nDefaultDependencies=no\n")
        script = [str(ROOT / "tests/private_systemd.sh"), str(units), str(app), *map(os.path.realpath, kept)]
        enter = ["sh", "-c", f'echo $$ >{cgroup}/cgroup.procs && exec "$@"', "-"]
        command = [*enter, *network.inside("bash", *script)]
        with Process(command) as process:
            try:
                process.wait_for("the site is up")
                yield Systemd(process)
            finally:
                kill_children(process)
                process.signal(signal.SIGCONT)
                process.ended()


def test_no_request_is_lost_in_a_restart_of_each_worker(cgroup: Path) -> None:
    with Network() as network, systemd(network, cgroup) as manager:
        with Clients(network.connect) as clients:
            old = {manager.pid(1), manager.pid(2)}
            clients.more(20)
            for number in (1, 2):
                manager.ctl("restart", f"web@{number}")
            new = {manager.pid(1), manager.pid(2)}
            assert not new & old
            for pid in new:
                clients.meet(b"%d" % pid)
            manager.ctl("restart", "web.target")  # all at once: the queue of the socket waits
            newest = {manager.pid(1), manager.pid(2)}
            assert not newest & new
            clients.more(20)
            manager.release("import no_such_module\n")
            manager.ctl("restart", "web@1", status=1)
            assert "server:app: importing server raised" in manager.ctl("show", "--property=StatusText", "web@1")
            assert manager.pid(2) in newest
            clients.more(20)
            manager.ctl("restart", "web@2", status=1)  # against all advice
            assert manager.ctl("is-active", "web.socket") == "active"
            assert manager.ctl("show", "--property=RestartUSec", "--value", "web@1") == "5s"
            manager.release(SERVER)
            manager.ctl("restart", "web@1")
            clients.meet(b"%d" % manager.pid(1))
