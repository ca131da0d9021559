"""No request is lost while processes on one socket are replaced: the promise, under load, on every engine.

The clients never try again. Half of them keep their connection and think between requests, so that some request is always
about to be sent when a process drains; the others connect anew each time.
"""

import http.client
import itertools
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from threading import Event, Thread

import pytest

from chaussette.backend import find
from live import BACKENDS, chaussette, client, get, listening

THINKING = (0.0, 0.001, 0.01, 0.05, 0.2)
"""Seconds between two requests of a connection, in turns: how close to a drain a request comes must vary."""
REPLACEMENTS = 3


class Clients:
    """What was sent, and what was lost."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self._stop = Event()
        self.sent = 0
        self.lost: Counter[str] = Counter()

    def keep(self, first: int) -> None:
        """Keep connections as long as the server lets them."""
        thinking = itertools.cycle(THINKING[first:] + THINKING[:first])
        while not self._stop.is_set():
            with self._counted("keep-alive"), client(self._sock) as connection:
                while not self._stop.is_set():
                    self.sent += 1
                    connection.request("GET", "/")
                    answer = connection.getresponse()
                    answer.read()
                    assert answer.status == 200
                    if answer.will_close:
                        break
                    time.sleep(next(thinking))

    def keeper(self, first: int) -> Thread:
        """A thread that does so."""
        return Thread(target=self.keep, args=(first,))

    def anew(self) -> None:
        """Connect for each request."""
        while not self._stop.is_set():
            with self._counted("new connection"):
                self.sent += 1
                assert get(self._sock)[0] == 200
            time.sleep(0.005)

    def stop(self) -> None:
        self._stop.set()

    @contextmanager
    def _counted(self, kind: str) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException, AssertionError) as error:
            self.lost[f"{kind}: {error!r}"] += 1


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
        clients = [Clients(sock) for sock in socks]
        threads = [
            thread for each in clients for thread in (*map(each.keeper, range(len(THINKING))), Thread(target=each.anew))
        ]
        old = chaussette(*options, fds=fds)
        try:
            old.wait_for("Using")
            for thread in threads:
                thread.start()
            for _ in range(REPLACEMENTS):
                new = chaussette(*options, fds=fds)
                new.wait_for("Using")
                leaving, old = old, new
                with leaving:
                    assert leaving.terminate() == 0
        finally:
            for each in clients:
                each.stop()
            for thread in threads:
                thread.join()
            with old:
                assert get(socks[0])[0] == 200
                assert old.terminate() == 0
    for each in clients:
        assert not each.lost, f"of {each.sent}"
        assert each.sent > 100
