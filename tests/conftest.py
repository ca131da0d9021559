"""What every test finds."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from live import Gate

pytest_plugins = ["measuring"]
settings.register_profile("any machine", deadline=None)  # how long an example takes is the machine's load's to say
settings.load_profile("any machine")
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under nohup(1), what a test starts would ignore it too, as it should


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path)
    yield made
    made.close()
