"""What `make test-compiled` tests is compiled, and says so."""

import os
import tomllib
from importlib import import_module
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from live import ROOT, chaussette

COMPILED = os.environ.get("TEST_COMPILED") == "1"


@pytest.mark.skipif(not COMPILED, reason="nothing is compiled here: make test-compiled runs this")
def test_each_module_is_an_extension_with_its_source_beside() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    for name in project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["custom"]["modules"]:
        file = str(import_module(name).__file__)
        assert file.endswith(EXTENSION_SUFFIXES[0])
        assert Path(file.removesuffix(EXTENSION_SUFFIXES[0]) + ".py").exists()


def test_the_version_says_whether_it_is_compiled() -> None:
    with chaussette("--version") as process:
        assert process.ended() == 0
        assert ("(compiled)" in process.log) == COMPILED
