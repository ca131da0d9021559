"""granian: HTTP in Rust (hyper on tokio), a WSGI app in threads, an ASGI app on asyncio.

It has no public way to take a socket, nor to serve without its own manager of processes. What that manager uses is taken
here: a `SocketHolder` of a file descriptor, and a worker, whose loop runs in a thread of Rust's. Its arguments may change with
any release, so Chaussette's extra pins the releases that were tried. The main thread has asyncio's loop, for signals, for the
drain, and for ASGI apps.

What is put right, beside what `granian_apps` does:

- It calls `listen(2)` again: with the backlog that the socket has.
- It has no drain but to stop accepting and to hang up what is idle, at once. So a listener where nobody connects takes the
  place of ours, and granian is told to end when the grace is over. (A socket that does not listen will not do: granian then
  tries to accept in a busy loop, and hears of nothing else.)
"""

import asyncio
import logging
import os
import socket
import struct
import sys
from collections.abc import Sequence
from ctypes import addressof, create_string_buffer
from threading import get_native_id
from time import monotonic
from typing import TYPE_CHECKING, cast, get_type_hints

from granian._futures import _new_cbscheduler
from granian._granian import SocketHolder, WorkerSignal
from granian.http import HTTP1Settings

from ..config import Config
from ..interface import is_asgi
from ..listeners import Listener
from ..listeners.backlog import backlog_of
from . import tuning
from .aio import Asking, beating, linger
from .base import Pulse, no_pulse
from .goodbye import ASGIApp
from .granian_apps import Asgi, Kind, Wsgi
from .heart import Heart
from .idle import busy, is_connected

if TYPE_CHECKING:
    from wsgiref.types import WSGIApplication

_LAST_MOMENT = 1.0
"""Seconds that granian's threads may take to end after they have said so: one that asks for the GIL while Python ends aborts
the process."""
_SO_ATTACH_FILTER = 26
_DROP = struct.pack("HBBI", 6, 0, 0, 0)
"""struct sock_filter (linux/filter.h): return 0, which drops every packet, and so every attempt to connect."""


class _Site:
    """A listener, and the worker that serves it."""

    def __init__(self, kind: Kind, listener: Listener) -> None:
        loop, unix, self._family = asyncio.get_running_loop(), listener.kind == "unix", listener.sock.family
        self._signal, self._ended, self._last_thread = WorkerSignal(), asyncio.Event(), 0

        def ended() -> None:
            self._last_thread = get_native_id()
            loop.call_soon_threadsafe(self._ended.set)

        self._signal.add_cb(ended)
        self._fd = os.dup(listener.sock.fileno())  # granian closes it
        worker, callback = kind.worker(listener, SocketHolder(self._fd, unix, backlog_of(listener.sock)))
        serve = worker.serve_str_uds if unix else worker.serve_str
        serve(_new_cbscheduler(loop, callback, impl_asyncio=True), loop, self._signal)

    def accept_no_more(self) -> None:
        """Put a listener of the same family where nobody ever connects in the place of ours, under its file descriptor."""
        with socket.socket(self._family) as silent:
            if self._family == socket.AF_UNIX:
                silent.bind("")  # a name that the kernel chooses
            else:
                nothing = create_string_buffer(_DROP)
                silent.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 1, addressof(nothing)))
            silent.listen(1)
            silent.setblocking(False)
            os.dup2(silent.fileno(), self._fd, inheritable=False)

    async def end(self) -> None:
        """Hang up what is idle, and wait for the rest."""
        self._signal.set()
        await self._ended.wait()

    @property
    def is_ending(self) -> bool:
        """Whether the thread is there still that has told of the end."""
        return os.path.exists(f"/proc/self/task/{self._last_thread}")


def _native_threads() -> int:
    """How many threads there are that run no Python."""
    return len(os.listdir("/proc/self/task")) - len(sys._current_frames())


class Server:
    """granian on listeners that are open already."""

    def __init__(self, app: "WSGIApplication", listeners: Sequence[Listener], config: Config) -> None:
        self._listeners, self._config = listeners, config
        told = tuning.chosen(Server, config)
        http = HTTP1Settings(**told) if told else None
        self._kind: Kind = (
            Asgi(cast(ASGIApp, app), http) if is_asgi(app) else Wsgi(app, len(listeners), config.threads or 4, http)
        )
        self._asking = Asking()

    @classmethod
    def setup(cls) -> None:
        """Nothing to patch."""

    @classmethod
    def settings(cls) -> tuning.Settings:
        """granian's settings of HTTP/1."""
        return tuning.Settings.of(get_type_hints(HTTP1Settings), {})

    def serve(self, pulse: Pulse = no_pulse) -> None:
        """Serve until `shutdown()`, then drain."""
        logging.getLogger("_granian").setLevel("WARNING")  # its workers' beginning and end are no news
        asyncio.run(self._serve(pulse))

    def shutdown(self) -> None:
        """Ask for the drain."""
        self._kind.closing = True
        self._asking.ask()

    def in_flight(self) -> int:
        """Requests that the app has."""
        return self._kind.in_flight

    async def _serve(self, pulse: Pulse) -> None:
        before = _native_threads()
        async with self._asking.heard() as asked:
            await self._kind.start()
            sites = [_Site(self._kind, listener) for listener in self._listeners]
            async with beating(Heart(pulse, self._kind.run)):
                await asked.wait()
                self._kind.closing = True
                await self._drain(sites)
            await self._kind.stop()
            patience = monotonic() + _LAST_MOMENT
            while (any(site.is_ending for site in sites) or _native_threads() > before) and monotonic() < patience:
                await asyncio.sleep(0.01)

    async def _drain(self, sites: list[_Site]) -> None:
        for site in sites:
            site.accept_no_more()
        addresses = [listener.sock.getsockname() for listener in self._listeners]
        await linger((), self._config.linger, lambda: is_connected(addresses))
        # granian takes a connection for idle until the head of a request is whole. The kernel knows better, of TCP.
        tcp = [address for address in addresses if isinstance(address, tuple)]
        while busy(tcp):
            await asyncio.sleep(0.1)
        await asyncio.gather(*(site.end() for site in sites))
