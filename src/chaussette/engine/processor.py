"""What the system tells of the time that threads had on a processor, and had not: proc(5), schedstat and stat.

A hypervisor may take a processor away, for milliseconds and, in phases, for a third of all time. A thread that was on it
seems to have waited then, for something, if that is not counted: it is, as time in which others had the processor.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from functools import cache

Times = dict[int, tuple[float, float]]
"""Seconds that each thread has run, and has waited for a processor, as other programs had it."""
_HYPERVISOR = 0
"""No thread's id: what it took from each."""


def times(threads: Iterable[int]) -> Times:
    """Look at threads, by native id. Of what is no Linux, nothing is known."""
    found = {}
    for thread in threads:
        with suppress(OSError, ValueError), open(f"/proc/self/task/{thread}/schedstat", "rb") as file:
            ran, waited, _ = file.read().split()
            found[thread] = int(ran) / 1e9, int(waited) / 1e9
    if found and _is_virtual():
        found[_HYPERVISOR] = 0.0, _stolen()
    return found


def since(before: Times, after: Times) -> tuple[float, float]:
    """Seconds that threads ran, and waited for a processor, between `before` and `after`."""
    both = [(before[thread], after[thread]) for thread in after if thread in before]
    return sum(new[0] - old[0] for old, new in both), sum(new[1] - old[1] for old, new in both)


@cache
def _is_virtual() -> bool:
    """Whether a hypervisor has ever taken something. To look again each time is dear, with many processors."""
    return _stolen() > 0


def _stolen() -> float:
    """Seconds, of each processor that we may use, on average."""
    ours = {b"cpu%d" % each for each in os.sched_getaffinity(0)}
    with suppress(OSError, ValueError, IndexError), open("/proc/stat", "rb") as file:
        lines = [line.split() for line in file.read().splitlines() if line.startswith(b"cpu")]
        stolen = [int(line[8]) for line in lines if line[0] in ours]
        return sum(stolen) / len(ours) / os.sysconf("SC_CLK_TCK")
    return 0.0
