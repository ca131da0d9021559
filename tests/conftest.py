"""What every test finds."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from live import Gate


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Gate]:
    made = Gate(tmp_path)
    yield made
    made.close()
