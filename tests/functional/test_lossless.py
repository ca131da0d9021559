"""A deploy loses no request: some of what `python -m benchmarks.lossless` does at length, on every engine."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from benchmarks.deployers import deployers
from benchmarks.deployment import LOG
from benchmarks.scenarios import SCENARIOS
from benchmarks.stage import Counts, play

pytestmark = pytest.mark.timeout(240)  # real managers, which start a Python several times: slow where others run too

COUNTS = Counts(times=1, few=1, drains=1, parked=40, keep=5, anew=2)
ENGINES = {each.name: each for each in deployers() if each.own}
FIRST = [each.name for each in ENGINES.values() if not each.asked_for or each.app]
"""What takes long is done to these; that the others drain as they must, test_contract_drain.py tells."""
WHAT = {each.name: each for each in SCENARIOS}


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="lossless") as name:  # not tmp_path, too long for a socket's path
        yield Path(name)


@pytest.mark.parametrize(
    ("engine", "scenario"), [*((name, "reload") for name in ENGINES), *((name, "uploads") for name in FIRST)]
)
def test_no_request_is_lost(engine: str, scenario: str, folder: Path) -> None:
    found = play(WHAT[scenario], ENGINES[engine], COUNTS, str(folder))
    assert not found.failure, (folder / LOG).read_text()
    assert not found.lost, f"of {found.sent}: {(folder / LOG).read_text()}"
    assert found.sent


@pytest.mark.parametrize("engine", [name for name in FIRST if ENGINES[name].keep_alive])
def test_requests_on_kept_connections_are_answered_in_the_drain(engine: str, folder: Path) -> None:
    found = play(WHAT["drain"], ENGINES[engine], COUNTS, str(folder))
    assert not found.failure, (folder / LOG).read_text()
    assert not found.lost, (folder / LOG).read_text()
    assert found.sent == COUNTS.parked


def test_a_lost_request_would_be_noticed(folder: Path) -> None:
    impatient = replace(ENGINES["waitress"], words=(*ENGINES["waitress"].words, "--keep-alive-grace", "0"))
    found = play(WHAT["drain"], impatient, COUNTS, str(folder))
    assert not found.failure, (folder / LOG).read_text()
    assert 0 < found.lost.total() <= found.sent == COUNTS.parked
