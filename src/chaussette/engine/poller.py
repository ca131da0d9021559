"""Readiness, told to one thread, once: epoll(7) with EPOLLONESHOT, or the same on poll(2) where there is no
epoll.

A file descriptor is armed by `register` or `modify`, and disarmed by the event that `wait` returns. Any
thread may arm and any number may wait.
"""

import os
import select
from collections import deque
from contextlib import suppress
from functools import partial
from threading import Lock
from typing import Protocol


class Poller(Protocol):
    """What an engine of threads waits with."""

    READ: int
    WRITE: int

    def register(self, fd: int, mask: int) -> None:
        """Arm a file descriptor for the first time."""

    def modify(self, fd: int, mask: int) -> None:
        """Arm it again."""

    def wait(self) -> list[tuple[int, int]]:
        """Wait for an event: one file descriptor, disarmed, with what happened. Empty when it is woken by
        `stop`."""

    def stop(self) -> None:
        """Wake all that wait, now and from now on."""

    def close(self) -> None:
        """Give back what it has opened, when nobody waits any more."""


def make_poller() -> Poller:
    """The best that this system has."""
    return Epoll() if hasattr(select, "epoll") else Poll()


class Epoll:
    """epoll(7). Its methods are the C functions themselves: each is called once a request.

    Sockets that stay armed, edge-triggered, save the call of `modify`, and 2 % (measured): not worth what it
    takes to not lose an event that comes while a connection has an owner.
    """

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self.READ = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLONESHOT
        self.WRITE = select.EPOLLOUT | select.EPOLLONESHOT
        self.register, self.modify = self._epoll.register, self._epoll.modify
        # One event at a time: a second one would wait for the app of the first.
        self.wait = partial(self._epoll.poll, -1, 1)
        self._end = os.pipe()

    def stop(self) -> None:
        self._epoll.register(self._end[0], select.EPOLLIN)  # and it stays readable
        os.write(self._end[1], b"!")

    def close(self) -> None:
        self._epoll.close()
        for fd in self._end:
            os.close(fd)


class Poll:
    """poll(2): one thread polls for all, and leaves the events for whoever waits next."""

    READ, WRITE = select.POLLIN, select.POLLOUT

    def __init__(self) -> None:
        self._armed: dict[int, int] = {}
        self._ready: deque[tuple[int, int]] = deque()
        self._leader = Lock()
        self._over = False
        self._news = os.pipe()
        for fd in self._news:
            os.set_blocking(fd, False)

    def register(self, fd: int, mask: int) -> None:
        self._armed[fd] = mask
        with suppress(BlockingIOError):  # so much news that the leader will look anyway
            os.write(self._news[1], b"!")

    modify = register

    def wait(self) -> list[tuple[int, int]]:
        with self._leader:
            while not self._ready and not self._over:
                self._poll()
            return [self._ready.popleft()] if self._ready else []

    def stop(self) -> None:
        self._over = True
        self.register(self._news[0], select.POLLIN)

    def close(self) -> None:
        for fd in self._news:
            os.close(fd)

    def _poll(self) -> None:
        poll = select.poll()
        poll.register(self._news[0], select.POLLIN)
        for fd, mask in list(self._armed.items()):
            poll.register(fd, mask)
        for fd, event in poll.poll():
            if fd == self._news[0]:
                os.read(fd, 4096)
            else:
                self._armed.pop(fd, None)
                self._ready.append((fd, event))
