"""What happens to a server in production, under load from another process: the columns of `lossless`.

A request is lost if it is refused, reset, answered with nothing, with half of an answer, with a wrong one or a status of
500 or more, or not in time. The clients never try again.
"""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable

from chaussette.config import DEFAULTS

from .accepted import peers, stop
from .deployers import Deployer
from .deployment import BROKEN, Deployment
from .managers import Supervisor, Systemd
from .release import IMPORT_SECONDS
from .stage import Outcome, Run, Scenario, Stage

BUSIEST_TO_IDLEST = 1.5
RELOAD_TO_CALM = 2.0
_BROKEN_SECONDS = 3.0
_ON_THE_WAY = 0.1
"""Seconds that a request may take to reach its server."""


def _each(times: str, step: Callable[[Deployment], None], **clients: int) -> Run:
    def run(stage: Stage, outcome: Outcome) -> None:
        with stage.visited(outcome, **clients):
            for _ in range(getattr(stage.counts, times)):
                step(stage.deployment)
                stage.load("greet")  # else the next step finds nobody who serves yet

    return run


def _slow(what: str) -> Run:
    def run(stage: Stage, outcome: Outcome) -> None:
        clients = 2 if stage.deployer.one_at_a_time else 6  # else one waits for a worker, and none is half-way
        with stage.visited(outcome, **{what: clients}):
            for _ in range(max(stage.counts.few // 2, 1)):
                stage.deployment.reload()

    return run


def _end_workers(stage: Stage, outcome: Outcome) -> None:
    with stage.visited(outcome):
        for _ in range(stage.counts.times):
            stage.deployment.strike(max(stage.deployment.workers()), signal.SIGTERM)


def _quit(stage: Stage, outcome: Outcome) -> None:
    for _ in range(stage.deployment.order.workers * (1 if stage.deployer.one_at_a_time else 2)):
        stage.load("begin", what="wait", count=1)
        stage.bell.recv(64)  # the app has it
    stage.deployment.quit()
    stage.load("stop")
    outcome.add(stage.load("tally"))


def _drain(stage: Stage, outcome: Outcome) -> None:
    last = late = 0
    for _ in range(stage.counts.drains):
        stage.load("park", count=stage.counts.parked)
        stage.load("tally")
        workers = stage.deployment.workers()
        until = time.monotonic() + DEFAULTS["keep_alive_grace"] - _ON_THE_WAY
        for worker in workers:
            os.kill(worker, signal.SIGTERM)
        late += stage.load("spread", seconds=1.5, until=until)
        tally = stage.load("tally")
        outcome.add(tally)
        last += tally["last"]
        stage.load("greet")
    outcome.notes.append(f"{last} of {outcome.sent} answers were the last of their connections")
    if late:
        outcome.notes.append(f"{late} were not asked for: their clients woke up when the grace was over")


def _kill_workers(stage: Stage, outcome: Outcome) -> None:
    """The requests that a worker has are those on connections that it has accepted."""
    owed: set[int] = set()
    stage.load("visit", keep=stage.counts.keep, anew=stage.counts.anew)
    for _ in range(stage.counts.few):
        victim = max(stage.deployment.workers())
        stop(victim)
        owed |= peers(victim)
        stage.deployment.strike(victim, signal.SIGKILL)
    stage.load("stop")
    tally = stage.load("tally")
    theirs = sum(port in owed for port in tally["ports"])
    lost = sum(tally["lost"].values())
    outcome.add(tally)
    outcome.lost = Counter({"on connections of no killed worker": lost - theirs} if lost > theirs else {})
    outcome.notes.append(f"{theirs} died with the {stage.counts.few} workers that had them")


def _broken_release(stage: Stage, outcome: Outcome) -> None:
    order, deployment = stage.deployment.order, stage.deployment
    old = deployment.workers()
    stage.load("visit", keep=stage.counts.keep, anew=stage.counts.anew)
    order.release(BROKEN)
    try:
        deployment.reload(wait=False)
    except Exception as error:
        outcome.notes.append(f"reload said: {error}")
    time.sleep(_BROKEN_SECONDS)
    meanwhile = stage.load("tally")
    outcome.add(meanwhile)
    order.release(order.app)
    stage.load("stop")
    after = stage.load("tally")
    outcome.add(after)
    served = {int(worker) for worker in meanwhile["workers"]}
    outcome.held = served <= old and after["max_ms"] < _BROKEN_SECONDS * 500
    outcome.notes.append(
        ("the old workers served on" if outcome.held else "nobody served")
        + f"; a request took {max(meanwhile['max_ms'], after['max_ms']):,.0f} ms at most"
    )


def _slow_import(stage: Stage, outcome: Outcome) -> None:
    with stage.visited(calm := Outcome()):
        time.sleep(stage.counts.calm_seconds)
    with stage.visited(reloads := Outcome()):
        for _ in range(max(stage.counts.few, 2)):
            stage.deployment.reload()
    for each in (calm, reloads):
        outcome.sent += each.sent
        outcome.lost += each.lost
    ratio = reloads.p99_ms / calm.p99_ms
    outcome.held = ratio <= RELOAD_TO_CALM
    outcome.text = f"{ratio:.1f} x"
    outcome.notes.append(
        f"p99 {calm.p99_ms:.1f} ms calm, {reloads.p99_ms:.1f} ms during reloads; "
        f"{calm.max_ms:.0f} and {reloads.max_ms:.0f} ms at most"
    )


def _fairness(stage: Stage, outcome: Outcome) -> None:
    ratios = []
    for keep in (True, False) if stage.deployer.keep_alive else (False,):
        stage.load("flood", connections=50, requests=stage.counts.flood, keep=keep)
        tally = stage.load("tally")
        outcome.add(tally)
        shares = [tally["workers"].get(str(worker), 0) for worker in stage.deployment.workers()]
        if not any(shares):
            outcome.notes.append("those who answer are children of the workers, which cannot be told apart")
            return
        ratios.append(max(shares) / min(shares) if min(shares) else float("inf"))
        outcome.notes.append(f"{'kept' if keep else 'new'} connections: {' '.join(map(str, sorted(shares)))}")
    if stage.deployer.name == "fast":  # the others accept as their engines do
        outcome.held = max(ratios) <= BUSIEST_TO_IDLEST
    outcome.text = " and ".join(f"{ratio:.1f}" for ratio in ratios)


def _one_answer(deployer: Deployer) -> str:
    return "" if deployer.keep_alive else "it closes each connection after its answer"


SCENARIOS = (
    Scenario("reload", "reload", _each("times", lambda it: it.reload())),
    Scenario("sequential", "reload one by one", _each("few", lambda it: it.sequential())),
    Scenario("restart", "restart", _each("few", lambda it: it.restart())),
    Scenario("incr", "incr and decr", _each("times", lambda it: it.more_and_less())),
    Scenario("sigterm", "SIGTERM to a worker", _end_workers),
    Scenario("waiting", "2 s requests, reload", _slow("wait")),
    Scenario("uploads", "5 MB uploads half-way, reload", _slow("upload")),
    Scenario("streams", "5 s streams half-way, reload", _slow("stream")),
    Scenario("quit", "quit, requests in flight", _quit),
    Scenario("systemd", "systemd: restart", _each("few", lambda it: it.restart()), manager=Systemd, workers=1),
    Scenario("supervisor", "supervisor: restart", _each("few", lambda it: it.restart()), manager=Supervisor),
    Scenario("drain", "kept connections in the drain", _drain, skips=_one_answer),
    Scenario("sigkill", "SIGKILL: not its own", _kill_workers),
    Scenario("broken", "broken release", _broken_release),
    Scenario("import", "p99 in reloads, import 1 s", _slow_import, environ={IMPORT_SECONDS: "1"}, alone=True),
    Scenario("fairness", "4 workers: busiest to idlest", _fairness, workers=4, alone=True),
)
