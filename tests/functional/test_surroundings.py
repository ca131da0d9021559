"""What is around the process: closed standard files, a reader that leaves, a folder that is gone, files of misleading names."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from chaussette.errors import ExitStatus
from live import APPS, PATIENCE, Process, get

BACKENDS = ("fast", "fastgevent", "waitress", "gevent", "meinheld", "wsgiref", "granian", "gunicorn-gevent", "eventlet")
COMMAND = (sys.executable, "-P", "-m", "chaussette")


@pytest.mark.parametrize("closed", ["2>&-", "<&- >&- 2>&-"], ids=["stderr", "all"])
@pytest.mark.parametrize("backend", ["fast", "waitress"])
def test_closed_standard_files_are_no_place_for_a_socket(backend: str, closed: str, tmp_path: Path) -> None:
    """A socket would get their numbers, and what the app and the log print would go there."""
    path, log = tmp_path / "s", tmp_path / "log"
    os.mkfifo(log)
    shell = 'exec "$@" ' + closed
    options = ("--bind", f"unix:{path}", "--backend", backend, "--log-output", str(log), "printing:app")
    (tmp_path / "printing.py").write_text(
        "import os, sys\n"
        "def app(environ, start_response):\n"
        "    print('printed'); sys.stderr.write('printed'); os.write(1, b'printed'); os.write(2, b'printed')\n"
        "    start_response('200 OK', [])\n"
        "    return [' '.join(os.readlink(f'/proc/self/fd/{fd}') for fd in range(3)).encode()]\n"
    )
    with Process(["sh", "-c", shell, "sh", *COMMAND, *options], cwd=tmp_path) as process, open(log) as lines:
        assert any("Using" in line for line in lines)
        status, body = get(str(path))
        assert (status, body.split()[-1]) == (200, b"/dev/null")
        assert b"socket" not in body
        assert process.terminate() == 0


@pytest.mark.parametrize("words", [["backends"], ["--help"], ["--version"]], ids=lambda words: words[0])
def test_reader_that_leaves_is_no_error(words: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        run = subprocess.run(
            [*COMMAND, *words], stdout=pipe, stderr=subprocess.PIPE, timeout=PATIENCE, check=False, cwd=APPS
        )
    assert (run.returncode, run.stderr) == (0, b"")


@pytest.mark.parametrize("more", [(), ("--use-reloader",)], ids=["once", "reloader"])
def test_folder_that_is_gone(more: tuple[str, ...], tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    shell = f'cd {gone}; rmdir {gone}; exec "$@"'
    with Process(["sh", "-c", shell, "sh", *COMMAND, "--port", "0", *more, "site:app"]) as process:
        assert process.ended() == ExitStatus.APP
        assert "The current folder has been deleted" in process.log
        assert "Traceback" not in process.log


@pytest.fixture
def misleading(tmp_path: Path) -> Path:
    """A folder whose files have the names of all modules of the standard library, beside an app."""
    for name in sys.stdlib_module_names:
        (tmp_path / f"{name}.py").write_text(f"raise RuntimeError('{name} of the app')\n")
    (tmp_path / "web.py").write_text(
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Length', '2')])\n    return [b'ok']\n"
        "class Odd:\n    def __call__(self, *both): return app(*both)\n"
        "odd = Odd()\n"
        "def one(environ): pass\n"
    )
    return tmp_path


@pytest.mark.parametrize("backend", BACKENDS)
def test_files_that_are_called_like_the_standard_library(backend: str, misleading: Path) -> None:
    options = ("--bind", f"unix:{misleading}/s", "--bind", "127.0.0.1:0", "--backend", backend, "web:odd")
    with Process([*COMMAND, *options], cwd=misleading) as process:
        process.wait_for("Using")
        assert get(f"{misleading}/s") == (200, b"ok")
        assert process.terminate() == 0
        assert "of the app" not in process.log


@pytest.mark.parametrize(
    ("app", "words"),
    [
        ("wbe:app", "Did you mean web"),
        ("web:appp", "Did you mean app"),
        ("web:one", "its signature is (environ)"),
        ("web:app(x)", "literals only"),
    ],
)
def test_refusals_among_files_that_are_called_like_the_standard_library(app: str, words: str, misleading: Path) -> None:
    with Process([*COMMAND, "--port", "0", app], cwd=misleading) as process:
        assert process.ended() == ExitStatus.APP
        assert words in process.log
        assert "of the app" not in process.log


def test_the_reloaders_child_is_not_misled_either(misleading: Path) -> None:
    pytest.importorskip("watchfiles")
    with Process([*COMMAND, "--bind", f"unix:{misleading}/s", "--use-reloader", "web:app"], cwd=misleading) as process:
        process.wait_for("Using")
        assert get(f"{misleading}/s") == (200, b"ok")
        assert process.terminate() == 0


def test_standard_error_that_is_closed_takes_no_message_along() -> None:
    with Process(["sh", "-c", 'exec "$@" 2>&-', "sh", *COMMAND, "--nonsense"]) as process:
        assert process.ended() == ExitStatus.USAGE
        assert process.log == ""
