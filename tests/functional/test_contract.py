"""The contract of a backend, on every engine, family and way to get a socket.

What an engine cannot do is declared in its BackendInfo, and then asserted here: a weakness that an upgrade mends is to fail.
"""

import json
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaussette.backend import find
from chaussette.config import DEFAULTS
from chaussette.listeners.backlog import backlog_of
from duties import sets_nodelay
from live import (
    BACKENDS,
    KINDS,
    PATIENCE,
    Address,
    Gate,
    Process,
    chaussette,
    client,
    connect,
    get,
    listening,
    own_address,
)
from managers import missing
from measuring import Observe


@dataclass(frozen=True)
class Case:
    backend: str
    kind: str
    origin: str
    """`fd`: inherited; `bind`: bound by the process itself."""

    def __str__(self) -> str:
        return f"{self.backend}-{self.kind}-{self.origin}"


CASES = [
    Case(backend, kind, origin)
    for backend in BACKENDS
    for kind in KINDS
    for origin in ("fd", "bind")
    # No engine knows who bound its socket: that every family can be bound is tested with the default one.
    if origin == "fd" or kind == "tcp" or backend == DEFAULTS["backend"]
]


@dataclass(frozen=True)
class Served:
    process: Process
    address: Address
    case: Case
    gate: Gate


def serve(case: Case, folder: Path, gate: Gate, *options: str, app: str = "behaviour:app") -> Iterator[Served]:
    command = ("--backend", case.backend, *options, app)
    if case.origin == "fd":
        with listening(case.kind, folder) as sock:
            fd = str(sock.fileno())
            with chaussette("--fd", fd, *command, fds=[sock.fileno()], GATE=gate.path) as process:
                yield Served(process, own_address(sock), case, gate)
        return
    where = {"tcp": "127.0.0.1:0", "tcp6": "[::1]:0", "unix": f"unix:{folder}/own.sock"}[case.kind]
    with chaussette("--bind", where, *command, GATE=gate.path) as process:
        bound = process.wait_for("Serving on").split("Serving on ")[1].strip()
        host, _, port = bound.rpartition(":")
        address: Address = f"{folder}/own.sock" if case.kind == "unix" else (host.strip("[]"), int(port))
        yield Served(process, address, case, gate)


@pytest.fixture(scope="module", params=CASES, ids=str)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    gate = Gate(folder)
    yield from serve(request.param, folder, gate)
    gate.close()


def test_answers_and_says_what_it_does(served: Served, observe: Observe) -> None:
    status, body = get(served.address)
    assert (status, body) == (200, b"%d\n" % served.process.pid)
    observe(served.case.kind, True)
    served.process.wait_for("Application is <function app at 0x")
    served.process.wait_for(
        f"Using <class 'chaussette.backend._{served.case.backend.replace('-', '_')}.Server'> as a backend"
    )


