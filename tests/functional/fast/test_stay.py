"""A connection that the only thread is told of without arming it again: what is told once is not lost."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from functional.fast.alone import left_to_one, needs_linux, stopped
from functional.fast.serving import Client, Served, request
from live import listening

pytestmark = needs_linux

READ = 1 << 16
"""How many bytes the engine reads at once."""

Alone = tuple[Served, list[Client]]


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Alone]:
    """A unix socket has all at once that was sent: what TCP has sent may be on its way, and wait for an acknowledgement."""
    with listening("unix", tmp_path) as listener, left_to_one(listener) as found:
        for _ in range(3):  # the first time, the connection is armed, and stays so from then on
            assert found[1][0].ask("/hello")[2] == b"hello"
        yield found


def test_a_request_that_others_are_told_of_while_its_connection_has_an_owner_is_answered(alone: Alone) -> None:
    first, second, third = alone[1][:3]
    first.sock.sendall(request("/meet?2"))
    assert third.ask("/hello")[2] == b"hello"  # by another thread
    first.sock.sendall(request("/hello"))
    for _ in range(20):  # the news of that is behind them
        assert third.ask("/hello")[2] == b"hello"
    assert second.ask("/meet?2")[2] == b"met"
    assert first.answer()[2] == b"met"
    assert first.answer()[2] == b"hello"


def test_the_end_that_comes_with_a_request_is_noticed(alone: Alone) -> None:
    served, (first, second, *_) = alone
    with stopped(served):
        first.sock.sendall(request("/hello"))
        first.sock.shutdown(socket.SHUT_WR)
    assert first.answer()[2] == b"hello"
    assert second.ask("/hello")[2] == b"hello"  # what was told last is told again when others are let in
    assert first.rest() == b""


def test_what_is_behind_the_bytes_that_are_read_at_once_is_read_too(alone: Alone) -> None:
    served, (first, second, *_) = alone
    head = len(request("/echo", method="POST", body=b"a" * READ)) - READ
    full = request("/echo", method="POST", body=b"a" * (READ - head))
    assert len(full) == READ
    with stopped(served):
        first.sock.sendall(full + request("/hello"))
    assert first.answer()[2] == b"a" * (READ - head)
    assert second.ask("/hello")[2] == b"hello"
    assert first.answer()[2] == b"hello"
