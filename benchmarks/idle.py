"""What 10,000 idle connections cost: memory, and CPU time per request of 50 busy ones beside them.

Two processes of each server share the core and are loaded at the same time, 50 connections each, see pairs.py. In
each round one of the two, in turns, has the idle ones: clients that connected, asked once and stay. The bars: at
most 100 MB (RSS) for the 10,000, and at most 1.1 times the CPU time per request.
The limit on open files must allow for them, in the server and here: `ulimit -n`.
"""

import os
import resource
import socket
import statistics
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count

from .apps import HELLO
from .asked import chosen, options
from .bar import Bar
from .contenders import Peer, peers
from .harness import cost, progress, table
from .load import Load, ask
from .machine import machine, versions
from .memory import memory
from .process import Running, ServerFailedError, cores, running, tree

_APP = "benchmarks.apps:hello"
_SPARE = 200
"""Files that are open beside the idle connections: the busy ones, the server's own."""
_MEGABYTES = 100
_RATIO = 1.1
_SECONDS = 10.0
_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
_FEW = ("fast", "fast-1-thread", "fastgevent", "bjoern", "fastpysgi", "granian", "gevent")


@dataclass(slots=True)
class _Seen:
    peer: Peer
    without: list[float] = field(default_factory=list)
    beside: list[float] = field(default_factory=list)
    """CPU microseconds per request."""
    megabytes: list[float] = field(default_factory=list)
    failure: str = ""

    @property
    def ratios(self) -> list[float]:
        return [beside / without for without, beside in zip(self.without, self.beside, strict=True)]


def main() -> int:
    """Measure, print, and return 1 if a bar is missed."""
    parser = options("What idle connections cost.", rounds=6, seconds=1)
    parser.add_argument("--connections", type=int, default=10_000, help="idle ones (default: %(default)s)")
    asked = parser.parse_args()
    _allow(asked.connections + _SPARE)
    os.sched_setaffinity(0, {cores()[1]})
    everything = peers("--limit-connections", str(asked.connections + _SPARE))
    known = [name for name in _FEW if any(name == peer.name for peer in everything)]
    seen = [_Seen(peer) for peer in chosen(everything, asked.only or known)]
    for each in seen:
        progress(each.peer.name)
        _measure(each, asked.rounds, asked.seconds, asked.connections)
    print(f"{machine()}\n{versions(dict.fromkeys(each.peer.package for each in seen))}")
    print(f"{asked.rounds} rounds of {asked.seconds} s, hello, 50 busy and {asked.connections:,} idle connections\n")
    heading = ("server", "CPU us/request without", "beside the idle", "ratio", "ratio, min..max", "MB for the idle")
    print(table(heading, [_row(each) for each in seen]))
    bars = [bar for each in seen if each.peer.own for bar in _bars(each)]
    print("\n" + "\n".join(f"- {bar}" for bar in bars))
    return any(bar.held is False for bar in bars)


def _allow(files: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < files:
        raise SystemExit(f"The limit on open files is {hard:,}, and {files:,} are needed: ulimit -n {files}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # servers inherit it


def _measure(seen: _Seen, rounds: int, seconds: int, connections: int) -> None:
    contender = seen.peer.serving(_APP)
    try:
        with running(contender) as one, running(contender) as other:
            both = [one, other]
            _load(both, 1)  # what a first load leaves in memory is none of the idle ones'
            for _ in range(rounds):
                holds, free = both
                before = memory(holds.pid).rss
                with _idle(holds, connections):
                    seen.megabytes.append(memory(holds.pid).rss - before)
                    beside, without = _load(both, seconds)
                    if (still := _open(holds)) < connections:
                        raise ServerFailedError(f"{still:,} of {connections:,} idle connections were kept")
                seen.beside.append(beside)
                seen.without.append(without)
                _wait_until_closed(holds)
                both = [free, holds]
    except ServerFailedError as error:
        seen.failure = str(error)
        progress(f"{seen.peer.name} failed: {error}")


def _load(servers: list[Running], seconds: int) -> list[float]:
    with ThreadPoolExecutor(len(servers)) as threads:
        before = [server.cpu() for server in servers]
        answers = list(threads.map(lambda server: ask(server.port, Load(), seconds), servers))
        after = [server.cpu() for server in servers]
    return [cost(*each).cpu_us for each in zip(before, after, answers, strict=True)]


def _sources() -> Iterator[str]:
    """Addresses of the loopback, one for each ten thousand connections: the ports of closed ones are not free at once."""
    for number in count(os.getpid()):
        yield f"127.{1 + number % 250}.{1 + number // 250 % 250}.1"


_source = _sources()


@contextmanager
def _idle(server: Running, connections: int) -> Iterator[None]:
    """Clients that have had an answer each."""
    source = next(_source)
    with ExitStack() as clients:
        for number in range(connections):
            try:
                client = socket.create_connection(("127.0.0.1", server.port), _SECONDS, (source, 0))
                clients.enter_context(client)
                client.sendall(_REQUEST)
                answer = b""
                while not answer.endswith(HELLO):
                    piece = client.recv(4096)
                    if not piece:
                        raise ConnectionResetError("closed without an answer")
                    answer += piece
            except OSError as error:
                raise ServerFailedError(f"connection {number:,} of {connections:,}: {error}") from None
        yield


def _open(server: Running) -> int:
    return max(len(os.listdir(f"/proc/{pid}/fd")) for pid in tree(server.pid))


def _wait_until_closed(server: Running) -> None:
    deadline = time.monotonic() + _SECONDS
    while _open(server) > _SPARE:
        if time.monotonic() > deadline:
            raise ServerFailedError(f"{_open(server):,} files are open after the clients have gone")
        time.sleep(0.05)


def _row(seen: _Seen) -> list[str]:
    if seen.failure or not seen.beside:
        return [seen.peer.name, f"failed: {seen.failure.partition(chr(10))[0]}", "", "", "", ""]
    return [
        seen.peer.name,
        f"{statistics.median(seen.without):.2f}",
        f"{statistics.median(seen.beside):.2f}",
        f"{statistics.median(seen.ratios):.3f}",
        f"{min(seen.ratios):.3f}..{max(seen.ratios):.3f}",
        f"{max(seen.megabytes):.1f}",
    ]


def _bars(seen: _Seen) -> list[Bar]:
    measured = bool(seen.beside) and not seen.failure
    return [
        Bar(
            f"{seen.peer.name}: idle connections take at most {_MEGABYTES} MB",
            _MEGABYTES,
            max(seen.megabytes) if measured else None,
        ),
        Bar(
            f"{seen.peer.name}: requests beside them at most {_RATIO} x",
            _RATIO,
            statistics.median(seen.ratios) if measured else None,
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
