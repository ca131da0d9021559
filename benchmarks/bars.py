"""The bars that Chaussette's own engines must hold against the others, and whether they do."""

from collections.abc import Iterator, Mapping

from .bar import Bar
from .contenders import Peer
from .rounds import Results
from .workloads import WORKLOADS

_AHEAD = 8
"""Of all workloads, in how many `fast` must be ahead of every other server."""
_WORST = 1.3


def best(results: Results, workload: str, others: Mapping[str, Peer]) -> tuple[str, float] | None:
    """Which of the others takes least, and how many CPU microseconds per request."""
    costs = {name: cell.cpu_us for name, cell in results[workload].items() if name in others and cell.counts}
    return min(costs.items(), key=lambda item: item[1]) if costs else None


def bars(results: Results, others: Mapping[str, Peer]) -> list[Bar]:
    """All bars of peers.py."""
    return list(_bars(results, others))


def _bars(results: Results, others: Mapping[str, Peer]) -> Iterator[Bar]:
    def hello(own: str, *against: str) -> float | None:
        cells = results.get("hello", {})
        costs = [cells[name].cpu_us for name in against if name in cells and cells[name].counts]
        if own not in cells or not cells[own].counts or len(costs) < len(against):
            return None
        return cells[own].cpu_us / min(costs)

    yield Bar("fast, hello: at most 1.0 x the best of bjoern and fastpysgi", 1.0, hello("fast", "bjoern", "fastpysgi"))
    yield Bar("fast, hello: at most 0.6 x granian", 0.6, hello("fast", "granian"))
    yield Bar("fast, hello: at most 0.15 x waitress", 0.15, hello("fast", "waitress"))
    ratios = _ratios(results, others) if len(results) == len(WORKLOADS) else {}
    ahead = sum(ratio < 1 for ratio in ratios.values())
    behind = ", ".join(name for name, ratio in ratios.items() if ratio >= 1)
    yield Bar(
        f"fast: ahead of every other server in at least {_AHEAD} of the {len(WORKLOADS)} workloads",
        _AHEAD,
        ahead if ratios else None,
        at_least=True,
        where=f"; behind in {behind}" if behind else "",
    )
    worst = max(ratios.items(), key=lambda item: item[1], default=None)
    yield Bar(
        f"fast: never worse than {_WORST} x the best",
        _WORST,
        worst[1] if worst else None,
        where=f" in {worst[0]}" if worst else "",
    )
    yield Bar("fastgevent, hello: at most 0.15 x gevent.pywsgi", 0.15, hello("fastgevent", "gevent"))
    yield Bar("fastgevent, hello: at most 0.7 x meinheld", 0.7, hello("fastgevent", "meinheld"))


def _ratios(results: Results, others: Mapping[str, Peer]) -> dict[str, float]:
    """What `fast` takes in each workload, over what the best of the others takes. Where it fails, it is infinite."""
    ratios = {}
    for workload, cells in results.items():
        rival = best(results, workload, others)
        if rival and "fast" in cells:
            ratios[workload] = cells["fast"].cpu_us / rival[1] if cells["fast"].counts else float("inf")
    return ratios
