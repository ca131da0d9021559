"""What every engine should do, one by one: each has it or declares that it lacks it, and is held to either.

An ability that is lacking is looked for too, if not for long: a weakness that an upgrade mends is to fail.
"""

import http.client
import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from chaussette.backend import find
from chaussette.backend.base import ABILITIES
from live import BACKENDS, PATIENCE, Address, Gate, chaussette, client, connect, listening, own_address

OK = re.compile(rb"HTTP/1\.[01] 200 ")
BRIEF = 0.5
"""Seconds that what should not come is waited for."""


@dataclass(frozen=True)
class Engine:
    name: str
    address: Address
    gate: Gate


@pytest.fixture(scope="module", params=BACKENDS)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("engine")
    gate = Gate(folder)
    with listening("tcp", folder) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", request.param, "behaviour:app")
        with chaussette(*options, fds=[sock.fileno()], GATE=gate.path):
            yield Engine(request.param, own_address(sock), gate)
    gate.close()


def exchange(engine: Engine, sent: bytes, patience: float, until: Callable[[bytes], bool] | None = None) -> bytes:
    """What comes back, until the server hangs up, or `until` is content with it."""
    received = b""
    with connect(engine.address) as sock:
        sock.settimeout(patience)
        sock.sendall(sent)
        while not (until and until(received)):
            piece = sock.recv(65536)
            if not piece:
                break
            received += piece
    return received


def request(path: str, *lines: str, method: str = "GET", body: bytes = b"", last: bool = True) -> bytes:
    head = [f"{method} {path} HTTP/1.1", *lines]
    if not any(line.startswith("Host") for line in lines):
        head.append("Host: example.org")
    if last:
        head.append("Connection: close")
    return "\r\n".join([*head, "", ""]).encode() + body


def streams(engine: Engine, patience: float) -> bool:
    with client(engine.address) as connection:
        connection.sock.settimeout(patience)
        connection.request("GET", "/stream")
        engine.gate.wait()
        try:
            answer = connection.getresponse()
            return answer.read(5) == b"first"
        finally:
            engine.gate.open()


def writes(engine: Engine, patience: float) -> bool:
    return b"written, " in exchange(engine, request("/write"), patience)


def reads_chunks(engine: Engine, patience: float) -> bool:
    body = b"4\r\nfour\r\n5\r\nfive5\r\n0\r\n\r\n"
    sent = request("/read", "Transfer-Encoding: chunked", method="POST", body=body)
    return exchange(engine, sent, patience).endswith(b"\r\n\r\nfourfive5")


def continues(engine: Engine, patience: float) -> bool:
    sent = request("/echo", "Content-Length: 4", "Expect: 100-continue", method="POST")
    with connect(engine.address) as sock:
        sock.settimeout(patience)
        sock.sendall(sent)
        return sock.recv(12) == b"HTTP/1.1 100"


def pipelines(engine: Engine, patience: float) -> bool:
    sent = request("/", last=False) + request("/")
    return len(OK.findall(exchange(engine, sent, patience, lambda answers: len(OK.findall(answers)) == 2))) == 2


def heads(engine: Engine, patience: float) -> bool:
    return exchange(engine, request("/", method="HEAD"), patience).endswith(b"\r\n\r\n")


def tells_late_errors(engine: Engine, patience: float) -> bool:
    with client(engine.address) as connection:
        connection.sock.settimeout(patience)
        connection.request("GET", "/boom/later")
        try:
            connection.getresponse().read()
        except (http.client.HTTPException, ConnectionError):
            return True
    return False


def tells_early_errors(engine: Engine, patience: float) -> bool:
    return exchange(engine, request("/boom/first"), patience).split(b" ")[1:2] == [b"500"]


def frames_strictly(engine: Engine, patience: float) -> bool:
    chunk = b"4\r\nfour\r\n0\r\n\r\n"
    ambiguous = [
        request("/echo", "Content-Length: 4", "Content-Length: 5", method="POST", body=b"four5", last=False),
        request("/echo", "Content-Length: +4", method="POST", body=b"four", last=False),
        request("/echo", "Transfer-Encoding: xchunked", method="POST", body=chunk, last=False),
        request("/echo", "Host : example.org", last=False),
        # A server may read it as chunked, if it then closes the connection (RFC 9112, section 6.3).
        request("/echo", "Content-Length: 4", "Transfer-Encoding: chunked", method="POST", body=chunk, last=False),
    ]
    for sent in ambiguous:
        try:
            received = exchange(engine, sent, patience, lambda answer: bool(OK.search(answer)))
        except ConnectionError:
            continue
        if OK.search(received) and not (sent is ambiguous[-1] and b"connection: close" in received.lower()):
            return False
    return True


def keeps_headers_apart(engine: Engine, patience: float) -> bool:
    return all(
        environ(engine, patience, *lines).get("HTTP_X_NAME", "true") == "true"
        for lines in (["X_Name: spoofed"], ["X_Name: spoofed", "X-Name: true"], ["X-Name: true", "X_Name: spoofed"])
    )


def joins_repeated_headers(engine: Engine, patience: float) -> bool:
    found = environ(engine, patience, "X-Name: one", "X-Name: two")["HTTP_X_NAME"]
    return [part.strip() for part in str(found).split(",")] == ["one", "two"]


def tells_client_ports(engine: Engine, patience: float) -> bool:
    return "REMOTE_PORT" in environ(engine, patience)


def notices_leaving_clients(engine: Engine, patience: float) -> bool:
    exchange(engine, request("/endless"), PATIENCE, lambda answer: b"more" in answer)
    engine.gate.wait(patience)
    engine.gate.open()
    return True


def serves_beside_slow_clients(engine: Engine, patience: float) -> bool:
    with ExitStack() as slow:
        for _ in range(5):
            slow.enter_context(connect(engine.address)).sendall(b"GET / HTTP/1.1\r\nHos")
        return bool(OK.search(exchange(engine, request("/"), patience)))


def environ(engine: Engine, patience: float, *lines: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(exchange(engine, request("/environ", *lines), patience).split(b"\r\n\r\n")[1])
    return found


CHECKS: dict[str, Callable[[Engine, float], bool]] = {
    "streaming": streams,
    "write": writes,
    "chunked bodies": reads_chunks,
    "100-continue": continues,
    "pipelining": pipelines,
    "HEAD": heads,
    "late errors": tells_late_errors,
    "early errors": tells_early_errors,
    "strict framing": frames_strictly,
    "headers apart": keeps_headers_apart,
    "repeated headers": joins_repeated_headers,
    "leaving clients": notices_leaving_clients,
    "client ports": tells_client_ports,
    "slow clients": serves_beside_slow_clients,
}


def test_each_ability_has_a_check() -> None:
    elsewhere = {"IPv6 clients"}  # in test_contract, which serves on each family
    assert CHECKS.keys() | elsewhere == ABILITIES.keys()


@pytest.mark.parametrize("ability", CHECKS)
def test_engine_does_what_it_should_or_declares_that_it_does_not(engine: Engine, ability: str) -> None:
    declared = ability not in find(engine.name).lacks
    try:
        found = CHECKS[ability](engine, PATIENCE if declared else BRIEF)
    except TimeoutError:
        found = False
    assert found is declared
