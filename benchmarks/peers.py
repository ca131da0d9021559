"""All servers side by side in all workloads, and whether Chaussette's own engines hold their bars.

The measure is CPU microseconds per request, see harness.py: the server on one core, wrk on the other, 50 connections
that send the nine headers of a browser, medians of the rounds. A server that fails in a workload is shown with the
reason. `python -m benchmarks.peers --help` tells the options.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from typing import TypeVar

from .bars import bars
from .contenders import Peer, limit, peers
from .machine import machine, versions
from .process import cores
from .report import data, markdown
from .rounds import play
from .workload_apps import FILE, LARGE
from .workloads import WORKLOADS, Workload

Named = TypeVar("Named", Peer, Workload)


def main() -> int:
    """Measure, print, and return 1 if a bar is missed."""
    asked = _options()
    server, load = cores()
    os.sched_setaffinity(0, {load})  # what watches must not take time from what is watched
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FILE] = os.path.join(folder, "file")
        with open(os.environ[FILE], "wb") as file:
            file.write(LARGE)
        chosen = _chosen([*peers(), limit(folder)], asked.only)
        workloads = _chosen(WORKLOADS, asked.workloads)
        results = play(chosen, workloads, rounds=asked.rounds, seconds=asked.seconds)
    others = {peer.name: peer for peer in chosen if peer.rival}
    verdicts = bars(results, others)
    heading = (
        machine(),
        versions(dict.fromkeys(peer.package for peer in chosen if peer.package)),
        f"{asked.rounds} rounds of {asked.seconds} s, in turns; server on core {server}, wrk on core {load}",
    )
    report = markdown(heading, chosen, workloads, results, verdicts)
    print(report)
    if asked.markdown:
        with open(asked.markdown, "w") as written:
            written.write(report)
    if asked.json:
        with open(asked.json, "w") as written:
            json.dump(data(heading, chosen, workloads, results, verdicts), written, indent=1)
    return any(bar.held is False for bar in verdicts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="All servers side by side.")
    parser.add_argument("--rounds", type=int, default=5, help="rounds in turns (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=1, help="seconds of load each (default: %(default)s)")
    parser.add_argument("--only", type=_names, metavar="PEER[,PEER]", help="leave the others out")
    parser.add_argument("--workloads", type=_names, metavar="NAME[,NAME]", help="leave the others out")
    parser.add_argument("--markdown", metavar="FILE", help="write the report there too")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    return parser.parse_args()


def _names(text: str) -> list[str]:
    return text.split(",")


def _chosen(everything: Sequence[Named], names: list[str] | None) -> list[Named]:
    known = {each.name: each for each in everything}
    if unknown := [name for name in names or () if name not in known]:
        raise SystemExit(f"There is no {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [known[name] for name in known if not names or name in names]


if __name__ == "__main__":
    sys.exit(main())
