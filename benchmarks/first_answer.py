"""Time from exec to the first answer: what a restart, or a request on a socket that starts its server, waits
for.

Servers that bind their own port: the client tries to connect again and again until it is let in. Servers
that inherit a socket: the client is in the accept queue with its request before the process exists. Servers
and client have a core each. The bar: Chaussette with waitress is up in at most 1.2 times the time of
waitress-serve, both binding their own port.
"""

import argparse
import os
import socket
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time

from .harness import ROOT, progress, table
from .machine import machine, versions
from .process import Contender, cores, end, listening, spawn

BAR = 1.2
_APP = "benchmarks.apps:hello"
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_PYTHON = "python -c pass"
_SECONDS = 20.0
"""For one answer."""


def _script(name: str) -> str:
    return os.path.join(sysconfig.get_path("scripts"), name)


CONTENDERS = (
    Contender("waitress-serve", (_script("waitress-serve"), "--listen=127.0.0.1:{port}", _APP)),
    Contender("chaussette --port", (_script("chaussette"), "--host", "127.0.0.1", "--port", "{port}", _APP)),
    Contender("gunicorn, 1 sync worker", (_script("gunicorn"), "--bind", "127.0.0.1:{port}", _APP)),
    Contender("chaussette --fd", (_script("chaussette"), "--fd", "{fd}", _APP)),
    Contender("gunicorn --bind fd://", (_script("gunicorn"), "--bind", "fd://{fd}", _APP)),
    Contender(_PYTHON, (sys.executable, "-c", "pass")),
)


def main() -> int:
    """Measure, print, and return 1 if Chaussette is over the bar."""
    parser = argparse.ArgumentParser(description="Time from exec to the first answer.")
    parser.add_argument("--rounds", type=int, default=25, help="rounds in turns (default: %(default)s)")
    asked = parser.parse_args()
    os.chdir(ROOT)  # where all of them find the app
    os.sched_setaffinity(0, {cores()[1]})
    times: dict[str, list[float]] = {contender.name: [] for contender in CONTENDERS}
    for number in range(-1, asked.rounds):
        progress(f"round {number + 1} of {asked.rounds}")
        for contender in CONTENDERS:
            took = _time(contender)
            if number >= 0:  # the first round only fills the caches: bytecode, pages
                times[contender.name].append(took * 1e3)
    print(f"{machine()}\n{versions(['chaussette', 'waitress', 'gunicorn'])}")
    print(f"{asked.rounds} rounds in turns, milliseconds\n")
    reference = times["waitress-serve"]
    rows = [
        [
            name,
            f"{statistics.median(took):.0f}",
            f"{min(took):.0f}..{max(took):.0f}",
            f"{_ratio(took, reference):.2f}",
        ]
        for name, took in times.items()
    ]
    print(table(("server", "first answer, ms", "min..max", "x waitress-serve"), rows))
    ratio = _ratio(times["chaussette --port"], reference)
    print(f"\nbar {BAR}: {'held' if ratio <= BAR else 'missed'} ({ratio:.3f})")
    return ratio > BAR


def _ratio(mine: list[float], reference: list[float]) -> float:
    return statistics.median(one / other for one, other in zip(mine, reference, strict=True))


def _time(contender: Contender) -> float:
    """Seconds from exec to the first bytes of an answer, or to the end of a process that is no server."""
    sock = listening(nodelay=True)
    address = sock.getsockname()
    with tempfile.TemporaryFile() as log, socket.socket() as client:
        client.settimeout(_SECONDS)
        if contender.inherits:
            client.connect(address)
            client.sendall(_REQUEST)
        else:
            sock.close()
        began = time.perf_counter()
        process = spawn(contender, sock if contender.inherits else None, address[1], log.fileno())
        sock.close()  # what the server inherited stays open, and the client of a dead server is told
        try:
            if contender.name == _PYTHON:
                process.wait(_SECONDS)
            elif contender.inherits:
                _receive(client)
            else:
                _knock(address, process)
            return time.perf_counter() - began
        except OSError as error:
            log.seek(0)
            said = log.read().decode(errors="replace").strip()
            raise SystemExit(f"{contender.name} did not answer: {error}\n{said}") from None
        finally:
            end(process)


def _knock(address: tuple[str, int], process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with socket.socket() as client:
            client.settimeout(_SECONDS)
            try:
                client.connect(address)
            except ConnectionRefusedError:
                continue
            client.sendall(_REQUEST)
            _receive(client)
            return
    raise ConnectionRefusedError(f"it ended, status {process.returncode}")


def _receive(client: socket.socket) -> None:
    if not client.recv(4096).startswith(b"HTTP/1."):
        raise ConnectionResetError("no answer, or a strange one")


if __name__ == "__main__":
    sys.exit(main())
