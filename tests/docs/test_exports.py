"""What the package promises of itself: its public names, what an import loads, how long a module is."""

import subprocess
import sys
from importlib import import_module

import pytest

import chaussette
from live import PATIENCE, ROOT

SOURCES = sorted((ROOT / "src").rglob("*.py"))
ENGINES = ("bjoern", "eventlet", "gevent", "greenlet", "meinheld", "tornado", "waitress", "wsgiref.simple_server")


@pytest.mark.parametrize("name", ["chaussette", "chaussette.backend", "chaussette.listeners"])
def test_public_names(name: str) -> None:
    module = import_module(name)
    assert list(module.__all__) == sorted(module.__all__)
    assert [each for each in module.__all__ if not hasattr(module, each)] == []


def test_every_error_is_public() -> None:
    errors = import_module("chaussette.errors")
    kinds = {name for name, value in vars(errors).items() if isinstance(value, type) and "Error" in name}
    assert kinds <= set(chaussette.__all__)


def test_import_loads_no_engine() -> None:
    program = f"import sys, chaussette.cli; print(*[name for name in {ENGINES} if name in sys.modules])"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT / "src")))
def test_module_fits_in_the_head(path: object) -> None:
    with open(str(path)) as file:
        assert len(file.readlines()) <= 300
