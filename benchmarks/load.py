"""What is asked of a server, and the load generator that asks: wrk(1), one thread on a core of its own."""

import json
import os
import subprocess
from dataclasses import dataclass

from .process import ServerFailedError, cores

_SCRIPT = os.path.join(os.path.dirname(__file__), "load.lua")

BROWSER = (
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
    "Accept-Encoding: gzip, deflate, br",
    "Accept-Language: en-GB,en;q=0.7,de;q=0.3",
    "Connection: keep-alive",
    "Cookie: session=eyJ1c2VyIjoxMjM0NX0.ZUxKcA.5pHd0yJ3v2n4Qm8sK1wXb7LrTzE; theme=dark",
    "Sec-Fetch-Mode: navigate",
    "Upgrade-Insecure-Requests: 1",
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
)
"""With the Host header, which wrk adds, the nine that a browser sends."""


@dataclass(frozen=True, slots=True)
class Load:
    """The requests of a measurement."""

    method: str = "GET"
    headers: tuple[str, ...] = BROWSER
    body: int = 0
    """Bytes."""
    connections: int = 50
    path: str = "/"
    answer: int = 0
    """Bytes of an answer so long that parts of it count. After a second, 50 answers of 10 MB are under way and a few
    hundred are done: half of those 50 would be work that counts for nothing. 0 counts whole answers."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the load generator saw."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int
    broken: int = 0
    """How many of the errors are connections that ended when wrk read or wrote."""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def body(size: int) -> bytes:
    """What load.lua sends as a body of `size` bytes."""
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


def ask(port: int, load: Load, seconds: int) -> Answers:
    """Load a server for `seconds`. Raises ServerFailedError if wrk does, or if nothing is answered."""
    core = cores()[1]
    words = ["wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--timeout", "10s", "-s", _SCRIPT]
    for header in load.headers:
        words += ["-H", header]
    words += [f"http://127.0.0.1:{port}{load.path}", "--", load.method, str(load.body)]
    done = subprocess.run(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds + 60,
        preexec_fn=lambda: os.sched_setaffinity(0, {core}),
    )
    last = done.stdout.strip().rpartition("\n")[2]
    if done.returncode or not last.startswith("{"):
        raise ServerFailedError(f"wrk: {done.stdout.strip()}")
    told = json.loads(last)
    requests = told["bytes"] // load.answer if load.answer else told["requests"]
    if not requests:
        raise ServerFailedError(f"timeout: no whole answer in {seconds} s, {told['bytes']:,} bytes of some")
    return Answers(
        requests=requests,
        seconds=told["microseconds"] / 1e6,
        p50_ms=told["p50"] / 1e3,
        p99_ms=told["p99"] / 1e3,
        errors=sum(told[kind] for kind in ("connect", "read", "write", "status", "timeout")),
        broken=told["read"] + told["write"],
    )
