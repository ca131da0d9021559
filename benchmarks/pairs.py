"""Compare two servers by a few per cent: both at the same time, on the same core, under the same load.

In turns, a round of the one may meet a busier machine than a round of the other: equal servers then differ
by up to 20 % in CPU time per request. Side by side, the kernel gives them the core in slices of
milliseconds, and whatever else the machine does meets both: equal servers differ by 2 %, and the median of
ten rounds by less than 1 %.
"""

import statistics
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .harness import Sample, cost, progress
from .load import Load, ask
from .process import Contender, ServerFailedError, running


@dataclass(slots=True)
class Pair:
    """A server, the one that it is compared with, and the rounds of both."""

    mine: Contender
    reference: Contender
    rounds: list[tuple[Sample, Sample]] = field(default_factory=list)
    """The samples of `mine` and of `reference`."""
    failure: str = ""

    @property
    def ratios(self) -> list[float]:
        """How many times as much CPU a request takes as on the reference, in each round."""
        return [mine.cpu_us / reference.cpu_us for mine, reference in self.rounds]

    @property
    def ratio(self) -> float:
        """The median of the ratios."""
        return statistics.median(self.ratios)


def compare(pairs: Sequence[Pair], load: Load, *, rounds: int, seconds: int, warm_up: int) -> None:
    """Add rounds to the pairs, in turns. A pair of which one fails is out of those that are left."""
    for number in range(rounds):
        for pair in pairs:
            if pair.failure:
                continue
            progress(f"round {number + 1} of {rounds}: {pair.mine.name} beside {pair.reference.name}")
            try:
                if number % 2:  # whoever starts first has no advantage in the end
                    reference, mine = _round(pair.reference, pair.mine, load, seconds, warm_up)
                else:
                    mine, reference = _round(pair.mine, pair.reference, load, seconds, warm_up)
            except ServerFailedError as error:
                pair.failure = str(error)
                progress(f"failed: {error}")
            else:
                pair.rounds.append((mine, reference))


def _round(one: Contender, other: Contender, load: Load, seconds: int, warm_up: int) -> tuple[Sample, Sample]:
    with running(one) as first, running(other) as second, ThreadPoolExecutor(2) as threads:
        if warm_up:
            list(threads.map(lambda server: ask(server.port, load, warm_up), (first, second)))
        before = first.cpu(), second.cpu()
        answers = list(threads.map(lambda server: ask(server.port, load, seconds), (first, second)))
        return cost(before[0], first.cpu(), answers[0]), cost(before[1], second.cpu(), answers[1])
