"""What a run of peers.py says: a table in Markdown with its notes and bars, and the same with every round as JSON."""

from collections.abc import Iterator, Mapping, Sequence

from .bar import Bar
from .bars import best
from .contenders import Peer
from .harness import table
from .rounds import Cell, Results
from .workloads import Workload

_NOTE_LENGTH = 160
_NONE = "-"
_LOGGED = ("wrong answer: status", "crash", "ended")
"""Failures that the server knows more about."""


def markdown(
    heading: Sequence[str], peers: Sequence[Peer], workloads: Sequence[Workload], results: Results, bars: Sequence[Bar]
) -> str:
    """The whole report."""
    notes: list[str] = []
    others = {peer.name: peer for peer in peers if peer.rival}
    rows = [
        [peer.name, *(_cell(peer, workload, results, others, notes) for workload in workloads)]
        for peer in _sorted(peers, workloads, results)
    ]
    parts = [
        *heading,
        table(["CPU us per request", *(workload.title for workload in workloads)], rows),
        "In brackets, for Chaussette's engines: how many times what the best other server takes (below 1: ahead).\n"
        "*failed* and *(figures)* in brackets with a number do not count, see the notes.",
        "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1)),
        "\n".join(_closing(peers, results)),
        "\n".join(f"- {bar}" for bar in bars),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def data(
    heading: Sequence[str], peers: Sequence[Peer], workloads: Sequence[Workload], results: Results, bars: Sequence[Bar]
) -> dict[str, object]:
    """All that was measured, for chart.py and whoever counts again."""
    return {
        "heading": list(heading),
        "workloads": [{"name": workload.name, "title": workload.title} for workload in workloads],
        "peers": [
            {
                "name": peer.name,
                "own": peer.own,
                "rival": peer.rival,
                "results": {name: _facts(cells[peer.name]) for name, cells in results.items() if peer.name in cells},
            }
            for peer in peers
        ],
        "bars": [{"text": bar.text, "limit": bar.limit, "value": bar.value, "held": bar.held} for bar in bars],
    }


def number(value: float) -> str:
    """Three digits, or all before the point."""
    if value < 10:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


def _facts(cell: Cell) -> dict[str, object]:
    return {
        "failure": cell.failure,
        "unfit": cell.unfit,
        "kept": cell.manner.kept if cell.manner else None,
        "cpu_us": cell.cpu_us if cell.samples else None,
        "rate": cell.rate if cell.samples else None,
        "rounds": [
            {"cpu_us": s.cpu_us, "requests": s.answers.requests, "rate": s.answers.rate, "p99_ms": s.answers.p99_ms}
            for s in cell.samples
        ],
    }


def _cell(peer: Peer, workload: Workload, results: Results, others: Mapping[str, Peer], notes: list[str]) -> str:
    cell = results[workload.name].get(peer.name)
    if cell is None:
        return _NONE
    if cell.failure or not cell.samples:
        notes.append(f"{peer.name}, {workload.title}: {_short(cell.failure)}")
        return f"failed {len(notes)}"
    text = number(cell.cpu_us)
    if workload.rate:
        text += f", {cell.rate:,.0f}/s"
    if cell.unfit:
        note = f"{peer.name}: {cell.unfit}"
        if note not in notes:
            notes.append(note)
        return f"({text}) {notes.index(note) + 1}"
    rival = best(results, workload.name, others)
    return f"{text} ({cell.cpu_us / rival[1]:.2f})" if peer.own and rival else text


def _short(failure: str) -> str:
    """The reason, and where it says little, the last that the server said."""
    lines = [line.strip() for line in failure.splitlines() if line.strip()] or ["not measured"]
    silent = len(lines) == 1 or not lines[0].startswith(_LOGGED)
    told = lines[0] if silent else f"{lines[0]}; it said: {lines[-1]}"
    return told if len(told) <= _NOTE_LENGTH else told[: _NOTE_LENGTH - 3] + "..."


def _sorted(peers: Sequence[Peer], workloads: Sequence[Workload], results: Results) -> list[Peer]:
    """Chaussette's, then the others by the first workload, then what is no server."""
    cells = results[workloads[0].name]

    def place(peer: Peer) -> tuple[int, float]:
        cell = cells.get(peer.name)
        taken = cell.cpu_us if cell and cell.samples and not cell.failure else float("inf")
        return (0, 0.0) if peer.own else (1 if peer.rival else 2, taken)

    return sorted(peers, key=place)


def _closing(peers: Sequence[Peer], results: Results) -> Iterator[str]:
    """Who closes a connection that was asked to stay: it pays for a new one with each request."""
    where: dict[str, list[str]] = {}
    for name, cells in results.items():
        for peer in peers:
            cell = cells.get(peer.name)
            if name != "close" and cell and cell.manner and not cell.manner.kept and not cell.failure:
                where.setdefault(peer.name, []).append(name)
    if where:
        told = "; ".join(f"{name} ({', '.join(names)})" for name, names in where.items())
        yield f"Closed the connection after each answer, though the client would keep it: {told}."
