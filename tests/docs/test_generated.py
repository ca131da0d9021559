"""The generated pages say what the code says. A page that does not is written anew, and the test fails: look, and commit."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from generate_reference import STATUSES, pages
from live import PATIENCE, ROOT

PAGES = pages()


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_page_is_what_the_code_says(path: Path) -> None:
    was = path.read_text() if path.exists() else ""
    if was != PAGES[path]:
        path.write_text(PAGES[path])
    assert was == PAGES[path], f"{path.name} was out of date and has been written anew"


@pytest.mark.parametrize("columns", ["40", "200"])
def test_help_is_the_same_in_every_terminal(columns: str) -> None:
    command = [sys.executable, "-m", "chaussette", "--help"]
    environ = {**os.environ, "COLUMNS": columns}
    done = subprocess.run(command, capture_output=True, text=True, env=environ, timeout=PATIENCE, check=True)
    assert done.stdout == (ROOT / "docs/reference/cli-help.txt").read_text()


def test_help_names_every_exit_status() -> None:
    [line] = [
        line for line in (ROOT / "docs/reference/cli-help.txt").read_text().splitlines() if "exit status:" in line
    ]
    missing = [status.value for status in STATUSES if str(status.value) not in line]
    assert missing == [1]  # a crash is nothing that a manager should be told to expect
