"""What is put right of eventlet, and of it alone."""

import subprocess
import sys

import pytest

from live import PATIENCE

pytest.importorskip("eventlet", reason="eventlet is not installed")

LOGS_AS_IT_ENDS = """
import logging, signal
from chaussette.backend._eventlet import Server
Server.setup()
import eventlet
from eventlet.greenthread import GreenThread

signal.signal(signal.SIGTERM, lambda number, frame: logging.warning("heard"))
resolve = GreenThread._resolve_links

def ends(self):
    GreenThread._resolve_links = resolve
    signal.raise_signal(signal.SIGTERM)
    resolve(self)

GreenThread._resolve_links = ends
print(eventlet.spawn(int).wait())
"""


def test_a_signal_handler_may_log_when_a_greenlet_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOGS_AS_IT_ENDS], capture_output=True, text=True, timeout=PATIENCE, check=True
    )
    assert done.stdout == "0\n"
    assert done.stderr == "WARNING:root:heard\n"
