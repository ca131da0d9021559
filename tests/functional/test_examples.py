"""Every app of examples/, served as its README says, by a child process on a socket of the test's own."""

import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from live import PATIENCE, ROOT, Process, chaussette, client, get, listening
from managers import BIN, SEARCH_PATH, Network, kill_children

EXAMPLES = ROOT / "examples"
ENGINES = ("waitress", "gevent", "meinheld", "wsgiref")


@dataclass(frozen=True)
class Example:
    folder: str
    app: str
    home: str
    says: str
    """What the page `home` says; `PID` stands for the process that answers."""

    def __str__(self) -> str:
        return self.folder


PLAIN = Example("plain", "server:app", "/", "Hello from process PID.\n")
FLASK = Example("flask", "hello:app", "/", "Hello from Flask, served by process PID.\n")
DJANGO = Example("django", "mysite.wsgi.application", "/", "Hello from Django.\n")
FALCON = Example("falcon", "things:create_app()", "/things", '{"things": ["sock", "shoe"]}')
PYRAMID = Example("pyramid", "paste:development.ini", "/", "Hello from Pyramid.\n")
FIRST = Example("circus-first-manual", "server.app", "/", "Hello from worker PID.\n")
FRAMEWORKS = (PLAIN, FLASK, DJANGO, FALCON, PYRAMID)


@contextmanager
def served(example: Example, folder: Path, *options: str) -> Iterator[tuple[Process, socket.socket]]:
    with listening("tcp", folder) as sock:
        fd = sock.fileno()
        command = ("--fd", str(fd), *options, example.app)
        # Django answers to the hosts that it knows alone.
        with chaussette(*command, fds=[fd], cwd=EXAMPLES / example.folder, ALLOWED_HOSTS="example.org") as process:
            yield process, sock


def test_the_readme_has_each_folder_and_its_command() -> None:
    text = (EXAMPLES / "README.md").read_text()
    missing = [folder.name for folder in EXAMPLES.iterdir() if folder.is_dir() and f"`{folder.name}" not in text]
    assert missing == []
    for example in FRAMEWORKS:
        quoted = f"'{example.app}'" if "(" in example.app else example.app
        assert f"| `{example.folder}` | `chaussette {quoted}`" in text


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("example", [*FRAMEWORKS, FIRST], ids=str)
def test_home_page_on_every_engine(example: Example, engine: str, tmp_path: Path) -> None:
    with served(example, tmp_path, "--backend", engine) as (process, sock):
        assert get(sock, example.home) == (200, example.says.replace("PID", str(process.pid)).encode())
        assert process.terminate() == 0


@pytest.mark.parametrize("example", FRAMEWORKS, ids=str)
def test_page_that_fails_tells_the_log_and_not_the_visitor(example: Example, tmp_path: Path) -> None:
    with served(example, tmp_path) as (process, sock):
        status, body = get(sock, "/error")
        assert status == 500
        assert b"purpose" not in body
        process.wait_for("RuntimeError: this page fails on purpose")
        assert get(sock, example.home)[0] == 200
        assert get(sock, "/nowhere")[0] == 404


def test_flask_gets_a_body(tmp_path: Path) -> None:
    with served(FLASK, tmp_path) as (_, sock), client(sock) as connection:
        connection.request("POST", "/shout", "grüß".encode())
        assert connection.getresponse().read().decode() == "GRÜSS"


def test_what_make_run_starts(tmp_path: Path) -> None:
    words = "config circus --workers 4 --port $(PORT) hello:app"
    assert f"chaussette {words} >" in (ROOT / "Makefile").read_text()
    folder = tmp_path / "flask"
    shutil.copytree(EXAMPLES / "flask", folder, ignore=shutil.ignore_patterns("*.sock", "__pycache__"))
    config = [sys.executable, "-m", "chaussette", *words.replace("$(PORT)", "8000").split(), "--output", "."]
    subprocess.run(config, cwd=folder, capture_output=True, timeout=PATIENCE, check=True)
    with Network() as network:
        command = network.inside(BIN / "circusd", "circus.ini")
        with Process(command, cwd=folder, env={"PATH": SEARCH_PATH}) as process:
            try:
                process.wait_for("Using <class 'chaussette.backend._waitress.Server'> as a backend", times=4)
                assert network.get().startswith(b"Hello from Flask, served by process ")
                ctl = [str(BIN / "circusctl"), "--endpoint", "ipc://circus.sock", "numprocesses", "web"]
                done = subprocess.run(ctl, cwd=folder, capture_output=True, text=True, timeout=PATIENCE, check=False)
                assert done.stdout.strip() == "4"
                assert process.terminate() == 0
            finally:
                if process.popen.poll() is None:
                    kill_children(process)


def test_django_gets_the_facts_of_the_socket(tmp_path: Path) -> None:
    with served(DJANGO, tmp_path) as (_, sock):
        host, port = sock.getsockname()
        facts = json.loads(get(sock, "/client")[1])
        assert facts == {"REMOTE_ADDR": host, "SERVER_NAME": host, "SERVER_PORT": str(port)}


def test_django_checks_itself() -> None:
    command = [sys.executable, "manage.py", "check"]
    done = subprocess.run(
        command, cwd=EXAMPLES / "django", capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, done.stdout) == (0, "System check identified no issues (0 silenced).\n"), done.stderr


def test_falcon_by_its_factory(tmp_path: Path) -> None:
    by_factory = Example("falcon", "things:create_app", "/things", FALCON.says)
    with served(by_factory, tmp_path, "--factory") as (_, sock), client(sock) as connection:
        connection.request("POST", "/things", b'{"name": "hat"}', {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, json.load(answer)) == (201, {"name": "hat"})
        connection.request("POST", "/things", b"{}", {"Content-Type": "application/json"})
        assert connection.getresponse().status == 422


def test_pyramid_through_pserve(tmp_path: Path) -> None:
    """The file of the example, on the test's socket in place of a port that may be taken."""
    folder = EXAMPLES / "pyramid"
    text, changed = re.subn(r"bind = localhost:8080", "fd = FD", (folder / "development.ini").read_text())
    assert changed == 1
    with listening("tcp", tmp_path) as sock:
        fd = sock.fileno()
        (tmp_path / "development.ini").write_text(text.replace("FD", str(fd)))
        command = [str(BIN / "pserve"), str(tmp_path / "development.ini")]
        with Process(command, fds=[fd], cwd=folder, env={"PYTHONPATH": "."}) as process:
            assert get(sock, "/hello/you") == (200, b'{"hello": "you"}')
            process.wait_for("Using <class 'chaussette.backend._waitress.Server'> as a backend")
            assert process.terminate() == 0
