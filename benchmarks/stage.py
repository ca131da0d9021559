"""How a cell of `lossless` comes about: a server is deployed, all of its workers answer, and then a scenario is played."""

import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .accepted import stop
from .deployers import Deployer
from .deployment import LOG, Deployment, deployed
from .managers import Master
from .release import BELL
from .visitors import Load


@dataclass(frozen=True, slots=True)
class Counts:
    """How often, how many."""

    times: int = 20
    few: int = 5
    """Of what takes long, and of what no bar asks twenty of."""
    drains: int = 8
    parked: int = 400
    """Connections that are idle when a drain begins; waitress accepts 500 in a process."""
    calm_seconds: float = 8.0
    flood: int = 20_000
    keep: int = 10
    """Clients that keep their connection."""
    anew: int = 4


QUICK = Counts(times=3, few=1, drains=1, parked=200, calm_seconds=2.0, flood=4_000)


@dataclass(slots=True)
class Outcome:
    """A cell."""

    sent: int = 0
    lost: Counter[str] = field(default_factory=Counter)
    text: str = ""
    """What is told in place of lost / sent."""
    notes: list[str] = field(default_factory=list)
    held: bool | None = None
    """Whether its bar is held, if it is no matter of lost requests."""
    failure: str = ""
    skipped: bool = False
    p99_ms: float = 0.0
    max_ms: float = 0.0
    """Of the answers that were added last."""

    def add(self, tally: dict[str, Any]) -> None:
        """Count what a load has seen."""
        self.sent += tally["sent"]
        self.lost.update(tally["lost"])
        self.p99_ms, self.max_ms = tally["p99_ms"], tally["max_ms"]


@dataclass(frozen=True, slots=True)
class Stage:
    """A server that is deployed and serves, and its visitors."""

    deployer: Deployer
    deployment: Deployment
    load: Load
    counts: Counts
    bell: socket.socket

    @contextmanager
    def visited(self, outcome: Outcome, **clients: int) -> Iterator[None]:
        """For the length of a `with` block there are visitors, whose requests count."""
        self.load("visit", **(clients or {"keep": self.counts.keep, "anew": self.counts.anew}))
        try:
            yield
        finally:
            self.load("stop")
            outcome.add(self.load("tally"))


Run = Callable[[Stage, Outcome], None]


@dataclass(frozen=True, slots=True)
class Scenario:
    """A column."""

    name: str
    title: str
    run: Run
    manager: type[Deployment] | None = None
    """The one that it is about; else each server's own."""
    workers: int = 2
    environ: dict[str, str] = field(default_factory=dict)
    alone: bool = False
    """Whether it measures, and nothing else should run meanwhile."""
    skips: Callable[[Deployer], str] = lambda deployer: ""
    """Why a server cannot take part, in words."""


def play(scenario: Scenario, deployer: Deployer, counts: Counts, folder: str) -> Outcome:
    """One cell. `folder` is empty, and its name short enough for a socket in it."""
    outcome = Outcome()
    kind = scenario.manager or deployer.manager
    if why := scenario.skips(deployer) or _unfit(deployer, kind):
        outcome.skipped, outcome.notes = True, [why]
        return outcome
    bell = os.path.join(folder, "bell")
    order = deployer.order(folder, kind, scenario.workers, {**scenario.environ, BELL: bell})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ringing:
        ringing.bind(bell)
        ringing.settimeout(60)
        try:
            with deployed(kind, order) as deployment, open(os.path.join(folder, LOG), "ab") as log:
                with Load(deployment.address, log.fileno()) as load:
                    _meet_all(deployment, load)
                    scenario.run(Stage(deployer, deployment, load, counts, ringing), outcome)
        except NotImplementedError:
            outcome.skipped, outcome.notes = True, ["its manager cannot"]
        except Exception as error:
            outcome.failure = f"{type(error).__name__}: {error}"
    return outcome


def _meet_all(deployment: Deployment, load: Load) -> None:
    """Wait until each worker answers: all others are stopped meanwhile."""
    load("greet")
    workers = deployment.workers() if deployment.shares else set()
    for worker in workers:
        others = workers - {worker}
        try:
            for other in others:
                stop(other)
            load("greet")
        finally:
            for other in others:
                os.kill(other, signal.SIGCONT)


def _unfit(deployer: Deployer, kind: type[Deployment]) -> str:
    return "" if deployer.inherits or issubclass(kind, Master) else "cannot take a socket that is open already"
