"""Whether a server answers all who ask at once.

One whose threads each keep to a connection answers as many clients as it has threads, for as long as those go on asking:
the others wait for ever. What it costs then is the cost of another workload, with fewer clients.
"""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from time import sleep

from .load import Load, ask

_SECONDS = 1
_LOOKS = 0.3, 0.4
"""Seconds before the first, and between it and the second: hundreds of answers are given in each."""


def left_out(port: int) -> int:
    """How many of fifty clients, which ask for little, get no answer while the others go on asking. Raises
    ServerFailedError."""
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(ask, port, Load(), _SECONDS)
        sleep(_LOOKS[0])
        left = unanswered(port)
        sleep(_LOOKS[1])
        left &= unanswered(port)
        asking.result()
    return len(left)


def unanswered(port: int) -> set[str]:
    """The addresses of those connected to a port of this machine who have received nothing so far, by ss(8)."""
    words = ("ss", "--oneline", "--no-header", "--numeric", "--tcp", "--info", "state", "established", "dport")
    told = subprocess.run([*words, f"= {port}"], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {line.split()[2] for line in told.splitlines() if "bytes_received:" not in line}
