"""What was measured of each engine, on each Python, agrees with what is declared of it today."""

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


def test_nothing_else_is_measured() -> None:
    assert {file.stem for file in Path(FOLDER).iterdir()} == set(BACKENDS)
    assert {file.stem for file in (ROOT / "docs/engines").iterdir()} == set(BACKENDS)
