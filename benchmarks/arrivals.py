"""How long a new client waits at a server that is busy with those it has.

An app computes for two milliseconds, as one does that renders a page. Fifty clients connect at once, ask, and ask again
as soon as they are answered: the server has as many of them as it has accepted, and no moment of rest. What is told is
when the median and the last of them had the first answer, and how often the least and the most lucky one was answered.
Fifty requests take a tenth of a second: nobody has to wait for longer.
"""

import os
import selectors
import socket
import statistics
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic

from .asked import chosen, options
from .contenders import Peer, serving
from .harness import progress, table
from .machine import machine, versions
from .process import ServerFailedError, cores, running
from .stolen import Since

_APP = "benchmarks.apps:page"
_CLIENTS = 50
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
_ROOM = 4096
"""Bytes: an answer is shorter, and comes in one piece."""


@dataclass(slots=True)
class _Seen:
    peer: Peer
    median: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    """Milliseconds."""
    least: list[int] = field(default_factory=list)
    most: list[int] = field(default_factory=list)
    """Answers."""
    failure: str = ""


def main() -> int:
    """Measure and print."""
    asked = options("How long a new client waits at a busy server.", rounds=3, seconds=5).parse_args()
    os.sched_setaffinity(0, {cores()[1]})
    seen = [_Seen(peer) for peer in chosen(serving("flask"), asked.only)]
    stolen = Since()
    for number in range(asked.rounds):
        for each in seen:
            if not each.failure:
                progress(f"round {number + 1} of {asked.rounds}: {each.peer.name}")
                _round(each, asked.seconds)
    print(f"{machine()}\n{versions(dict.fromkeys(each.peer.package for each in seen))}")
    print(
        f"{asked.rounds} rounds of {asked.seconds} s, {_CLIENTS} clients at once, an app that computes for 2 ms; medians; "
        f"a hypervisor took {stolen.part():.1%} of a core meanwhile\n"
    )
    heading = ("server", "first answer: the median client, ms", "the last, ms", "answers: the least", "the most")
    print(table(heading, [_row(each) for each in seen]))
    return 0


def _round(seen: _Seen, seconds: int) -> None:
    try:
        with running(seen.peer.serving(_APP)) as server:
            firsts, counts = _crowd(server.port, seconds)
    except (ServerFailedError, OSError) as error:
        seen.failure = str(error)
        progress(f"{seen.peer.name} failed: {error}")
        return
    late = [first * 1e3 for first in firsts] + [float("inf")] * (_CLIENTS - len(firsts))
    seen.median.append(statistics.median(late))
    seen.last.append(max(late))
    seen.least.append(min(counts))
    seen.most.append(max(counts))


def _crowd(port: int, seconds: int) -> tuple[list[float], list[int]]:
    """When each client that got one had the first answer, in seconds, and how many answers each had."""
    firsts: list[float] = []
    counts = dict.fromkeys(range(_CLIENTS), 0)
    with ExitStack() as stack, selectors.DefaultSelector() as selector:
        began = monotonic()
        for number in range(_CLIENTS):
            sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=seconds))
            sock.sendall(_REQUEST)
            selector.register(sock, selectors.EVENT_READ, number)
        while (now := monotonic()) < began + seconds:
            for key, _ in selector.select(began + seconds - now):
                sock = key.fileobj  # type: ignore[assignment]  # nothing else was registered
                if not sock.recv(_ROOM):
                    raise ServerFailedError("it closes connections that were to be kept")
                if not counts[key.data]:
                    firsts.append(monotonic() - began)
                counts[key.data] += 1
                sock.sendall(_REQUEST)
    return firsts, list(counts.values())


def _row(seen: _Seen) -> list[str]:
    if seen.failure or not seen.last:
        return [seen.peer.name, f"failed: {seen.failure.partition(chr(10))[0]}", "", "", ""]
    return [
        seen.peer.name,
        *(f"{statistics.median(times):,.0f}".replace("inf", "none in time") for times in (seen.median, seen.last)),
        f"{statistics.median(seen.least):.0f}",
        f"{statistics.median(seen.most):.0f}",
    ]


if __name__ == "__main__":
    sys.exit(main())
