"""The memory of a worker that is idle: after its first answer, and after a second of load.

RSS is all of its memory, PSS the same with what several processes share divided among them; a server of several
processes counts in full, its manager with its worker. The bar: `fast` takes at most 1.3 times what bjoern takes (RSS,
after the first answer).
"""

import os
import statistics
import sys
from dataclasses import dataclass, field

from .asked import chosen, options
from .bar import Bar
from .contenders import Peer, serving
from .harness import progress, table
from .load import Load, ask
from .machine import machine, versions
from .process import ServerFailedError, cores, running, tree

_APP = "benchmarks.apps:hello"
_LIMIT = 1.3


@dataclass(frozen=True, slots=True)
class Memory:
    """Megabytes (10⁶ bytes) of a process and all that descend from it."""

    rss: float
    pss: float


@dataclass(slots=True)
class _Seen:
    peer: Peer
    first: list[Memory] = field(default_factory=list)
    loaded: list[Memory] = field(default_factory=list)
    processes: int = 0
    failure: str = ""


def memory(pid: int) -> Memory:
    """What a process and all that descend from it hold now (proc(5), smaps_rollup)."""
    sums = {"Rss:": 0, "Pss:": 0}
    for each in tree(pid):
        with open(f"/proc/{each}/smaps_rollup") as file:
            for line in file:
                kind, value, *_ = line.split()
                if kind in sums:
                    sums[kind] += int(value)
    return Memory(sums["Rss:"] * 1024 / 1e6, sums["Pss:"] * 1024 / 1e6)


def main() -> int:
    """Measure, print, and return 1 if the bar is missed."""
    asked = options("Memory of an idle worker.", rounds=3, seconds=1).parse_args()
    os.sched_setaffinity(0, {cores()[1]})
    seen = [_Seen(peer) for peer in chosen(serving("hello"), asked.only)]
    for number in range(asked.rounds):
        for each in seen:
            if not each.failure:
                progress(f"round {number + 1} of {asked.rounds}: {each.peer.name}")
                _round(each, asked.seconds)
    print(f"{machine()}\n{versions(dict.fromkeys(each.peer.package for each in seen))}")
    print(f"{asked.rounds} rounds, hello, megabytes\n")
    heading = ("server", "RSS", "PSS", f"RSS after {asked.seconds} s of load", "PSS", "processes")
    print(table(heading, [_row(each) for each in seen]))
    bar = _bar(seen)
    print(f"\n- {bar}")
    return bar.held is False


def _round(seen: _Seen, seconds: int) -> None:
    try:
        with running(seen.peer.serving(_APP)) as server:
            seen.first.append(memory(server.pid))
            ask(server.port, Load(), seconds)
            seen.loaded.append(memory(server.pid))
            seen.processes = len(tree(server.pid))
    except ServerFailedError as error:
        seen.failure = str(error)
        progress(f"{seen.peer.name} failed: {error}")


def _row(seen: _Seen) -> list[str]:
    if seen.failure or not seen.loaded:
        return [seen.peer.name, f"failed: {seen.failure.partition(chr(10))[0]}", "", "", "", ""]
    medians = [
        statistics.median(figures)
        for held in (seen.first, seen.loaded)
        for figures in ([each.rss for each in held], [each.pss for each in held])
    ]
    return [seen.peer.name, *(f"{median:.1f}" for median in medians), str(seen.processes)]


def _bar(seen: list[_Seen]) -> Bar:
    taken = {each.peer.name: statistics.median(held.rss for held in each.first) for each in seen if not each.failure}
    value = taken["fast"] / taken["bjoern"] if taken.keys() >= {"fast", "bjoern"} else None
    return Bar(f"fast, memory of an idle worker: at most {_LIMIT} x bjoern", _LIMIT, value)


if __name__ == "__main__":
    sys.exit(main())
