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

from .asked import chosen, names, options
from .bars import bars
from .contenders import is_compiled, limit, peers
from .machine import machine, versions
from .process import cores
from .report import data, markdown
from .rounds import play
from .stolen import Since
from .workload_apps import FILE, LARGE
from .workloads import WORKLOADS

_ALSO = ("a2wsgi", "httptools", "uvloop", "flask")
"""What has a share in the figures beside the servers themselves."""


def main() -> int:
    """Measure, print, and return 1 if a bar is missed."""
    asked = _options()
    others_ran = os.getloadavg()[0]
    server, load = cores()
    os.sched_setaffinity(0, {load})  # what watches must not take time from what is watched
    with tempfile.TemporaryDirectory() as folder:
        os.environ[FILE] = os.path.join(folder, "file")
        with open(os.environ[FILE], "wb") as file:
            file.write(LARGE)
        players = chosen([*peers(), limit(folder)], asked.only)
        workloads = chosen(WORKLOADS, asked.workloads)
        stolen = Since()
        results = play(players, workloads, rounds=asked.rounds, seconds=asked.seconds)
        part = stolen.part()
    others = {peer.name: peer for peer in players if peer.rival}
    verdicts = bars(results, others)
    heading = (
        machine(),
        versions(dict.fromkeys([*(peer.package for peer in players if peer.package), *_ALSO]))
        + ("; chaussette is compiled, but for fast-not-compiled" if is_compiled() else "; chaussette is not compiled"),
        f"{asked.rounds} rounds of {asked.seconds} s, in turns; server on core {server}, wrk on core {load}; "
        f"load average before: {others_ran:.1f}; a hypervisor took {part:.1%} of a core meanwhile",
    )
    report = markdown(heading, players, workloads, results, verdicts)
    print(report)
    if asked.markdown:
        with open(asked.markdown, "w") as written:
            written.write(report)
    if asked.json:
        with open(asked.json, "w") as written:
            json.dump(data(heading, players, workloads, results, verdicts), written, indent=1)
    return any(bar.held is False for bar in verdicts)


def _options() -> argparse.Namespace:
    parser = options("All servers side by side.", rounds=5, seconds=1)
    parser.add_argument("--workloads", type=names, metavar="NAME[,NAME]", help="leave the others out")
    parser.add_argument("--markdown", metavar="FILE", help="write the report there too")
    parser.add_argument("--json", metavar="FILE", help="write all figures there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
