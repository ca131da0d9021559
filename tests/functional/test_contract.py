"""The contract of a backend, on every engine, family and way to get a socket. How it ends is in test_contract_drain.py.

What an engine cannot do is declared in its BackendInfo, and then asserted here: a weakness that an upgrade mends is to fail.
"""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaussette.backend import find
from chaussette.listeners.backlog import backlog_of
from contract import CASES, Case, Served, serve
from duties import sets_nodelay
from live import BACKENDS, PATIENCE, Gate, chaussette, client, connect, get, listening
from managers import missing
from measuring import Observe


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


@pytest.mark.parametrize("backend", BACKENDS)
def test_connections_have_nodelay_though_the_socket_had_not(backend: str, tmp_path: Path, gate: Gate) -> None:
    for served in serve(Case(backend, "tcp", "fd"), tmp_path, gate):
        get(served.address)  # who connects before it serves gets what the socket had until then
        try:
            assert sets_nodelay(served.address, gate, served.process.pid, PATIENCE)
        except PermissionError as error:
            missing(f"this machine does not let a process look at its child's sockets: {error}")


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
