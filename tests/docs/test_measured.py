"""What was measured of each engine, on each Python, agrees with what is declared of it today."""

import json
import re
from pathlib import Path

import pytest

from chaussette.backend import find
from chaussette.backend.measurement import FOLDER, measurements
from live import BACKENDS, ROOT

PYTHONS = re.findall(r"[\d.]+", re.findall(r"PYTHONS=\(([^)]+)\)", (ROOT / ".ci/run").read_text())[0])


@pytest.mark.parametrize("python", PYTHONS)
def test_each_engine_is_measured_as_it_is_declared(python: str) -> None:
    stale = [
        backend
        for backend in BACKENDS
        if python not in (seen := measurements(backend)) or seen[python].abilities != find(backend).declared
    ]
    command = f"make matrix ENGINES={','.join(stale)} PYTHON=python{python} VENV=.venv-{python}"
    assert not stale, f"not measured, or other than it is declared: run {command}"


@pytest.mark.parametrize("python", PYTHONS)
def test_what_was_compared_with_the_bare_engine_is_as_it_is_declared(python: str) -> None:
    seen = json.loads((ROOT / f"benchmarks/results/bare-{python}.json").read_text())
    stale = [
        engine
        for engine, facts in seen.items()
        for ability, declared in find(engine).declared.items()
        if facts["here"].get(ability, declared) != declared
    ]
    assert not stale, f"other than it is declared: run python{python} tests/bare.py {' '.join(dict.fromkeys(stale))}"


def test_nothing_else_is_measured() -> None:
    assert {file.stem for file in Path(FOLDER).iterdir()} == set(BACKENDS)
    assert {file.stem for file in (ROOT / "docs/engines").iterdir()} == set(BACKENDS)
