"""The units that `chaussette config systemd` prints: verified, rated, and started by a systemd that can harm nobody."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from live import PATIENCE, ROOT
from managers import tool

pytestmark = pytest.mark.timeout(120)

UNITS = ("web.socket", "web@.service", "web.target")
TARGETS = ("basic", "shutdown", "sockets")
"""Units that every unit needs by default: here they are empty."""
NOT_HERE = "DynamicUser=no\nProtectHome=no\nProtectKernelLogs=no\nProtectKernelTunables=no\n"
"""What a user's instance or a read-only machine cannot do; all other restrictions are in force in the test."""
OPTIONS = ("--workers", "2", "--bind", "127.0.0.1:8000", "--backend", "fast")


def printed(folder: Path) -> Path:
    """The units for an app in `folder`, in a folder of their own."""
    command = [sys.executable, "-m", "chaussette", "config", *OPTIONS, "--output", "units", "systemd", "server:app"]
    subprocess.run(command, cwd=folder, timeout=PATIENCE, check=True)
    return folder / "units"


def test_systemd_takes_the_units_and_rates_them(tmp_path: Path) -> None:
    folder = printed(tmp_path)
    units = [str(folder / unit) for unit in UNITS]
    command = [tool("systemd-analyze"), "verify", *units]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    command = [tool("systemd-analyze"), "security", "--offline=true", units[1]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    rated = re.search(r"Overall exposure level for .*: ([\d.]+)", done.stdout)
    assert rated, done
    shown = re.search(r"at ([\d.]+) of 10", (ROOT / "docs/howto-systemd.md").read_text())
    assert shown
    # Each version of systemd looks at more than the one before.
    assert float(rated[1]) <= float(shown[1]) + 0.5
