"""A server that is deployed for `lossless`, and what one does to it there. The process managers are in `managers.py`.

Each lives in a folder of its own with the app, `deployed.py`.
"""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from .harness import ROOT
from .process import ServerFailedError, end

BROKEN = "import no_such_module\n"
LOG = "log"
"""The file that the manager and its workers write to."""
PATIENCE = 90.0
"""Seconds that a manager is given to do what it is told."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be deployed, and where."""

    folder: str
    command: Callable[[str], Sequence[str]]
    """The command of a worker, of the file descriptor that it is to serve on."""
    app: str = "from benchmarks.release import app\n"
    """The source of the app."""
    workers: int = 2
    hook: str = ""
    """What tells Circus that a worker is ready, as it is called in a configuration."""
    environ: Mapping[str, str] = field(default_factory=dict)

    def release(self, text: str) -> None:
        """Put another app there, for workers that start from now on."""
        self.write("next.py", text)
        os.replace(os.path.join(self.folder, "next.py"), os.path.join(self.folder, "deployed.py"))

    def write(self, name: str, text: str) -> None:
        """Write a file there."""
        with open(os.path.join(self.folder, name), "w") as file:
            file.write(text)


class Deployment:
    """A server that is deployed. What its manager cannot do is left as it is here."""

    address: int | str
    """Once it is started: a port of the loopback, or the path of a unix socket."""
    shares = True
    """Whether all workers accept from one queue."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the manager, which opens the socket and starts the workers."""
        raise NotImplementedError

    def workers(self) -> set[int]:
        """The processes that answer, or will, as far as the manager tells."""
        return set()

    def reload(self, *, wait: bool = True) -> None:
        """Put new workers in the place of the old ones."""
        raise NotImplementedError

    def sequential(self) -> None:
        """The same, one worker after the other."""
        raise NotImplementedError

    def restart(self) -> None:
        """Stop all, start all."""
        raise NotImplementedError

    def more_and_less(self) -> None:
        """One worker more, and one less."""
        raise NotImplementedError

    def quit(self) -> None:
        """End it, and what it has started."""
        raise NotImplementedError

    def close(self) -> None:
        """End what is left of it."""
        if self._process is not None:
            end(self._process)

    def strike(self, worker: int, number: int) -> None:
        """Send a signal to a worker, and wait for the one that takes its place."""
        os.kill(worker, number)
        self.until(lambda: worker not in (now := self.workers()) and len(now) == self.order.workers)

    # For subclasses.

    def run(self, command: Sequence[str]) -> None:
        """Start the manager's process, with the app at hand."""
        self.order.release(self.order.app)
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CHAUSSETTE_")}
        path = os.pathsep.join(part for part in (self.order.folder, ROOT, environ.get("PYTHONPATH")) if part)
        with open(os.path.join(self.order.folder, LOG), "ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.order.folder,
                env={**environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **self.order.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def running(self) -> subprocess.Popen[bytes]:
        """The manager's process."""
        assert self._process is not None, "it is not started"
        return self._process

    def until(self, true: Callable[[], bool]) -> None:
        """Wait until something is true. Raises ServerFailedError."""
        deadline = time.monotonic() + PATIENCE
        while not true():
            if self.running.poll() is not None:
                raise ServerFailedError(f"ended by itself, status {self.running.returncode}")
            if time.monotonic() > deadline:
                raise ServerFailedError(f"not done within {PATIENCE:g} seconds")
            time.sleep(0.05)


@contextmanager
def deployed(kind: type[Deployment], order: Order) -> Iterator[Deployment]:
    """Deploy for the length of a `with` block."""
    made = kind(order)
    try:
        made.start()
        yield made
    finally:
        made.close()
