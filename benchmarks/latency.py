"""The latency of a request at half the rate that saturates a server: what a user waits on a server that has work, but
not too much.

In each round and for each server: wrk finds the rate that saturates it, then paced.c asks at half of that, at random
moments, over 50 connections; see there for how it counts. The bar: the 99th percentile of `fast` is at most 1.2 times
that of the best other server.

Run it as root. Cores are kept from sleeping then (awake.py), and what fell due near a moment in which a hypervisor had
stopped a core does not count (gaps.h): both would be measured in place of the servers. A round in which less than half
counts is made again. Without root all counts, and the result says so. Other programs of the machine end up in this
percentile too: where there are some, --urgent lets server and clients go first.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from time import sleep

from .asked import chosen, options
from .awake import awake
from .bar import Bar
from .compiled import compiled
from .contenders import Peer, serving
from .harness import progress, table
from .load import BROWSER, Load, ask
from .machine import machine, versions
from .process import Running, ServerFailedError, cores, running

_APP = "benchmarks.apps:hello"
_CONNECTIONS = 50
_LIMIT = 1.2
_ENOUGH = 0.5
"""The part of the answers that has to count: where a core stands still more often, it is hardly itself in between."""
_TRIES = 10
"""How often a round is made at most, before it is taken as it is."""
_REQUEST = "".join(f"{line}\r\n" for line in ("GET / HTTP/1.1", "Host: localhost", *BROWSER, "")).encode()


@dataclass(slots=True)
class _Seen:
    peer: Peer
    rates: list[float] = field(default_factory=list)
    """Requests a second that saturate it."""
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    """Microseconds."""
    p999: list[float] = field(default_factory=list)
    again: int = 0
    """Rounds that were made again, as too little counted in them."""
    counted: list[float] = field(default_factory=list)
    """The part of the answers that counts, of each round."""
    watched: bool = True
    failure: str = ""


def main() -> int:
    """Measure, print, and return 1 if the bar is missed."""
    parser = options("Latency at half the saturating rate.", rounds=5, seconds=2)
    parser.add_argument("--urgent", action="store_true", help="go before all other programs of the machine (root)")
    asked = parser.parse_args()
    if asked.urgent:
        os.setpriority(os.PRIO_PROCESS, 0, -20)  # what is started inherits it
    os.sched_setaffinity(0, {cores()[1]})
    seen = [_Seen(peer) for peer in chosen(serving("hello"), asked.only)]
    with tempfile.TemporaryDirectory() as folder, awake() as kept:
        client = compiled("paced", folder)
        for number in range(asked.rounds):
            for each in seen:
                if not each.failure:
                    progress(f"round {number + 1} of {asked.rounds}: {each.peer.name}")
                    _round(each, client, asked.seconds)
    print(f"{machine()}\n{versions(dict.fromkeys(each.peer.package for each in seen))}")
    print(f"{asked.rounds} rounds of {asked.seconds} s, hello, {_CONNECTIONS} connections, milliseconds")
    print(_conditions(seen, kept))
    print(
        table(
            ("server", "saturated, requests/s", "p50", "p99", "p99.9", "p99, min..max"), [_row(each) for each in seen]
        )
    )
    bar = _bar(seen)
    print(f"\n- {bar}")
    return bar.held is False


def _round(seen: _Seen, client: str, seconds: int) -> None:
    try:
        told = _once(seen, client, seconds)
        for number in range(1, _TRIES):
            if (part := told["counted"] / told["answers"]) >= _ENOUGH:
                break
            progress(f"{part:.0%} of the answers count: once more in {number} s")
            sleep(number)  # what takes the cores comes in phases
            seen.again += 1
            told = _once(seen, client, seconds)
        if not told["counted"]:
            raise ServerFailedError("no answer counts: a core stood still again and again")
    except ServerFailedError as error:
        seen.failure = str(error)
        progress(f"{seen.peer.name} failed: {error}")
        return
    seen.counted.append(told["counted"] / told["answers"])
    seen.watched &= bool(told["watched"])
    seen.rates.append(told["rate"])
    seen.p50.append(told["p50"])
    seen.p99.append(told["p99"])
    seen.p999.append(told["p999"])


def _once(seen: _Seen, client: str, seconds: int) -> dict[str, float]:
    with running(seen.peer.serving(_APP)) as server:
        rate = ask(server.port, Load(connections=_CONNECTIONS), 1).rate
        return {"rate": rate, **_pace(server, client, rate / 2, seconds)}


def _pace(server: Running, client: str, rate: float, seconds: int) -> dict[str, float]:
    words = [client, str(server.port), str(_CONNECTIONS), str(rate), str(seconds), *map(str, cores())]
    done = subprocess.run(words, input=_REQUEST, capture_output=True, check=False, timeout=seconds + 60)
    if done.returncode:
        raise ServerFailedError(f"paced ended with status {done.returncode}: {done.stderr.decode()}")
    told: dict[str, float] = json.loads(done.stdout)
    if told["errors"]:
        raise ServerFailedError(f"errors: {told['errors']} beside {told['answers']} answers")
    return told


def _conditions(seen: list[_Seen], kept: bool) -> str:
    counted = [part for each in seen for part in each.counted]
    if not counted or not all(each.watched for each in seen):
        return "All answers count, also those that a hypervisor delayed: run this as root\n"
    return (
        f"{'Cores do not sleep' if kept else 'Cores sleep'}; "
        "what fell due near a moment in which one stood still does not count: "
        f"{statistics.median(counted):.0%} of the answers do, {min(counted):.0%} in one round\n"
        f"{sum(each.again for each in seen)} rounds were made again, as less than {_ENOUGH:.0%} did\n"
    )


def _row(seen: _Seen) -> list[str]:
    if seen.failure or not seen.rates:
        return [seen.peer.name, f"failed: {seen.failure.partition(chr(10))[0]}", "", "", "", ""]
    spread = f"{min(seen.p99) / 1e3:.2f}..{max(seen.p99) / 1e3:.2f}"
    times = [f"{statistics.median(times) / 1e3:.2f}" for times in (seen.p50, seen.p99, seen.p999)]
    return [seen.peer.name, f"{statistics.median(seen.rates):,.0f}", *times, spread]


def _bar(seen: list[_Seen]) -> Bar:
    waits = {each.peer.name: statistics.median(each.p99) for each in seen if each.p99 and not each.failure}
    others = {each.peer.name: waits[each.peer.name] for each in seen if each.peer.rival and each.peer.name in waits}
    best = min(others.items(), key=lambda item: item[1], default=None)
    text = f"fast, p99 at half the saturating rate: at most {_LIMIT} x the best other server"
    if best is None or "fast" not in waits:
        return Bar(text, _LIMIT, None)
    return Bar(text, _LIMIT, waits["fast"] / best[1], where=f" x {best[0]}")


if __name__ == "__main__":
    sys.exit(main())
