"""A real supervisord: its fcgi-program opens the socket and gives it to each process as fd 0."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from live import PATIENCE, Process, get
from managers import BIN, SEARCH_PATH, SERVER, Visitor, kill_children, who_answers

pytestmark = pytest.mark.timeout(120)

CONFIG = """\
[supervisord]
nodaemon = true
user = {user}
logfile = /dev/null
logfile_maxbytes = 0
pidfile = %(here)s/pid
childlogdir = %(here)s

[unix_http_server]
file = %(here)s/control.sock

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[supervisorctl]
serverurl = unix://%(here)s/control.sock

[fcgi-program:web]
socket = unix://%(here)s/web.sock
command = chaussette --fd 0 --backend {backend} server:app
process_name = %(program_name)s_%(process_num)s
numprocs = 2
redirect_stderr = true
stdout_logfile = %(here)s/log
"""


@dataclass(frozen=True)
class Supervisor:
    process: Process
    folder: Path

    def ask(self) -> bytes:
        status, body = get(str(self.folder / "web.sock"))
        assert status == 200
        return body

    def ctl(self, *words: str) -> str:
        """What `supervisorctl` says, which must succeed."""
        command = [str(BIN / "supervisorctl"), "-c", "supervisord.conf", *words]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout

    def pid(self, number: int) -> int:
        return int(self.ctl("pid", f"web:web_{number}"))


@pytest.fixture(params=["waitress", "meinheld"])
def supervisor(request: pytest.FixtureRequest) -> Iterator[Supervisor]:
    with tempfile.TemporaryDirectory(prefix="supervisor") as name:  # not tmp_path, too long for a socket's path
        folder = Path(name)
        (folder / "server.py").write_text(SERVER)
        (folder / "supervisord.conf").write_text(CONFIG.format(backend=request.param, user=os.geteuid()))
        command = [str(BIN / "supervisord"), "-c", "supervisord.conf"]
        with Process(command, cwd=folder, env={"PATH": SEARCH_PATH}) as process:
            try:
                process.wait_for("spawned: 'web_0'")
                process.wait_for("spawned: 'web_1'")
                yield Supervisor(process, folder)
            finally:
                if process.popen.poll() is None:
                    kill_children(process)


def test_fcgi_program(supervisor: Supervisor) -> None:
    socket_file = supervisor.folder / "web.sock"
    inode = socket_file.stat().st_ino
    first, second = supervisor.pid(0), supervisor.pid(1)
    assert who_answers(supervisor.ask, {first, second}) == {first, second}

    with Visitor(supervisor.ask) as visitor:
        visitor.meets({first, second})
        supervisor.ctl("restart", "web:web_0")
        heir = supervisor.pid(0)
        assert heir not in (first, second)
        visitor.meets({heir, second})
    assert supervisor.process.wait_for("stopped: web_0").endswith("(exit status 0)\n")
    assert who_answers(supervisor.ask, {heir, second}) == {heir, second}

    supervisor.ctl("stop", "web:web_1")
    assert supervisor.process.wait_for("stopped: web_1").endswith("(exit status 0)\n")
    assert int(supervisor.ask()) == heir
    assert socket_file.stat().st_ino == inode

    assert supervisor.process.terminate() == 0
    assert supervisor.process.log.count("stopped: web_0 (exit status 0)") == 2
    assert "Serving on fd://0" in (supervisor.folder / "log").read_text()
