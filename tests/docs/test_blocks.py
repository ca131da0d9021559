"""Every block of README, examples and docs: run, started or checked."""

import re
import shlex
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from chaussette.backend import find
from live import ROOT, chaussette, get, listening
from managers import Network, tool
from pages import PAGES, Block, Terminal, blocks

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def _make(words: list[str]) -> None:
    assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def _pip(words: list[str]) -> None:
    for extra in re.findall(r"(?:chaussette|\.)\[(\w+)\]", " ".join(words)):
        assert extra in PYPROJECT["project"]["optional-dependencies"]


def _install(words: list[str]) -> None:
    assert find(words[2]).install == shlex.join(words)


def _unit(words: list[str]) -> None:
    assert words == ["systemctl", "enable", "--now", "web.socket", "web.target"]


def _deploy(words: list[str]) -> None:
    """That is what the unit itself says."""
    assert "#     " + " ".join(words) in (ROOT / "docs/howto-systemd.md").read_text()


NOT_RUN: dict[str, tuple[str, Callable[[list[str]], None]]] = {
    "git clone": ("its address is the reader's to fill in", lambda words: None),
    "make": ("`make test` runs this very test; `make run` starts what test_examples.py starts", _make),
    "python3 -m venv": ("what follows it is not run", lambda words: None),
    "pip install": ("it needs a registry; `make test` has done it", _pip),
    "chaussette install": ("it needs a registry and a compiler; `make test` has done it", _install),
    "for n in": ("it needs a machine that systemd has started, and root", _deploy),
    "systemctl": ("it needs a machine that systemd has started, and root", _unit),
}
"""Commands that are not run, each with the reason and with what is checked instead."""
DRAWINGS = {"docs/deploy.md", "docs/design.md", "docs/tutorial.md"}
"""Pages with a `text` block: a drawing, and lines of a log that another block has led to."""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page: Path, tmp_path: Path) -> None:
    found = blocks(page)
    if not any(block.language in ("console", "python") for block in found):
        return
    if page.name == "howto-s6.md":
        tool("s6-svscan")
    with Network() as network, Terminal(network, tmp_path) as terminal:
        for block in found:
            print(block)
            run(block, terminal)


def run(block: Block, terminal: Terminal) -> None:
    """Do what the language of the block says."""
    if block.file:
        (terminal.folder / block.file).write_text(block.text)
    elif block.language == "python":
        terminal.run(f"{sys.executable} -c {shlex.quote(block.text)}", [], 0)
    elif block.language == "console":
        for command, expected in block.commands():
            reason = [what for what in NOT_RUN if command.startswith(what + " ")]
            if reason:
                NOT_RUN[reason[0]][1](shlex.split(command))
            else:
                terminal.run(command, expected, block.status)
    elif block.language == "toml":
        tomllib.loads(block.text)
    elif block.language == "text":
        assert str(block.page.relative_to(ROOT)) in DRAWINGS
    else:
        # The one block of its kind, see the next test; the managers' tests start it.
        assert (block.language, block.page.name) == ("ini", "README.md"), block


def test_readme_has_the_configuration_of_the_first_manual() -> None:
    [block] = [each for each in blocks(ROOT / "README.md") if each.language == "ini" and not each.file]
    lines = (ROOT / "examples/circus-first-manual/circus.ini").read_text().splitlines(keepends=True)
    assert block.text == "".join(line for line in lines if not line.startswith(";"))


def test_engine_of_another_package(tmp_path: Path) -> None:
    """The engine of docs/adding-an-engine.md, found by the entry point that the page shows."""
    found = blocks(ROOT / "docs/adding-an-engine.md")
    [engine] = [block for block in found if block.file == "least.py"]
    [project] = [tomllib.loads(block.text)["project"] for block in found if block.language == "toml"]
    (tmp_path / "least.py").write_text(engine.text)
    info = tmp_path / "least-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: least\nVersion: 1.0\n")
    [(group, points)] = project["entry-points"].items()
    (info / "entry_points.txt").write_text(
        f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in points.items())
    )
    with listening("tcp", tmp_path) as sock:
        fd = sock.fileno()
        command = ("--fd", str(fd), "--backend", "least", "behaviour:app")
        with chaussette(*command, fds=[fd], PYTHONPATH=str(tmp_path)) as process:
            assert get(sock) == (200, b"%d\n" % process.pid)
            process.wait_for("Using <class 'least.Server'> as a backend")
            assert process.terminate() == 0


def test_links_lead_somewhere() -> None:
    for page in [*PAGES, ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert target.startswith("http") or (page.parent / target).exists(), f"{page}: {target}"
