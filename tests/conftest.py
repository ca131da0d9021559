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
# Under nohup(1), or in the background of a shell script, what a test starts would ignore them too, as it should.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path)
    yield made
    made.close()
