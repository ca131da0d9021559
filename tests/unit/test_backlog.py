"""The backlog of a listener, as the kernel tells it."""

from pathlib import Path

import pytest

from chaussette.listeners.backlog import backlog_of
from live import KINDS, listening


@pytest.mark.parametrize("kind", KINDS)
def test_backlog_is_what_listen_was_given(kind: str, tmp_path: Path) -> None:
    with listening(kind, tmp_path) as sock:
        for backlog in (3, 1000):
            sock.listen(backlog)
            assert backlog_of(sock) == backlog
