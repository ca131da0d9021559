"""Does a deploy lose requests? Each engine under real process managers, and others beside it.

Rows are servers, columns what is done to them while clients in another process ask: `scenarios.py`. A cell tells how many
requests were lost of how many were sent. `python -m benchmarks.lossless --help` tells the options.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from .asked import chosen, names
from .deployers import Deployer, deployers
from .harness import progress, table
from .machine import machine, versions
from .scenarios import SCENARIOS
from .stage import QUICK, Counts, Outcome, Scenario, play

_ALSO = ("circus", "supervisor", "a2wsgi")
_AT_ONCE = 4
"""Cells that are played at the same time: most of what happens in them is waiting."""

Cells = dict[tuple[str, str], Outcome]


def main() -> int:
    """Play, print, and return 1 if Chaussette lost a request or missed a bar."""
    asked = _options()
    rows = [row for row in chosen(deployers(), asked.engines) if asked.engines or not row.asked_for]
    columns = chosen(SCENARIOS, asked.scenarios)
    cells = _played(rows, columns, QUICK if asked.quick else Counts(), asked.jobs)
    if asked.beside:
        cells = _kept(asked.beside) | cells
        rows = [row for row in deployers() if any(row.name == server for server, _ in cells)]
        columns = [column for column in SCENARIOS if any(column.name == scenario for _, scenario in cells)]
    heading = (
        machine(),
        versions(dict.fromkeys(["chaussette", *(row.package for row in rows if row.package), *_ALSO])),
    )
    report = _report(heading, rows, columns, cells)
    print(report)
    if asked.markdown:
        with open(asked.markdown, "w") as written:
            written.write(report)
    if asked.json:
        with open(asked.json, "w") as written:
            json.dump(_data(heading, cells), written, indent=1)
    return any(_missed(row, cells[row.name, column.name]) for row in rows for column in columns)


def _played(rows: Sequence[Deployer], columns: Sequence[Scenario], counts: Counts, jobs: int) -> Cells:
    cells: Cells = {}

    def cell(row: Deployer, column: Scenario) -> None:
        with tempfile.TemporaryDirectory(prefix="lossless") as folder:
            found = cells[row.name, column.name] = play(column, row, counts, folder)
            progress(f"{row.name}, {column.title}: {_cell(found)} {'; '.join(_told(found))}")

    with ThreadPoolExecutor(jobs) as pool:
        together = [(row, column) for column in columns for row in rows if not column.alone]
        for done in [pool.submit(cell, *each) for each in together]:
            done.result()
    for column in columns:
        for row in rows if column.alone else ():
            cell(row, column)
    return cells


def _kept(path: str) -> Cells:
    with open(path) as file:
        told = json.load(file)["cells"]
    return {
        (cell.pop("server"), cell.pop("scenario")): Outcome(**cell | {"lost": Counter(cell["lost"])}) for cell in told
    }


def _missed(row: Deployer, cell: Outcome) -> bool:
    return row.own and bool(cell.lost or cell.failure or cell.held is False)


def _cell(cell: Outcome) -> str:
    if cell.skipped:
        return "-"
    if cell.failure:
        return "failed"
    return f"{sum(cell.lost.values())} / {cell.sent:,}" + (f"; {cell.text}" if cell.text else "")


def _told(cell: Outcome) -> list[str]:
    lost = [f"{count} x {how}" for how, count in cell.lost.most_common()]
    return [*([cell.failure] if cell.failure else []), *([", ".join(lost)] if lost else []), *cell.notes]


def _report(heading: Sequence[str], rows: Sequence[Deployer], columns: Sequence[Scenario], cells: Cells) -> str:
    notes: list[str] = []

    def text(row: Deployer, column: Scenario) -> str:
        cell = cells[row.name, column.name]
        told = _told(cell)
        if not told:
            return _cell(cell)
        notes.append(f"{row.name}, {column.title}: {'; '.join(told)}")
        return f"{_cell(cell)} [{len(notes)}]"

    body = [[row.name, *(text(row, column) for column in columns)] for row in rows]
    numbered = "\n".join(f"{number}. {note}" for number, note in enumerate(notes, 1))
    return (
        "\n\n".join(
            part
            for part in (*heading, table(["lost / sent", *(each.title for each in columns)], body), numbered)
            if part
        )
        + "\n"
    )


def _data(heading: Sequence[str], cells: Cells) -> dict[str, object]:
    return {
        "heading": list(heading),
        "cells": [
            {
                "server": server,
                "scenario": scenario,
                "sent": cell.sent,
                "lost": dict(cell.lost),
                "text": cell.text,
                "notes": cell.notes,
                "held": cell.held,
                "failure": cell.failure,
                "skipped": cell.skipped,
            }
            for (server, scenario), cell in cells.items()
        ],
    }


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Does a deploy lose requests?")
    parser.add_argument(
        "--engines", type=names, metavar="NAME[,NAME]", help="these servers alone; more than take part unasked"
    )
    parser.add_argument("--scenarios", type=names, metavar="NAME[,NAME]", help="leave the others out")
    parser.add_argument("--quick", action="store_true", help="do everything less often: a look, and no proof")
    parser.add_argument("--jobs", type=int, default=_AT_ONCE, help="cells at the same time (default: %(default)s)")
    parser.add_argument(
        "--beside",
        metavar="FILE",
        help="what was left out is taken from here, what --json wrote before: to measure again"
        " what the machine was too busy for",
    )
    parser.add_argument("--markdown", metavar="FILE", help="write the report there too")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
