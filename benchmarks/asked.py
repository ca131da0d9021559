"""The options that the comparisons share."""

import argparse
from collections.abc import Sequence
from typing import Protocol, TypeVar


class _Named(Protocol):
    @property
    def name(self) -> str: ...


Named = TypeVar("Named", bound=_Named)


def options(description: str, *, rounds: int, seconds: int) -> argparse.ArgumentParser:
    """A parser of --rounds, --seconds and --only."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=rounds, help="rounds (default: %(default)s)")
    parser.add_argument("--seconds", type=int, default=seconds, help="seconds of load each (default: %(default)s)")
    parser.add_argument("--only", type=names, metavar="PEER[,PEER]", help="leave the others out")
    return parser


def names(text: str) -> list[str]:
    """The names in a list with commas."""
    return text.split(",")


def chosen(everything: Sequence[Named], wanted: Sequence[str] | None) -> list[Named]:
    """Those that are wanted, all if nothing is said. Ends the process if there is no such."""
    known = {each.name: each for each in everything}
    if unknown := [name for name in wanted or () if name not in known]:
        raise SystemExit(f"There is no {', '.join(unknown)}. There are: {', '.join(known)}.")
    return [each for name, each in known.items() if not wanted or name in wanted]
