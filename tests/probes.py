"""What every engine should do, each thing as a probe that looks whether a server does it.

A probe is given a server that serves `apps/behaviour.py`, and how long it may wait for what may never come. It says yes or no;
that nothing comes is a no, see `sees`. The same probes look at Chaussette's engines in the tests and at bare ones in `bare.py`.
"""

import http.client
import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import NamedTuple

from live import PATIENCE, Address, Gate, client, connect

OK = re.compile(rb"HTTP/1\.[01] 200 ")


@dataclass(frozen=True)
class Served:
    """Where a server is, and the gate of its app."""

    address: Address
    gate: Gate


class Probe(NamedTuple):
    """What to look for, and the kind of socket that the server must be on."""

    check: Callable[[Served, float], bool]
    kind: str = "tcp"


def sees(probe: Probe, served: Served, patience: float) -> bool:
    """Whether the server does what is looked for, within `patience` seconds."""
    try:
        return probe.check(served, patience)
    except TimeoutError:
        return False


def exchange(served: Served, sent: bytes, patience: float, until: Callable[[bytes], bool] | None = None) -> bytes:
    """What comes back, until the server hangs up, or `until` is content with it."""
    received = b""
    with connect(served.address) as sock:
        sock.settimeout(patience)
        sock.sendall(sent)
        while not (until and until(received)):
            piece = sock.recv(65536)
            if not piece:
                break
            received += piece
    return received


def request(path: str, *lines: str, method: str = "GET", body: bytes = b"", last: bool = True) -> bytes:
    """A request; after the `last` one the server is to hang up."""
    head = [f"{method} {path} HTTP/1.1", *lines]
    if not any(line.startswith("Host") for line in lines):
        head.append("Host: example.org")
    if last:
        head.append("Connection: close")
    return "\r\n".join([*head, "", ""]).encode() + body


def environ(served: Served, patience: float, *lines: str) -> dict[str, object]:
    """What the app is told, of text and truths."""
    found: dict[str, object] = json.loads(exchange(served, request("/environ", *lines), patience).split(b"\r\n\r\n")[1])
    return found


def _streams(served: Served, patience: float) -> bool:
    with client(served.address) as connection:
        connection.sock.settimeout(patience)
        connection.request("GET", "/stream")
        served.gate.wait()
        try:
            answer = connection.getresponse()
            return answer.read(5) == b"first"
        finally:
            served.gate.open()


def _writes(served: Served, patience: float) -> bool:
    return b"written, " in exchange(served, request("/write"), patience)


def _reads_chunks(served: Served, patience: float) -> bool:
    body = b"4\r\nfour\r\n5\r\nfive5\r\n0\r\n\r\n"
    sent = request("/read", "Transfer-Encoding: chunked", method="POST", body=body)
    return exchange(served, sent, patience).endswith(b"\r\n\r\nfourfive5")


def _continues(served: Served, patience: float) -> bool:
    sent = request("/echo", "Content-Length: 4", "Expect: 100-continue", method="POST")
    with connect(served.address) as sock:
        sock.settimeout(patience)
        sock.sendall(sent)
        return sock.recv(12) == b"HTTP/1.1 100"


def _pipelines(served: Served, patience: float) -> bool:
    sent = request("/", last=False) + request("/")
    return len(OK.findall(exchange(served, sent, patience, lambda answers: len(OK.findall(answers)) == 2))) == 2


def _heads(served: Served, patience: float) -> bool:
    return exchange(served, request("/", method="HEAD"), patience).endswith(b"\r\n\r\n")


def _tells_late_errors(served: Served, patience: float) -> bool:
    with client(served.address) as connection:
        connection.sock.settimeout(patience)
        connection.request("GET", "/boom/later")
        try:
            connection.getresponse().read()
        except (http.client.HTTPException, ConnectionError):
            return True
    return False


def _tells_early_errors(served: Served, patience: float) -> bool:
    return exchange(served, request("/boom/first"), patience).split(b" ")[1:2] == [b"500"]


def _frames_strictly(served: Served, patience: float) -> bool:
    chunk = b"4\r\nfour\r\n0\r\n\r\n"
    ambiguous = [
        request("/echo", "Content-Length: 4", "Content-Length: 5", method="POST", body=b"four5", last=False),
        request("/echo", "Content-Length: +4", method="POST", body=b"four", last=False),
        request("/echo", "Transfer-Encoding: xchunked", method="POST", body=chunk, last=False),
        request("/echo", "Transfer-Encoding: xchunked", method="POST", last=False),
        request("/echo", "Transfer-Encoding: chunked, identity", method="POST", last=False),
        request("/echo", "Host : example.org", last=False),
        # A server may read it as chunked, if it then closes the connection (RFC 9112, section 6.3).
        request("/echo", "Content-Length: 4", "Transfer-Encoding: chunked", method="POST", body=chunk, last=False),
    ]
    for sent in ambiguous:
        try:
            received = exchange(served, sent, patience, lambda answer: bool(OK.search(answer)))
        except ConnectionError:
            continue
        if OK.search(received) and not (sent is ambiguous[-1] and b"connection: close" in received.lower()):
            return False
    return True


def _keeps_headers_apart(served: Served, patience: float) -> bool:
    return all(
        environ(served, patience, *lines).get("HTTP_X_NAME", "true") == "true"
        for lines in (["X_Name: spoofed"], ["X_Name: spoofed", "X-Name: true"], ["X-Name: true", "X_Name: spoofed"])
    )


def _joins_repeated_headers(served: Served, patience: float) -> bool:
    found = environ(served, patience, "X-Name: one", "X-Name: two")["HTTP_X_NAME"]
    return [part.strip() for part in str(found).split(",")] == ["one", "two"]


def _tells_client_ports(served: Served, patience: float) -> bool:
    return "REMOTE_PORT" in environ(served, patience)


def _tells_clients_on_ipv6(served: Served, patience: float) -> bool:
    return environ(served, patience).get("REMOTE_ADDR") == "::1"


def _notices_leaving_clients(served: Served, patience: float) -> bool:
    exchange(served, request("/endless"), PATIENCE, lambda answer: b"more" in answer)
    served.gate.wait(patience)
    served.gate.open()
    return True


def _serves_beside_slow_clients(served: Served, patience: float) -> bool:
    with ExitStack() as slow:
        for _ in range(5):
            slow.enter_context(connect(served.address)).sendall(b"GET / HTTP/1.1\r\nHos")
        return bool(OK.search(exchange(served, request("/"), patience)))


PROBES: dict[str, Probe] = {
    "streaming": Probe(_streams),
    "write": Probe(_writes),
    "chunked bodies": Probe(_reads_chunks),
    "100-continue": Probe(_continues),
    "pipelining": Probe(_pipelines),
    "HEAD": Probe(_heads),
    "late errors": Probe(_tells_late_errors),
    "early errors": Probe(_tells_early_errors),
    "strict framing": Probe(_frames_strictly),
    "headers apart": Probe(_keeps_headers_apart),
    "repeated headers": Probe(_joins_repeated_headers),
    "leaving clients": Probe(_notices_leaving_clients),
    "client ports": Probe(_tells_client_ports),
    "IPv6 clients": Probe(_tells_clients_on_ipv6, "tcp6"),
    "slow clients": Probe(_serves_beside_slow_clients),
}
"""The probe of each of Chaussette's `ABILITIES`."""
