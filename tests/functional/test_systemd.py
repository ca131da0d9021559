"""Socket activation: systemd's own program for it, and the older way of inetd.

systemd-socket-activate opens the socket, waits for the first connection, and becomes the server: fd 3 is the socket, and
that connection is in its accept queue.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaussette.errors import ExitStatus
from live import PATIENCE, Process, chaussette, connect, get, listening
from managers import Network, tool

BACKENDS = ("waitress", "gevent")
KEPT = ["--setenv=PYTHONPATH"] if "PYTHONPATH" in os.environ else []
"""What the server needs of the environment, if this is no installed Chaussette: it gets none of it by itself."""


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


def activate(address: str, backend: str) -> list[str]:
    """The command that opens the socket and becomes Chaussette."""
    server = [sys.executable, "-m", "chaussette", "--fd", "3", "--backend", backend, "behaviour:app"]
    return [tool("systemd-socket-activate"), *KEPT, "--listen", address, *server]


@pytest.mark.parametrize("backend", BACKENDS)
def test_unix_socket(backend: str, tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    with Process(activate(str(path), backend)) as process:
        process.wait_for(f"Listening on {path} as 3.")
        assert get(str(path)) == (200, b"%d\n" % process.pid)
        process.wait_for("Serving on fd://3")
        assert process.terminate() == 0
        assert path.is_socket()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("address", "host"), [("127.0.0.1:8000", "127.0.0.1"), ("[::1]:8000", "::1")])
def test_tcp_socket(address: str, host: str, backend: str, network: Network) -> None:
    with Process(network.inside(*activate(address, backend))) as process:
        process.wait_for(f"Listening on {address} as 3.")
        assert int(network.get(8000, host)) == process.pid
        process.wait_for("Serving on fd://3")
        assert process.terminate() == 0


def passing(folder: Path, names: str, *arguments: str, app: str = "behaviour:app") -> list[str]:
    """The command that opens sockets `0.sock`, `1.sock` and so on, each of a name, and becomes Chaussette."""
    paths = [f"--listen={folder}/{index}.sock" for index, _ in enumerate(names.split(":"))]
    server = [sys.executable, "-m", "chaussette", *arguments, app]
    return [tool("systemd-socket-activate"), *KEPT, *paths, f"--fdname={names}", *server]


def activated(process: Process, folder: Path, index: int = 0) -> None:
    """Make systemd-socket-activate become the server: at a connection, which asks nothing."""
    process.wait_for(f"Listening on {folder}/{index}.sock as {3 + index}.")
    with connect(f"{folder}/{index}.sock"):
        pass


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("arguments", "served"),
    [
        ([], {0, 1, 2}),
        (["--bind", "systemd"], {0, 1, 2}),
        (["--bind", "systemd:web"], {0, 2}),
        (["--bind", "systemd:admin", "--fd", "5"], {1, 2}),
        (["--fd", "4"], {1}),
    ],
    ids=["untold", "all", "by name", "by name and number", "by number"],
)
def test_sockets_of_systemd(backend: str, arguments: list[str], served: set[int], tmp_path: Path) -> None:
    with Process(passing(tmp_path, "web:admin:web", "--backend", backend, *arguments)) as process:
        activated(process, tmp_path, 2)
        for index in served:
            assert get(f"{tmp_path}/{index}.sock") == (200, b"%d\n" % process.pid)
        assert process.terminate() == 0
        assert {int(fd) - 3 for fd in re.findall(r"Serving on fd://(\d+)", process.log)} == served


def test_another_address_takes_the_place_of_systemds_sockets(tmp_path: Path) -> None:
    with Process(passing(tmp_path, "web", "--host", "127.0.0.1", "--port", "0")) as process:
        activated(process, tmp_path)
        port = int(process.wait_for("Serving on 127.0.0.1:").rpartition(":")[2])
        assert get(("127.0.0.1", port))[0] == 200
        assert process.terminate() == 0


def test_name_that_no_socket_has(tmp_path: Path) -> None:
    with Process(passing(tmp_path, "web:admin", "--bind", "systemd:wbe")) as process:
        activated(process, tmp_path)
        assert process.ended() == ExitStatus.LISTENER
        said = "systemd has passed no socket of that name. Did you mean web? There are: web, admin."
        assert f"--bind systemd:wbe: {said}" in process.log


def test_sockets_that_were_not_passed_or_to_another_process() -> None:
    with chaussette("--bind", "systemd", "behaviour:app") as process:
        assert process.ended() == ExitStatus.LISTENER
        assert "--bind systemd: systemd has passed no sockets to this process: LISTEN_FDS is not set" in process.log
    with chaussette("--bind", "systemd:web", "behaviour:app", LISTEN_PID="1", LISTEN_FDS="1") as process:
        assert process.ended() == ExitStatus.LISTENER
        assert "systemd has passed its sockets to process 1, and this one is" in process.log


def test_sockets_for_another_process_are_not_served_on_untold() -> None:
    """As under a circusd that was started by socket activation, which hands the variables on to its workers."""
    with chaussette("--port", "0", "behaviour:app", LISTEN_PID="1", LISTEN_FDS="1") as process:
        process.wait_for("Serving on localhost:")
        assert process.terminate() == 0


def test_apps_children_get_neither_the_variables_nor_the_sockets(tmp_path: Path) -> None:
    (tmp_path / "showing.py").write_text(SHOWING)
    with Process(passing(tmp_path, "web:admin", "--bind", "systemd:web", app="showing:app"), cwd=tmp_path) as process:
        activated(process, tmp_path)
        assert get(f"{tmp_path}/0.sock") == (200, b"[] [False, False]")
        assert process.terminate() == 0


@pytest.mark.parametrize("backend", [*BACKENDS, "meinheld"])
def test_inetd_with_the_socket_as_all_three_of_standard_input_output_and_error(backend: str, tmp_path: Path) -> None:
    log, app = tmp_path / "log", tmp_path / "talker.py"
    app.write_text(TALKER)
    words = ["--fd", "0", "--log-output", str(log), "--backend", backend, "talker:app"]
    with listening("tcp", tmp_path) as sock:
        command = [sys.executable, "-m", "chaussette", *words]
        fd = sock.fileno()
        with subprocess.Popen(command, cwd=tmp_path, stdin=fd, stdout=fd, stderr=fd) as process:
            try:
                assert get(sock) == (200, b"stdin: ''")
                assert get(sock) == (200, b"stdin: ''")
                process.terminate()
                assert process.wait(PATIENCE) == 0
            finally:
                process.kill()
    said = log.read_text()
    assert "Serving on fd://0" in said
    assert "ERROR" not in said


SHOWING = """\
import os


