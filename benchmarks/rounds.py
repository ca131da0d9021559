"""The rounds of peers.py: in each, every server is started anew, and in each workload they are loaded in turns.

A server stays up, idle, while the others are loaded: to start it for each workload would take longer than to load it.
It is started anew in each round, because where its memory lies, which is drawn at the start, is worth a few per
cent. One that fails is started again for the next workload.
"""

import os
import random
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from .contenders import Peer
from .everybody import left_out
from .harness import Result, Sample, cost, progress
from .load import Answers, ask
from .process import Contender, Running, ServerFailedError, running
from .stolen import Since
from .workloads import Manner, Workload, check, streams

_STOLEN = 0.05
"""The part of a core that a hypervisor may take meanwhile: what it runs instead empties the caches, which is worth more."""
_AGAIN = 3
_ERRORS = 1000
"""One error in so many requests is forgiven."""


@dataclass(slots=True)
class Cell(Result):
    """All rounds of one server in one workload."""

    manner: Manner | None = None

    unfit: str = ""
    """Why its figure does not count, though it answered."""

    @property
    def counts(self) -> bool:
        """Whether it did what was asked for, in every round."""
        return bool(self.samples) and not self.failure and not self.unfit


Results = dict[str, dict[str, Cell]]
"""By the names of workload and peer."""


def play(peers: Sequence[Peer], workloads: Sequence[Workload], *, rounds: int, seconds: int) -> Results:
    """Measure all peers in all workloads. A peer that fails in a workload is out of its further rounds."""
    results: Results = {w.name: {p.name: Cell(p.name) for p in peers if w.name in p.workloads} for w in workloads}
    for number in range(rounds):
        for app in dict.fromkeys(workload.app for workload in workloads):
            with _standing(peers, app) as servers:
                for workload in workloads:
                    if workload.app == app:
                        progress(f"round {number + 1} of {rounds}: {workload.title}")
                        _turn(servers, workload, _shuffled(results[workload.name], number), seconds)
    return results


class _Standing:
    """A server that stays up between its workloads."""

    def __init__(self, contender: Contender) -> None:
        self._contender = contender
        self._stack = ExitStack()
        self._running: Running | None = None
        self._left_out: int | None = None

    def left_out(self) -> int:
        """How many clients it leaves without an answer, asked once. Raises ServerFailedError."""
        if self._left_out is None:
            self._left_out = left_out(self.up().port)
        return self._left_out

    def up(self) -> Running:
        """The server, started if it does not run. Raises ServerFailedError."""
        if self._running is None:
            self._running = self._stack.enter_context(running(self._contender))
        return self._running

    def end(self, reason: ServerFailedError | None = None) -> str:
        """End it. Returns why it failed, if it did, with what it said last."""
        self._running = None
        try:
            self._stack.__exit__(type(reason) if reason else None, reason, None)
        except ServerFailedError as error:
            return str(error)
        return str(reason or "")


@contextmanager
def _standing(peers: Sequence[Peer], app: str) -> Iterator[dict[str, _Standing]]:
    servers = {peer.name: _Standing(peer.serving(app)) for peer in peers}
    try:
        yield servers
    finally:
        with ThreadPoolExecutor(len(servers)) as threads:  # some take seconds to end
            list(threads.map(_Standing.end, servers.values()))


def _shuffled(cells: dict[str, Cell], number: int) -> dict[str, Cell]:
    """Another order in each round, the same in each run: nobody always comes first, or after the same one."""
    names = list(cells)
    random.Random(number).shuffle(names)
    return {name: cells[name] for name in names}


def _turn(servers: dict[str, _Standing], workload: Workload, cells: dict[str, Cell], seconds: int) -> None:
    for name, cell in cells.items():
        if cell.failure:
            continue
        server = servers[name]
        try:
            cell.samples.append(_sample(server, workload, cell, seconds))
            progress(f"  {name}: {cell.samples[-1].cpu_us:.1f} us, {cell.samples[-1].answers.rate:.0f}/s")
        except ServerFailedError as error:
            cell.failure = server.end(error)
            progress(f"  {name} failed: {cell.failure}")


def _sample(standing: _Standing, workload: Workload, cell: Cell, seconds: int) -> Sample:
    server = standing.up()
    if cell.manner is None:
        cell.unfit = _unfit(standing, workload)
    cell.manner = check(server.port, workload)
    sample, stolen = _loaded(server, workload, seconds)
    for _ in range(_AGAIN):
        if stolen > _STOLEN:
            sample, stolen = _loaded(server, workload, seconds)
    errors = _errors(sample.answers, cell.manner)
    if errors * _ERRORS > sample.answers.requests:
        raise ServerFailedError(f"errors: {errors} in {sample.answers.requests} requests")
    return sample


def _unfit(standing: _Standing, workload: Workload) -> str:
    if workload.streamed and not streams(standing.up().port):
        return "not streamed: a piece that is ready waits for the next"
    if left := standing.left_out():
        return f"{left} of {workload.load.connections} clients get no answer while the others go on asking"
    return ""


def _loaded(server: Running, workload: Workload, seconds: int) -> tuple[Sample, float]:
    """A sample, and the part of a core that was stolen meanwhile."""
    stolen = Since()
    before = server.cpu()
    answers = ask(server.port, workload.load, seconds)
    if crash := _crash(server.pid):
        raise ServerFailedError(crash)
    return cost(before, server.cpu(), answers), stolen.part()


def _errors(answers: Answers, manner: Manner) -> int:
    return answers.errors - (answers.broken if manner.ends else 0)


def _crash(pid: int) -> str:
    told = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    if told is None:
        return ""
    if told.si_code == os.CLD_EXITED:
        return f"crash: it ended under load with status {told.si_status}"
    return f"crash: it ended under load by {signal.Signals(told.si_status).name}"
