"""No request is lost while processes on one socket are replaced: the promise, under load, on every engine.

The clients never try again. Half of them keep their connection and think between requests, so that some request is always
about to be sent when a process drains; the others connect anew each time.
"""

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import socket

import pytest

from live import chaussette, client, get, listening

BACKENDS = ("fast", "fastgevent", "waitress", "gevent", "meinheld", "wsgiref")
THINKING = (0.0, 0.001, 0.01, 0.05, 0.2)
"""Seconds between two requests of a connection, in turns: how close to a drain a request comes must vary."""
REPLACEMENTS = 3


class Clients:
    """What was sent, and what was lost."""

    def __init__(self, sock: socket) -> None:
        self._sock = sock
        self._stop = threading.Event()
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


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_no_request_is_lost_while_processes_are_replaced(backend: str, kind: str, tmp_path: Path) -> None:
    with listening(kind, tmp_path) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", backend, "--keep-alive-grace", "1", "behaviour:app")
        clients = Clients(sock)
        threads = [threading.Thread(target=clients.keep, args=(index % len(THINKING),)) for index in range(8)]
        threads += [threading.Thread(target=clients.anew) for _ in range(2)]
        old = chaussette(*options, fds=[sock.fileno()])
        try:
            old.wait_for("Using")
            for thread in threads:
                thread.start()
            for _ in range(REPLACEMENTS):
                new = chaussette(*options, fds=[sock.fileno()])
                new.wait_for("Using")
                leaving, old = old, new
                with leaving:
                    assert leaving.terminate() == 0
        finally:
            clients.stop()
            for thread in threads:
                thread.join()
            with old:
                assert get(sock)[0] == 200
                assert old.terminate() == 0
    assert not clients.lost, f"of {clients.sent}"
    assert clients.sent > 100
