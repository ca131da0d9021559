"""Clients that ask all the time, never try again, and count what they lose.

Most of them keep their connection and think between requests, so that some request is always about to be sent when a process
drains; the others connect anew each time.
"""

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from socket import socket
from typing import Self

from live import PATIENCE

KEEPING, CONNECTING = 8, 2
"""Clients that keep their connection, and clients that do not."""
THINKING = (0.0, 0.001, 0.01, 0.05, 0.2)
"""Seconds between two requests of a connection, in turns: how close to a drain a request comes must vary."""

PAUSE = 0.005
"""Seconds between two requests of a client that connects anew: without it, these clients alone would keep both cores busy."""


class Clients:
    """All of them, for the length of a `with` block, which fails if a request is lost."""

    def __init__(self, connect: Callable[[], socket]) -> None:
        self._connect = connect
        self._news = threading.Condition()
        self._over = False
        self.sent, self.lost = 0, Counter[str]()
        self.seen: set[bytes] = set()
        """All different bodies that were answered."""
        turns = [THINKING[index % len(THINKING) :] + THINKING[: index % len(THINKING)] for index in range(KEEPING)]
        self._threads = [threading.Thread(target=self._keep, args=(turn,)) for turn in turns]
        self._threads += [threading.Thread(target=self._anew) for _ in range(CONNECTING)]

    def meet(self, body: bytes) -> None:
        """Wait until a client has got `body`, or has lost a request."""
        with self._news:
            assert self._news.wait_for(lambda: body in self.seen or self.lost, PATIENCE), f"nobody got {body!r}"

    def more(self, count: int) -> None:
        """Wait until `count` more requests are answered, or one is lost."""
        with self._news:
            wanted = self.sent + count
            assert self._news.wait_for(lambda: self.sent >= wanted or self.lost, PATIENCE), f"{self.sent} were sent"

    def _keep(self, turn: tuple[float, ...]) -> None:
        thinking = itertools.cycle(turn)
        while not self._over:
            with self._counted("keep-alive"), self._client() as connection:
                while not self._over:
                    if self._ask(connection).will_close:
                        break
                    time.sleep(next(thinking))  # a reader's time; it waits for nothing

    def _anew(self) -> None:
        while not self._over:
            with self._counted("new connection"), self._client() as connection:
                self._ask(connection, Connection="close")
            time.sleep(PAUSE)

    def _ask(self, connection: http.client.HTTPConnection, **headers: str) -> http.client.HTTPResponse:
        connection.request("GET", "/", headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200
        with self._news:
            self.sent += 1
            self.seen.add(body)
            self._news.notify_all()
        return answer

    @contextmanager
    def _client(self) -> Iterator[http.client.HTTPConnection]:
        connection = http.client.HTTPConnection("example.org", timeout=PATIENCE)
        connection.sock = self._connect()
        connection.auto_open = 0
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def _counted(self, kind: str) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException, AssertionError) as error:
            with self._news:
                self.lost[f"{kind}: {error!r}"] += 1
                self._news.notify_all()

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *ignored: object) -> None:
        self._over = True
        for thread in self._threads:
            thread.join()
        assert not self.lost, f"of {self.sent}"
        assert self.sent > 100
