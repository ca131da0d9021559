"""`python tests/bare.py [ENGINE ...] >benchmarks/results/bare-3.13.md`: what engines do without Chaussette, and with it.

Each probe has a server of its own, as a bare one may hang or die of it. Bare engines are started as `benchmarks/alone.py` has
it, or by their own command, and are handed the socket where they can take one. This is run by hand: a bare engine is not ours
to test, and waiting for what it does not do takes minutes.
"""

import http.client
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from platform import python_version

from chaussette.backend import find
from chaussette.backend.registry import version
from duties import DUTIES, Duty, Running, does
from live import APPS, BACKENDS, ROOT, Gate, Process, get, listening, own_address
from probes import PROBES

APP = "behaviour:app"
HELD = 2.0
"""Seconds that a probe waits for what an engine may never do."""
SIGNALLED = 0.5
"""Seconds after which a signal has come through in a bare engine, which does not say so."""
ALONE = (sys.executable, "-m", "benchmarks.alone")
BARE: dict[str, tuple[str, ...]] = {
    **{
        name: (*ALONE, name, "{fd}", APP) for name in ("waitress", "cheroot", "wsgiref", "gevent", "meinheld", "bjoern")
    },
    **{name: (*ALONE, name, "{fd}", APP) for name in ("tornado", "uvicorn")},
    "gunicorn": (sys.executable, "-m", "gunicorn", "--bind", "fd://{fd}", "-k", "gthread", "--threads", "4", APP),
    "hypercorn": (sys.executable, "-m", "hypercorn", "--bind", "fd://{fd}", APP),
}
"""The command of each engine that there is without Chaussette."""
BINDS = frozenset({"cheroot"})
"""Those that can be handed no socket: they are given its address, to bind it again."""
PROBED: dict[str, Duty] = {**DUTIES, **{name: Duty(probe.check, probe.kind) for name, probe in PROBES.items()}}
WORDS = {
    (True, True): "yes",
    (False, True): "**mended**",
    (False, False): "no",
    (True, False): "lost",
}
"""What the table says of what was seen without Chaussette, and with it."""


def chaussette(engine: str) -> tuple[str, ...]:
    """The command of an engine with Chaussette."""
    return (sys.executable, "-m", "chaussette", "--backend", engine, "--fd", "{fd}", "--keep-alive-grace", "10", APP)


@contextmanager
def running(engine: str, kind: str, *, bare: bool) -> Iterator[Running]:
    """Start a server on a socket of a kind."""
    with tempfile.TemporaryDirectory(prefix="bare") as name, listening(kind, Path(name)) as sock:
        gate, address = Gate(Path(name)), own_address(sock)
        words = [word.format(fd=sock.fileno()) for word in (BARE[engine] if bare else chaussette(engine))]
        environ = {"GATE": gate.path, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src"), str(APPS)])}
        with Process(words, fds=[sock.fileno()], env=environ) as process:
            listener = None if bare and engine in BINDS else sock
            if listener is None:
                sock.close()

            def heard() -> None:
                if bare:
                    time.sleep(SIGNALLED)
                else:
                    process.wait_for("finishing what is in flight")

            yield Running(address, gate, process, listener, heard)
        gate.close()


def serves(server: Running) -> bool:
    """Wait for the first answer, whatever it is: what the engine does is asked for when it runs."""
    while server.process.popen.poll() is None:
        try:
            get(server.address)
        except (ConnectionRefusedError, FileNotFoundError):
            time.sleep(0.05)  # it has not bound its address yet, and cannot tell when it has
        except (OSError, http.client.HTTPException):
            return False
        else:
            return True
    return False


def look(engine: str, name: str, *, bare: bool) -> bool:
    """Whether an engine does something, with a server of its own."""
    duty = PROBED[name]
    with running(engine, duty.kind, bare=bare) as server:
        found = serves(server) and does(duty, server, HELD)
    print(f"{engine}{', bare' if bare else ''}: {name}: {found}", file=sys.stderr, flush=True)
    return found


def main(engines: Sequence[str]) -> None:
    """Print the table."""
    versions = ", ".join(f"{engine} {version(find(engine))}" for engine in engines)
    print(f"CPython {python_version()}, {datetime.now(UTC).date()}: {versions}\n")
    print("| | " + " | ".join(engines) + " |\n|" + "---|" * (len(engines) + 1))
    mended = Counter[str]()
    for name in PROBED:
        seen = [WORDS[look(engine, name, bare=True), look(engine, name, bare=False)] for engine in engines]
        mended.update(engine for engine, word in zip(engines, seen, strict=True) if word == WORDS[False, True])
        print(f"| {name} | " + " | ".join(seen) + " |", flush=True)
    print("| mended | " + " | ".join(str(mended[engine]) for engine in engines) + " |")


if __name__ == "__main__":
    main(sys.argv[1:] or [engine for engine in BACKENDS if engine in BARE])
