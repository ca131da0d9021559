"""What every engine should do, one by one: each has it or declares that it lacks it, and is held to either.

An ability that is lacking is looked for too, if not for long: a weakness that an upgrade mends is to fail.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from chaussette.backend import find
from chaussette.backend.base import ABILITIES
from live import BACKENDS, PATIENCE, Gate, chaussette, listening, own_address
from measuring import Observe
from probes import PROBES, Served, sees

BRIEF = 0.5
"""Seconds that what should not come is waited for."""


class Case(NamedTuple):
    backend: str
    kind: str


CASES = [
    pytest.param(Case(backend, probe.kind), ability, id=f"{backend}-{ability}")
    for backend in BACKENDS
    for ability, probe in sorted(PROBES.items(), key=lambda named: named[1].kind)
]


@pytest.fixture(scope="module")
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One process of an engine, for all that is looked for on its kind of socket."""
    case: Case = request.param
    folder = tmp_path_factory.mktemp("engine")
    gate = Gate(folder)
    with listening(case.kind, folder) as sock:
        options = ("--fd", str(sock.fileno()), "--backend", case.backend, "behaviour:app")
        with chaussette(*options, fds=[sock.fileno()], GATE=gate.path):
            yield Served(own_address(sock), gate)
    gate.close()


def test_each_ability_has_a_probe() -> None:
    assert PROBES.keys() == ABILITIES.keys()


@pytest.mark.parametrize(("served", "ability"), CASES, indirect=["served"])
def test_engine_does_what_it_should_or_declares_that_it_does_not(
    served: Served, ability: str, observe: Observe, request: pytest.FixtureRequest
) -> None:
    case: Case = request.node.callspec.params["served"]
    declared = find(case.backend).declared[ability]
    found = sees(PROBES[ability], served, PATIENCE if declared else BRIEF)
    observe(ability, found)
    assert found is declared
