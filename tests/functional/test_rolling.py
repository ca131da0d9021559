"""No request is lost while processes on one socket are replaced: the promise, under load, on every engine."""

from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from chaussette.backend import find
from clients import Clients
from live import BACKENDS, chaussette, connect, get, listening

REPLACEMENTS = 3


@dataclass(frozen=True)
class Case:
    backend: str
    kinds: tuple[str, ...]
    """The sockets that one process serves on."""

    def __str__(self) -> str:
        return "-".join((self.backend, *self.kinds))


CASES = [
    Case(backend, kinds)
    for backend in BACKENDS
    for kinds in ([("tcp", "unix")] if find(backend).several_listeners else [("tcp",), ("unix",)])
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_request_is_lost_while_processes_are_replaced(case: Case, tmp_path: Path) -> None:
    with ExitStack() as open_sockets:
        socks = [open_sockets.enter_context(listening(kind, tmp_path)) for kind in case.kinds]
        fds = [sock.fileno() for sock in socks]
        binds = [word for fd in fds for word in ("--fd", str(fd))]
        options = (*binds, "--backend", case.backend, "--keep-alive-grace", "1", "behaviour:app")
        old = chaussette(*options, fds=fds)
        try:
            old.wait_for("Using")
            with ExitStack() as clients:
                for sock in socks:
                    clients.enter_context(Clients(partial(connect, sock)))
                for _ in range(REPLACEMENTS):
                    new = chaussette(*options, fds=fds)
                    new.wait_for("Using")
                    leaving, old = old, new
                    with leaving:
                        assert leaving.terminate() == 0
        finally:
            with old:
                assert get(socks[0])[0] == 200
                assert old.terminate() == 0