def test_environ_has_the_facts_of_the_socket(served: Served) -> None:
    with client(served.address) as connection:
        own = connection.sock.getsockname()
        connection.request("GET", "/environ?a=b%20c", headers={"X-Header": "value"})
        environ = json.loads(connection.getresponse().read())
    expected: dict[str, object] = {
        "REQUEST_METHOD": "GET",
        "QUERY_STRING": "a=b%20c",
        "SCRIPT_NAME": "",
        "HTTP_X_HEADER": "value",
        "wsgi.url_scheme": "http",
        "wsgi.multithread": find(served.case.backend).concurrency != "one at a time",
        # meinheld says so of a socket that nobody shares, too.
        "wsgi.multiprocess": served.case.origin == "fd" or served.case.backend == "meinheld",
    }
    if isinstance(served.address, str):
        expected |= {"REMOTE_ADDR": "", "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
        assert "REMOTE_PORT" not in environ
    else:
        host, port = served.address
        lacks = find(served.case.backend).lacks
        unknown = served.case.kind == "tcp6" and "IPv6 clients" in lacks
        expected |= {"REMOTE_ADDR": "" if unknown else own[0], "SERVER_NAME": host, "SERVER_PORT": str(port)}
        if "client ports" not in lacks:
            expected["REMOTE_PORT"] = str(own[1])
    assert expected.items() <= environ.items()
    assert "PATH" not in environ  # the process's own environment is no business of a request


def test_post_body_reaches_the_app_and_comes_back(served: Served) -> None:
    sent = b"0123456789abcdef" * 20_000
    with client(served.address) as connection:
        connection.request("POST", "/echo", sent)
        assert connection.getresponse().read() == sent


def test_keep_alive(served: Served, observe: Observe) -> None:
    with client(served.address) as connection:
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        observe("keep-alive", not answer.will_close)
        assert answer.will_close is not find(served.case.backend).keep_alive
        if not answer.will_close:
            connection.request("GET", "/")
            assert connection.getresponse().read() == b"%d\n" % served.process.pid


def test_stream_is_flushed_as_produced(served: Served) -> None:
    with client(served.address) as connection:
        connection.request("GET", "/stream")
        answer = connection.getresponse()
        assert answer.read(5) == b"first"
        served.gate.wait()
        served.gate.open()
        assert answer.read() == b"second"


def test_app_that_raises_gets_500_and_a_traceback_in_the_log_alone(served: Served) -> None:
    status, body = get(served.address, "/boom")
    assert status == 500
    assert b"the app says boom" not in body
    served.process.wait_for("RuntimeError: the app says boom")
    assert get(served.address)[0] == 200


def test_app_that_calls_exit_ends_nothing_but_its_request(served: Served) -> None:
    assert get(served.address, "/exit")[0] == 500
    assert get(served.address)[0] == 200


def test_client_that_vanishes_harms_nobody(served: Served) -> None:
    gone = connect(served.address)
    gone.sendall(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    gone.close()
    assert get(served.address)[0] == 200


@pytest.mark.parametrize("case", CASES, ids=str)
def test_sigterm_answers_what_is_in_flight(case: Case, tmp_path: Path, gate: Gate) -> None:
    for served in serve(case, tmp_path, gate):
        with client(served.address) as connection:
            connection.request("GET", "/hold")
            gate.wait()
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("SIGTERM: finishing what is in flight")
            gate.open()
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, b"%d\n" % served.process.pid)
        assert served.process.ended() == 0
        if case.kind == "unix":
            assert Path(str(served.address)).exists() == (case.origin == "fd")


@pytest.mark.parametrize("backend", [name for name in BACKENDS if find(name).keep_alive])
@pytest.mark.parametrize("kind", ["tcp", "unix"])  # tcp6 differs from tcp in the form of an address alone
def test_idle_connection_gets_one_more_answer_in_the_drain(backend: str, kind: str, tmp_path: Path, gate: Gate) -> None:
    for served in serve(Case(backend, kind, "fd"), tmp_path, gate, "--keep-alive-grace", "10"):
        with client(served.address) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("finishing what is in flight")
            connection.request("GET", "/")
            answer = connection.getresponse()
            assert answer.read() == b"%d\n" % served.process.pid
            assert answer.will_close
        assert served.process.ended() == 0


@pytest.mark.parametrize("backend", [name for name in BACKENDS if find(name).keep_alive])
def test_stream_that_outlasts_the_grace_ends_the_drain(backend: str, tmp_path: Path, gate: Gate) -> None:
    """Its answer began before the drain, so it did not say that it is the last."""
    for served in serve(Case(backend, "tcp", "fd"), tmp_path, gate, "--keep-alive-grace", "0.1"):
        with client(served.address) as connection:
            connection.request("GET", "/stream")
            answer = connection.getresponse()
            gate.wait()
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("finishing what is in flight")
            time.sleep(0.5)  # the grace is over, and the answer is not
            gate.open()
            assert answer.read() == b"firstsecond"
            assert served.process.ended() == 0


IDLE_TILL_THE_HEAD_IS_WHOLE = {"hypercorn", "uvicorn"}
"""They hang up what they take for idle themselves."""


@pytest.mark.parametrize(
    "backend", [name for name in BACKENDS if find(name).keep_alive and name not in IDLE_TILL_THE_HEAD_IS_WHOLE]
)
def test_request_that_has_begun_to_arrive_is_answered_after_the_grace(backend: str, tmp_path: Path, gate: Gate) -> None:
    for served in serve(Case(backend, "tcp", "fd"), tmp_path, gate, "--keep-alive-grace", "0.1"):
        with client(served.address) as connection:
            connection.request("GET", "/")
            connection.getresponse().read()
            time.sleep(0.05)  # the kernel's clock, by which some glue tells what came after the answer, is coarse
            connection.sock.sendall(b"GET / HT")
            served.process.signal(signal.SIGTERM)
            served.process.wait_for("finishing what is in flight")
            time.sleep(0.5)  # the grace is over
            connection.sock.sendall(b"TP/1.1\r\nHost: x\r\n\r\n")
            answer = connection.response_class(connection.sock)
            answer.begin()
            assert answer.read() == b"%d\n" % served.process.pid
        assert served.process.ended() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_signal_that_comes_at_once_drains(backend: str, tmp_path: Path, gate: Gate) -> None:
    """Between the first line of the log and the engine's own loop."""
    for _ in range(3):
        for served in serve(Case(backend, "tcp", "fd"), tmp_path, gate):
            served.process.wait_for("Application is")
            assert served.process.terminate() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_connections_have_nodelay_though_the_socket_had_not(backend: str, tmp_path: Path, gate: Gate) -> None:
    for served in serve(Case(backend, "tcp", "fd"), tmp_path, gate):
        get(served.address)  # who connects before it serves gets what the socket had until then
        try:
            assert sets_nodelay(served.address, gate, served.process.pid, PATIENCE)
        except PermissionError as error:
            missing(f"this machine does not let a process look at its child's sockets: {error}")


@pytest.mark.parametrize("backend", BACKENDS)
def test_accept_queue_is_left_to_the_sibling(backend: str, tmp_path: Path, gate: Gate) -> None:
    """Two processes on one socket: when one drains, the other goes on, and the socket stays as it is."""
    with listening("tcp", tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, "behaviour:app")
        with (
            chaussette(*options, fds=[sock.fileno()]) as one,
            chaussette(*options, fds=[sock.fileno()]) as two,
        ):
            two.signal(signal.SIGSTOP)
            assert get(sock)[1] == b"%d\n" % one.pid
            two.signal(signal.SIGCONT)
            assert one.terminate() == 0
            assert {get(sock)[1] for _ in range(20)} == {b"%d\n" % two.pid}
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            assert two.terminate() == 0


@pytest.mark.parametrize("kind", ["tcp", "unix"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_backlog_stays_what_its_owner_said(backend: str, kind: str, tmp_path: Path, gate: Gate) -> None:
    with listening(kind, tmp_path) as sock:
        sock.listen(7)
        options = ("--fd", str(sock.fileno()), "--backend", backend, "behaviour:app")
        with chaussette(*options, fds=[sock.fileno()]) as process:
            assert get(sock)[0] == 200
            assert backlog_of(sock) == 7
            assert process.terminate() == 0
        assert backlog_of(sock) == 7


@pytest.mark.parametrize("backend", BACKENDS)
def test_several_listeners_of_different_families(backend: str, tmp_path: Path, observe: Observe) -> None:
    able = find(backend).several_listeners
    with (
        listening("tcp", tmp_path) as tcp,
        listening("tcp6", tmp_path) as tcp6,
        listening("unix", tmp_path) as unix,
    ):
        socks = (tcp, tcp6, unix)
        binds = [word for sock in socks for word in ("--bind", f"fd://{sock.fileno()}")]
        fds = [sock.fileno() for sock in socks]
        with chaussette(*binds, "--backend", backend, "behaviour:app", fds=fds) as process:
            if not able:
                process.wait_for(f"--backend {backend} serves one socket, and 3 were given.")
                observe("several sockets", False)
                return
            for sock in socks:
                facts = json.loads(get(sock, "/environ")[1])
                where = sock.getsockname()
                expected = "80" if isinstance(where, str) else str(where[1])
                assert facts["SERVER_PORT"] == expected
            observe("several sockets", True)
            assert process.terminate() == 0


@pytest.mark.parametrize("backend", BACKENDS)
def test_wsgiref_validate_finds_nothing(backend: str, tmp_path: Path, gate: Gate) -> None:
    for served in serve(Case(backend, "tcp", "fd"), tmp_path, gate, app="behaviour:validated"):
        assert get(served.address)[0] == 200
        with client(served.address) as connection:
            connection.request("POST", "/echo", b"body")
            assert connection.getresponse().read() == b"body"
        with client(served.address) as connection:
            connection.request("GET", "/stream")
            answer = connection.getresponse()
            gate.wait()
            gate.open()
            assert answer.read() == b"firstsecond"
        assert served.process.terminate() == 0
        assert "Error" not in served.process.log
