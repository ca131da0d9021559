"""What the tests of the contract share: an engine on a kind of socket that it got in one way or the other."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chaussette.config import DEFAULTS
from live import BACKENDS, KINDS, Address, Gate, Process, chaussette, listening, own_address


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
