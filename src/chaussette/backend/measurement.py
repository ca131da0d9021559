"""What the tests have seen of each engine, beside what is declared of it: `make matrix` writes it, a file for each engine.

It comes along with Chaussette, so that `chaussette backends NAME` can say which version was tested. A test holds it to what is
declared; an engine of another package has none.
"""

import json
import os
from typing import NamedTuple

FOLDER = os.path.join(os.path.dirname(__file__), "measured")


class Measurement(NamedTuple):
    """One run of the tests of an engine, all of which passed."""

    python: str
    """The version of Python, `3.13.0`."""
    version: str
    """The version of the engine."""
    date: str
    """The day, `2026-11-22`."""
    passed: int
    """Tests that passed."""
    skipped: int
    """Tests that said why they did not run."""
    abilities: dict[str, bool]
    """What was seen, by the names of `BackendInfo.declared`."""

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.version} on Python {self.python}, {self.date}: {self.passed} tests passed{skipped}"


def path(engine: str) -> str:
    """The file of an engine that comes with Chaussette."""
    return os.path.join(FOLDER, f"{engine}.json")


def measurements(engine: str) -> dict[str, Measurement]:
    """The measurements of an engine, by the Python that they were made on: `3.11`, `3.13`. Empty if there are none."""
    try:
        with open(path(engine)) as file:
            return {python: Measurement(**facts) for python, facts in json.load(file).items()}
    except FileNotFoundError:
        return {}
