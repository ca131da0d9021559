"""Measure servers side by side: one round of each in turns, A B C A B C, so that what the machine does
meanwhile, or how warm it is, meets all of them alike.

The measure is CPU microseconds per request: user and system time of the server's processes over the
requests that were answered. Unlike requests per second it hardly depends on what else the machine does.
Every round is a process of its own, because where its memory lies, which is drawn at the start, is worth a
few per cent.
"""

import argparse
import os
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from .load import Answers, Load, ask
from .process import Contender, ServerFailedError, running

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SOURCE = os.path.join(ROOT, "src")
"""Chaussette itself, not compiled."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one contender."""

    cpu_us: float
    answers: Answers


@dataclass(slots=True)
class Result:
    """All rounds of one contender."""

    name: str
    samples: list[Sample] = field(default_factory=list)
    failure: str = ""
    """Why it is out, empty while it is not."""

    @property
    def cpu_us(self) -> float:
        """CPU microseconds per request: the median of the rounds."""
        return statistics.median(sample.cpu_us for sample in self.samples)

    @property
    def rate(self) -> float:
        """Requests a second: the median of the rounds."""
        return statistics.median(sample.answers.rate for sample in self.samples)

    def ratio(self, reference: "Result") -> float:
        """How many times as much CPU it takes as `reference`: the median of the rounds side by side."""
        pairs = zip(self.samples, reference.samples, strict=False)
        return statistics.median(mine.cpu_us / other.cpu_us for mine, other in pairs)


Check = Callable[[int], None]
"""Is given the port of a server; raises ServerFailedError if what it answers is wrong."""


def measure(
    contenders: Sequence[Contender],
    load: Load,
    *,
    rounds: int,
    seconds: int,
    warm_up: int,
    check: Check | None = None,
) -> dict[str, Result]:
    """Measure the contenders in turns. One that fails is out of those that are left."""
    results = {contender.name: Result(contender.name) for contender in contenders}
    for number in range(rounds):
        for contender in contenders:
            result = results[contender.name]
            if result.failure:
                continue
            progress(f"round {number + 1} of {rounds}: {contender.name}")
            try:
                result.samples.append(one_round(contender, load, seconds, warm_up, check))
            except ServerFailedError as error:
                result.failure = str(error)
                progress(f"{contender.name} failed: {error}")
    return results


def one_round(contender: Contender, load: Load, seconds: int, warm_up: int, check: Check | None = None) -> Sample:
    """Start a server, warm it up, load it, end it. Raises ServerFailedError."""
    with running(contender) as server:
        if check is not None:
            check(server.port)
        if warm_up:
            ask(server.port, load, warm_up)
        before = server.cpu()
        answers = ask(server.port, load, seconds)
        return cost(before, server.cpu(), answers)


def cost(before: Mapping[int, float], after: Mapping[int, float], answers: Answers) -> Sample:
    """The sample of a round: CPU seconds of each process before and after. Raises ServerFailedError."""
    if gone := before.keys() - after.keys():
        raise ServerFailedError(f"{len(gone)} of its processes ended under load")
    spent = sum(value - before.get(pid, 0.0) for pid, value in after.items())
    return Sample(spent / answers.requests * 1e6, answers)


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, aligned so that it is read in a terminal too."""
    widths = [max(len(row[column]) for row in [heading, *rows]) for column in range(len(heading))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    head = "| " + " | ".join(cell.ljust(width) for cell, width in zip(heading, widths, strict=True)) + " |"
    return "\n".join([head, "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines])


def summary(results: Mapping[str, Result], references: Mapping[str, str]) -> str:
    """The table of a measurement. `references` names for a contender the one that it is compared with."""
    rows = []
    for name, result in results.items():
        if result.failure or not result.samples:
            rows.append([name, "failed", "", "", "", "", "", ""])
            continue
        costs = [sample.cpu_us for sample in result.samples]
        against = results.get(references.get(name, ""))
        answers = [sample.answers for sample in result.samples]
        rows.append(
            [
                name,
                f"{result.cpu_us:.2f}",
                f"{min(costs):.2f}..{max(costs):.2f}",
                f"{result.ratio(against):.3f} x {against.name}" if against and against.samples else "",
                f"{statistics.median(each.rate for each in answers):,.0f}",
                f"{statistics.median(each.p50_ms for each in answers):.2f}",
                f"{statistics.median(each.p99_ms for each in answers):.2f}",
                str(sum(each.errors for each in answers)),
            ]
        )
    return table(("server", "CPU us/request", "min..max", "ratio", "requests/s", "p50 ms", "p99 ms", "errors"), rows)


def options(description: str, *, rounds: int, seconds: int) -> argparse.ArgumentParser:
    """The options that every measurement has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds, help="rounds in turns (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=seconds, help="seconds of load a round (default: %(default)s)")
    parser.add_argument("--warm-up", type=int, default=1, help="seconds of load before each (default: %(default)s)")
    parser.add_argument("--only", action="append", metavar="NAME", help="leave the others out; may be repeated")
    return parser


def chaussette(name: str, backend: str, app: str, *more: str) -> Contender:
    """An engine under Chaussette, which must set TCP_NODELAY by itself."""
    words = (
        "-m",
        "chaussette",
        "--fd",
        "{fd}",
        "--backend",
        backend,
        "--log-level",
        "warning",
        "--python-path",
        ROOT,
    )
    return Contender(name, (sys.executable, *words, *more, app), nodelay=False)


def progress(text: str) -> None:
    """Say how far it is, where the table is not."""
    print(text, file=sys.stderr, flush=True)
