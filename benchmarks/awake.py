"""Cores that do not sleep while something is measured.

A core without work halts, and on a virtual machine it is the hypervisor that wakes it: 50 to 100 microseconds later on
a good day, milliseconds later on a busy one, and proc_stat(5) calls that stolen. A server at half its load is without
work half of the time.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

_PROMISE = "/dev/cpu_dma_latency"
"""While it is open, cores wake within the microseconds written to it: the kernel's PM Quality of Service Interface."""


@contextmanager
def awake() -> Iterator[bool]:
    """Whether the cores are kept from sleeping, which needs root."""
    try:
        promise = os.open(_PROMISE, os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        yield False
        return
    try:
        os.write(promise, bytes(4))
        yield True
    finally:
        os.close(promise)