def app(environ, start_response):
    start_response("200 OK", [])
    listen = [name for name in os.environ if name.startswith("LISTEN_")]
    return [f"{listen} {[os.get_inheritable(fd) for fd in (3, 4)]}".encode()]
"""
TALKER = """\
import sys

print("said at import", flush=True)
print("complained at import", file=sys.stderr, flush=True)
print("x" * 100_000)


def app(environ, start_response):
    print("said in a request", flush=True)
    print("complained in a request", file=sys.stderr, flush=True)
    start_response("200 OK", [])
    return [f"stdin: {sys.stdin.read()!r}".encode()]
"""


def test_an_app_that_does_not_import_is_told_once_and_nobody_starts_it_again(tmp_path: Path) -> None:
    path = tmp_path / "web.sock"
    (tmp_path / "server.py").write_text("import no_such_module\n")
    command = [tool("systemd-socket-activate"), "--listen", str(path), sys.executable, "-m", "chaussette", "--fd", "3"]
    with Process([*command, "server:app"], cwd=tmp_path, session=True, env={"TMPDIR": str(tmp_path)}) as process:
        process.wait_for(f"Listening on {path} as 3.")
        with connect(str(path)):
            assert process.ended() == 3
        assert process.log.count("[ERROR] server:app: importing server raised ModuleNotFoundError") == 1
