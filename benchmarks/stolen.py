"""What a hypervisor takes: the time in which a virtual core had work and did not run, "steal" in proc_stat(5).

It comes in phases. In one, a core may have half of its time for some seconds: a server that is asked at half the rate
that saturated it before is overloaded then, and its 99th percentile is that of its queue.
"""

import os
from dataclasses import dataclass, field
from time import monotonic

_STEAL = 7
"""Its place among the figures of a core."""


@dataclass(frozen=True, slots=True)
class Since:
    """What was stolen from the cores that this process may use, since this was made."""

    _began: float = field(default_factory=monotonic)
    _before: float = field(default_factory=lambda: _stolen())

    def part(self) -> float:
        """The part of the time of one core: 0.1 if a core missed a tenth of it, or each of two a twentieth."""
        return (_stolen() - self._before) / (monotonic() - self._began)


def _stolen() -> float:
    """Seconds, of all cores together."""
    with open("/proc/stat") as file:
        return int(file.readline().split()[1 + _STEAL]) / os.sysconf("SC_CLK_TCK")
