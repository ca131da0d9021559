"""`python tests/bare.py [ENGINE ...]`: what engines do without Chaussette, and with it; benchmarks/results has it for the docs.

Each probe has a server of its own, as a bare one may hang or die of it. Bare engines are started as `benchmarks/alone.py` has
it, or by their own command, and are handed the socket where they can take one. This is run by hand: a bare engine is not ours
to test, and waiting for what it does not do takes minutes.
"""

import http.client
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from chaussette.backend import find
from chaussette.backend.registry import version
from duties import DUTIES, Duty, Running, does
from live import APPS, BACKENDS, ROOT, Gate, Process, get, listening, own_address
from managers import kill_children
from probes import PROBES

RESULT = ROOT / f"benchmarks/results/bare-{sys.version_info.major}.{sys.version_info.minor}.json"
APP = "behaviour:app"
HELD = 2.0
"""Seconds that a probe waits for what an engine may never do."""
SIGNALLED = 0.5
"""Seconds after which a signal has come through in a bare engine, which does not say so."""
TRIES = 200
"""How often, 20 times a second, a server is asked that binds its address itself."""
WHERE = "{where}"
"""Stands for the words that name the address."""
ALONE = (sys.executable, "-m", "benchmarks.alone")
GUNICORN = (sys.executable, "-m", "gunicorn", "--bind", "fd://{fd}", "--worker-class")
BARE: dict[str, tuple[str, ...]] = {
    **{
        name: (*ALONE, name, "{fd}", APP) for name in ("bjoern", "cheroot", "eventlet", "gevent", "meinheld", "tornado")
    },
    **{name: (*ALONE, name, "{fd}", APP) for name in ("uvicorn", "waitress", "wsgiref")},
    "gunicorn": (*GUNICORN, "gthread", "--threads", "4", APP),
    "gunicorn-gevent": (*GUNICORN, "gevent", APP),
    "granian": (sys.executable, "-m", "granian", "--interface", "wsgi", "--workers", "1", WHERE, APP),
    "hypercorn": (sys.executable, "-m", "hypercorn", "--bind", "fd://{fd}", APP),
}
"""The command of each engine that there is without Chaussette."""
BINDS = frozenset({"cheroot", "eventlet", "granian"})
"""Those that can be handed no socket: they are given its address, to bind it again."""
PROBED: dict[str, Duty] = {**DUTIES, **{name: Duty(probe.check, probe.kind) for name, probe in PROBES.items()}}


def chaussette(engine: str) -> tuple[str, ...]:
    """The command of an engine with Chaussette."""
    return (sys.executable, "-m", "chaussette", "--backend", engine, "--fd", "{fd}", "--keep-alive-grace", "10", APP)


@contextmanager
def running(engine: str, kind: str, *, bare: bool) -> Iterator[Running]:
    """Start a server on a socket of a kind."""
    with tempfile.TemporaryDirectory(prefix="bare") as name, listening(kind, Path(name)) as sock:
        gate, address = Gate(Path(name)), own_address(sock)
        where = ["--uds", address] if isinstance(address, str) else ["--host", address[0], "--port", str(address[1])]
        template = BARE[engine] if bare else chaussette(engine)
        words = [part for word in template for part in (where if word == WHERE else [word.format(fd=sock.fileno())])]
        environ = {"GATE": gate.path, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src"), str(APPS)])}
        fds = [sock.fileno()] if any("{fd}" in word for word in template) else []
        with Process(words, fds=fds, env=environ) as process:
            listener = None if bare and engine in BINDS else sock
            if listener is None:
                sock.close()
                if isinstance(address, str):
                    os.unlink(address)

            def heard() -> None:
                if bare:
                    time.sleep(SIGNALLED)
                else:
                    process.wait_for("finishing what is in flight")

            try:
                yield Running(address, gate, process, listener, heard)
            finally:
                if process.popen.poll() is None:
                    kill_children(process)
        gate.close()


def serves(server: Running) -> bool:
    """Wait for the first answer, whatever it is: what the engine does is asked for when it runs."""
    for _ in range(TRIES):
        try:
            get(server.address)
        except (OSError, http.client.HTTPException):
            if server.listener is not None or server.process.popen.poll() is not None:
                return False
            time.sleep(0.05)  # it binds its address itself, and cannot tell when it has
        else:
            return True
    return False


def look(engine: str, name: str, *, bare: bool) -> bool:
    """Whether an engine does something, with a server of its own."""
    duty = PROBED[name]
    with running(engine, duty.kind, bare=bare) as server:
        ready = serves(server)
        if not ready and duty.kind == "tcp":
            raise SystemExit(f"{engine} does not serve at all: {server.process.log}")
        found = ready and does(duty, server, HELD)
    print(f"{engine}{', bare' if bare else ''}: {name}: {found}", file=sys.stderr, flush=True)
    return found


def main(engines: Sequence[str]) -> None:
    """Ask, and keep what was seen in place of what was seen of these engines before."""
    seen = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for engine in engines:
        seen[engine] = {
            "version": version(find(engine)),
            "date": datetime.now(UTC).date().isoformat(),
            "bare": {name: look(engine, name, bare=True) for name in PROBED},
            "here": {name: look(engine, name, bare=False) for name in PROBED},
        }
        RESULT.write_text(json.dumps(dict(sorted(seen.items())), indent=2) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] or [engine for engine in BACKENDS if engine in BARE])
