"""Readiness, told to one thread, once: epoll(7) with EPOLLONESHOT, or the same on the standard library's
`selectors` where there is no epoll.

A file descriptor is armed by `register` or `modify`, and disarmed by the event that `wait` returns. Any
thread may arm and any number may wait.

Where there is no epoll, as on macOS and the BSDs, kqueue(2) could be driven as epoll is. `selectors` has it
too, tested by Python itself on those systems, behind an interface that is the same on all: so our half of it
is tested on Linux as it runs there, by whole servers in a Python whose `select` has no epoll.
"""

import os
import select
from collections import deque
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector, DefaultSelector
from threading import Lock
from typing import Protocol

_SOME = 16
"""Events: most of the calls are saved, and what arrives meanwhile is not kept waiting for long."""


class Poller(Protocol):
    """What an engine of threads waits with."""

    READ: int
    WRITE: int
    STAY: int
    """Like READ, and it stays armed; it is told of what comes, once, and not of what is there. 0 if there is no such thing."""
    ALL_TOLD: int
    """What an event is of which nothing more will be told: there is something to read, and the client has not gone."""

    def register(self, fd: int, mask: int) -> None:
        """Arm a file descriptor for the first time."""

    def modify(self, fd: int, mask: int) -> None:
        """Arm it again."""

    def disarm(self, fd: int) -> None:
        """Arm it no more: to be called before another than who waits for it closes it."""

    def listen(self, fd: int) -> None:
        """Arm a listener, which other processes may wait for too."""

    def heard(self, fd: int) -> None:
        """Disarm a listener: to be called at its event, which does not do that, and before it is closed."""

    def wait(self) -> list[tuple[int, int]]:
        """Wait for an event: one file descriptor, disarmed, with what happened. Empty when it is woken by
        `stop`."""

    def wait_for_some(self) -> list[tuple[int, int]]:
        """Like `wait`, with more than one if there are: for the only thread that waits."""

    def wait_at_most(self, seconds: float) -> list[tuple[int, int]]:
        """Like `wait_for_some`, for so long: empty when nothing has come."""

    def stop(self) -> None:
        """Wake all that wait, now and from now on."""

    def close(self) -> None:
        """Give back what it has opened, when nobody waits any more."""


def make_poller() -> Poller:
    """The best that this system has."""
    return Epoll() if hasattr(select, "epoll") else Selector(DefaultSelector())


class Epoll:
    """epoll(7). Its methods are the C functions themselves: each is called once a request.

    Sockets that stay armed, edge-triggered, save the call of `modify`, 7 % of a short request (CPython 3.11, compiled: 9.7
    us in place of 10.5). But an event that comes while a connection has an owner is lost then, so that is for the thread
    that waits alone, which is the owner itself, see `Parking.stay`.

    A listener is shared with other processes, and epoll(7) would wake all of them for each arrival, in the
    same order each time: the first served five times what the last did (4 of them, 50 clients). With
    EPOLLEXCLUSIVE it wakes the first of those that wait; who has been woken leaves the queue, and is the last
    when it waits again. So they take turns, and it costs less.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.READ = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
        self.WRITE = select.EPOLLOUT | select.EPOLLONESHOT
        self.STAY = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
        self.ALL_TOLD = select.EPOLLIN
        self._LISTEN = select.EPOLLIN | select.EPOLLET | select.EPOLLEXCLUSIVE
        self.register, self.modify = self._epoll.register, self._epoll.modify
        self._unregister = self._epoll.unregister
        # One event at a time: a second one would wait for the app of the first.
        self.wait = partial(self._epoll.poll, -1, 1)
        self.wait_for_some = partial(self._epoll.poll, -1, _SOME)
        self._end = os.pipe()

    def wait_at_most(self, seconds: float) -> list[tuple[int, int]]:
        return self._epoll.poll(seconds, _SOME)

    def disarm(self, fd: int) -> None:
        """Nothing to do: what is closed is armed no more, see epoll(7)."""

    def listen(self, fd: int) -> None:
        try:
            self.register(fd, self._LISTEN)
        except OSError:  # armed by another thread since, or closed
            return

    def heard(self, fd: int) -> None:
        # Closing it would not do: others have it open, so it would stay armed, and be woken in their place.
        try:
            self._unregister(fd)
        except OSError:  # not armed yet
            return

    def stop(self) -> None:
        self._epoll.register(self._end[0], select.EPOLLIN)  # and it stays readable
        os.write(self._end[1], b"!")

    def close(self) -> None:
        self._epoll.close()
        for fd in self._end:
            os.close(fd)


class Selector:
    """A selector: one thread waits for all, and leaves the events for whoever waits next.

    Only that one touches the selector, which is not made for several; what others arm they leave in
    `_changes`.
    """

    READ, WRITE = EVENT_READ, EVENT_WRITE
    STAY, ALL_TOLD = 0, -1

    def __init__(self, selector: BaseSelector) -> None:
        self._selector = selector
        self._changes: deque[tuple[int, int]] = deque()
        self._ready: deque[tuple[int, int]] = deque()
        self._leader = Lock()
        self._over = False
        self._news = os.pipe()
        for fd in self._news:
            os.set_blocking(fd, False)
        selector.register(self._news[0], EVENT_READ)

    def register(self, fd: int, mask: int) -> None:
        self._changes.append((fd, mask))
        self._wake()

    modify = register

    def disarm(self, fd: int) -> None:
        """Let go of it. A poll(2) that waits for a closed socket keeps it open, and its client waiting."""
        self.register(fd, 0)

    heard = disarm

    def listen(self, fd: int) -> None:
        self.register(fd, self.READ)

    def wait(self) -> list[tuple[int, int]]:
        with self._leader:
            while not self._ready and not self._over:
                self._arm()
                self._select(None)
            return self._next()

    wait_for_some = wait

    def wait_at_most(self, seconds: float) -> list[tuple[int, int]]:
        with self._leader:
            if not self._ready and not self._over:
                self._arm()
                self._select(seconds)
            return self._next()

    def stop(self) -> None:
        self._over = True
        self._wake()

    def close(self) -> None:
        self._selector.close()
        for fd in self._news:
            os.close(fd)

    def _wake(self) -> None:
        with suppress(BlockingIOError):  # so much news that the leader will look anyway
            os.write(self._news[1], b"!")

    def _arm(self) -> None:
        while self._changes:
            fd, mask = self._changes.popleft()
            with suppress(KeyError):  # what had this number may have been closed while it was armed
                self._selector.unregister(fd)
            if mask:
                with suppress(OSError):  # closed by now
                    self._selector.register(fd, mask)

    def _next(self) -> list[tuple[int, int]]:
        return [self._ready.popleft()] if self._ready else []

    def _select(self, seconds: float | None) -> None:
        for key, event in self._selector.select(seconds):
            if key.fd == self._news[0]:
                os.read(key.fd, 4096)
            else:
                self._selector.unregister(key.fd)
                self._ready.append((key.fd, event))
