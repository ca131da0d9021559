"""What Chaussette costs: the CPU time of a request on an engine alone, and on the same one under Chaussette.

The bar is 1.02. The request is the smallest there is, so that the share of what Chaussette adds is as large
as it gets. Both run at the same time, see pairs.py. A second table shows gevent on a listening socket with
TCP_NODELAY, which Chaussette sets, and without, as gevent has it unless somebody sets it: those two in
turns, for their latency.
"""

import statistics
import sys

from .alone import THREADS
from .harness import ROOT, chaussette, measure, options, summary, table
from .load import Load
from .machine import machine, versions
from .pairs import Pair, compare
from .process import Contender

ENGINES = ("waitress", "gevent", "meinheld", "wsgiref")
BAR = 1.02
_APP = "benchmarks.apps:hello"
_LOAD = Load(headers=())


def main() -> int:
    """Measure, print, and return 1 if an engine is over the bar."""
    asked = options("What Chaussette costs on top of an engine.", rounds=11, seconds=2).parse_args()
    engines = [name for name in ENGINES if not asked.only or name in asked.only]
    pairs = [Pair(_under_chaussette(name), _alone(name, name)) for name in engines]
    compare(pairs, _LOAD, rounds=asked.rounds, seconds=asked.seconds, warm_up=asked.warm_up)
    print(f"{machine()}\n{versions(['chaussette', *ENGINES])}")
    print(f"{asked.rounds} rounds of {asked.seconds} s, hello, no headers but Host, 50 connections for each\n")
    print(_costs(pairs))
    over = [pair.reference.name for pair in pairs if pair.failure or pair.ratio > BAR]
    print(f"\nover the bar of {BAR}: {', '.join(over) or 'none'}")
    if "gevent" in engines:
        print(f"\n{_nagle(min(asked.rounds, 5), asked.seconds, asked.warm_up)}")
    return 1 if over else 0


def _costs(pairs: list[Pair]) -> str:
    rows = []
    for pair in pairs:
        if pair.failure:
            rows.append([pair.reference.name, "failed", "", "", "", ""])
            continue
        ratios, both = pair.ratios, list(zip(*pair.rounds, strict=True))
        under, alone = (statistics.median(sample.cpu_us for sample in samples) for samples in both)
        errors = sum(sample.answers.errors for samples in both for sample in samples)
        spread = f"{min(ratios):.3f}..{max(ratios):.3f}"
        rows.append([pair.reference.name, f"{alone:.2f}", f"{under:.2f}", f"{pair.ratio:.3f}", spread, str(errors)])
    heading = ("engine", "alone, CPU us/request", "under Chaussette", "ratio", "min..max", "errors")
    return table(heading, rows)


def _nagle(rounds: int, seconds: int, warm_up: int) -> str:
    contenders = [_alone("TCP_NODELAY", "gevent"), _alone("Nagle", "gevent", nodelay=False)]
    contenders.append(_under_chaussette("gevent"))  # its socket comes without TCP_NODELAY too
    results = measure(contenders, _LOAD, rounds=rounds, seconds=seconds, warm_up=warm_up)
    return summary(results, dict.fromkeys(("Nagle", "chaussette gevent"), "TCP_NODELAY"))


def _alone(name: str, engine: str, nodelay: bool = True) -> Contender:
    words = (sys.executable, "-m", "benchmarks.alone", engine, "{fd}", _APP)
    return Contender(name, words, nodelay=nodelay, environ={"PYTHONPATH": ROOT})


def _under_chaussette(engine: str) -> Contender:
    threads = ("--threads", str(THREADS)) if engine == "waitress" else ()
    return chaussette(f"chaussette {engine}", engine, _APP, *threads)


if __name__ == "__main__":
    sys.exit(main())
