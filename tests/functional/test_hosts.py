"""One Host, or none in HTTP/1.0: else a proxy and an app may mean two sites (RFC 9112, section 3.2)."""

import re
from pathlib import Path

import pytest

from chaussette.backend import find
from live import BACKENDS, PATIENCE, chaussette, connect, listening

REQUESTS = {
    "one": (200, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
    "none in HTTP/1.0": (200, b"GET / HTTP/1.0\r\n\r\n"),
    "none": (400, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n"),
    "two": (400, b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nConnection: close\r\n\r\n"),
}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_request_is_for_one_host(backend: str, tmp_path: Path) -> None:
    answered = {}
    with listening("tcp", tmp_path) as sock:
        words = ("--fd", str(sock.fileno()), "--backend", backend, "behaviour:app")
        with chaussette(*words, fds=[sock.fileno()]):
            for name, (_, sent) in REQUESTS.items():
                with connect(sock) as connection:
                    connection.settimeout(PATIENCE)
                    connection.sendall(sent)
                    answered[name] = int(re.findall(rb"HTTP/1\.[01] (\d+)", connection.recv(65536))[0])
    expected = {name: status for name, (status, _) in REQUESTS.items()}
    if "repeated headers" in find(backend).lacks:  # it makes one of two
        expected["two"] = 200
    assert answered == expected
