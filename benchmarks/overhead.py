"""What Chaussette costs: the CPU time of a request on an engine alone, and on the same one under
Chaussette.

The bar is 1.02. The request is the smallest there is, so that the share of what Chaussette adds is as large
as it gets. `gevent, Nagle` is gevent on a listening socket without TCP_NODELAY, as gevent has it unless
somebody sets it.
"""

import sys

from .alone import THREADS
from .harness import ROOT, chaussette, measure, options, summary
from .load import Load
from .machine import machine, versions
from .process import Contender

ENGINES = ("waitress", "gevent", "meinheld", "wsgiref")
BAR = 1.02
_APP = "benchmarks.apps:hello"


def main() -> int:
    """Measure, print, and return 1 if an engine is over the bar."""
    asked = options("What Chaussette costs on top of an engine.", rounds=7, seconds=3).parse_args()
    engines = [name for name in ENGINES if not asked.only or name in asked.only]
    contenders = []
    for name in engines:
        contenders += [_alone(name, name), _under_chaussette(name)]
    if "gevent" in engines:
        contenders.append(_alone("gevent, Nagle", "gevent", nodelay=False))
    references = {f"chaussette {name}": name for name in engines} | {"gevent, Nagle": "gevent"}
    results = measure(
        contenders, Load(headers=()), rounds=asked.rounds, seconds=asked.seconds, warm_up=asked.warm_up
    )
    print(f"{machine()}\n{versions(['chaussette', *ENGINES])}")
    print(
        f"{asked.rounds} rounds of {asked.seconds} s in turns, 50 connections, hello, no headers but Host\n"
    )
    print(summary(results, references))
    over = []
    for name in engines:
        mine, alone = results[f"chaussette {name}"], results[name]
        if mine.failure or alone.failure or mine.ratio(alone) > BAR:
            over.append(name)
    print(f"\nover the bar of {BAR}: {', '.join(over) or 'none'}")
    return 1 if over else 0


def _alone(name: str, engine: str, nodelay: bool = True) -> Contender:
    words = (sys.executable, "-m", "benchmarks.alone", engine, "{fd}", _APP)
    return Contender(name, words, nodelay=nodelay, environ={"PYTHONPATH": ROOT})


def _under_chaussette(engine: str) -> Contender:
    threads = ("--threads", str(THREADS)) if engine == "waitress" else ()
    return chaussette(f"chaussette {engine}", engine, _APP, *threads)


if __name__ == "__main__":
    sys.exit(main())
