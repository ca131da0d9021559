"""Socket activation: systemd's own program for it, and the older way of inetd.

systemd-socket-activate opens the socket, waits for the first connection, and becomes the server: fd 3 is the socket, and
that connection is in its accept queue.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from live import PATIENCE, Process, get, listening
from managers import Network, tool

BACKENDS = ("waitress", "gevent")


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with Network() as made:
        yield made


def activate(address: str, backend: str) -> list[str]:
    """The command that opens the socket and becomes Chaussette."""
    server = [sys.executable, "-m", "chaussette", "--fd", "3", "--backend", backend, "behaviour:app"]
    return [tool("systemd-socket-activate"), "--listen", address, *server]


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
