"""The pages of the docs, as blocks, and a terminal to run them in.

A fence says what its block is: ``console`` is a transcript, where `$ ` begins a command and the rest is what it prints;
``python`` is run; ``python hello.py`` or ``ini circus.ini`` is a file, written for the blocks that follow. All blocks of a
page share one folder and one network of their own, so that a page may say port 8000.

A command that serves goes on while the next blocks are run, until the next such command. What differs from run to run
(times, pids, addresses) is not compared; a line `...` stands for any lines. Under a heading `Status 3` commands end with 3.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from live import PATIENCE, ROOT, Process
from managers import BIN, SEARCH_PATH, Network, managing

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "examples/README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
SERVERS = {"chaussette", "circusd", "s6-svscan", "supervisord", "systemd-socket-activate"}
FOLDER = "/srv/web"
"""What the pages call the folder that they are in."""
_VARYING = (
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d+)?", "TIME"),
    (r"\] \[\d+\] \[", "] [PID] ["),
    (r"\b(process|worker|pid) \d+", r"\1 PID"),
    (r"0x[0-9a-f]+", "ADDRESS"),
    (r"fd://\d+", "FD"),
    (r"\b\d+ answered", "N answered"),
)


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    file: str
    text: str
    status: int
    """The exit status of its commands."""

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    def commands(self) -> Iterator[tuple[str, list[str]]]:
        """The commands of a transcript, each with the lines that it prints."""
        for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]:
            command, *output = part.splitlines()
            yield re.sub(r"\s+# .*", "", command), output


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page."""
    found: list[Block] = []
    lines: list[str] = []
    info: list[str] = []
    status = fence = 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            if not fence:
                fence, info, lines = number, line[3:].split(), []
                continue
            language, file = (*info, "", "")[:2]
            found.append(Block(page, fence, language, file, "\n".join(lines) + "\n", status))
            fence = 0
        elif fence:
            lines.append(line)
        elif line.startswith("#"):
            match = re.search(r"Status (\d+)", line)
            status = int(match[1]) if match else 0
    assert not fence, f"{page}: a block is not closed"
    return found


class Terminal:
    """Runs commands in a folder, inside a network of its own."""

    def __init__(self, network: Network, folder: Path) -> None:
        self.folder, self._network = folder, network
        self._server: Process | None = None
        (folder / ".curlrc").write_text("silent\nshow-error\n")
        self._environ = {"PATH": SEARCH_PATH, "HOME": str(folder), "TMPDIR": str(folder)}

    def run(self, command: str, expected: list[str], status: int) -> None:
        """Run a command, and compare what it prints with what the page says. Starts it only, if it is a server."""
        words = [word for word in shlex.split(command) if "=" not in word]
        if (
            words[0] in SERVERS
            and status == 0
            and words[1] not in ("backends", "config", "install", "--help", "--version")
        ):
            self.end_server()
            self._server = Process(self._inside("exec " + command), cwd=self.folder, env=self._environ)
            for line in expected:
                self._server.wait_for(max(re.split("TIME|PID|ADDRESS|FD", self.masked(line)), key=len))
            printed = self.masked(self._server.log)
            assert [line for line in expected if self.masked(line) not in printed] == [], printed
            return
        code, output = self._finish(command)
        for _ in range(4):
            if "arbiter is already running" in output:  # Circus looks after its processes just now: ask again
                code, output = self._finish(command)
        assert code == status, f"{command} ended with {code}:\n{output}"
        if expected:
            parts = re.split(r"^\.\.\.\n", "\n".join(map(self.masked, expected)), flags=re.MULTILINE)
            pattern = "(?s:.*?)".join(map(re.escape, parts))
            assert re.fullmatch(pattern, self.masked(output).strip()), f"{command} printed:\n{output}"

    def _finish(self, command: str) -> tuple[int, str]:
        environ = {name: value for name, value in os.environ.items() if not name.startswith("CHAUSSETTE_")}
        done = subprocess.run(
            self._inside(command),
            cwd=self.folder,
            env={**environ, **self._environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=2 * PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout

    def masked(self, text: str) -> str:
        """`text` without what differs from run to run."""
        text = re.sub(rf"{re.escape(str(BIN))}/(python)?[\d.]*", rf"{FOLDER}/.venv/bin/\1", text)
        text = text.replace(str(self.folder), FOLDER)
        for pattern, word in _VARYING:
            text = re.sub(pattern, word, text)
        return text

    def end_server(self) -> None:
        """End the server that runs, if any, as a user does."""
        if self._server is None:
            return
        server, self._server = self._server, None
        with server, managing(server):
            pass  # it ends with the block

    def _inside(self, command: str) -> list[str]:
        return self._network.inside("/bin/bash", "-c", command)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end_server()
