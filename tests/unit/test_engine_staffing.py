"""How many threads serve, decided from what the clock sees. What the system tells of a thread is told by a real one."""

import threading
import time

import pytest

from chaussette.engine import staffing
from chaussette.engine.staffing import LOOK, Staffing, since, times


class Watched:
    """A Staffing that is told a story: each `spell` is a second of looks."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, gil: bool = True) -> None:
        self.staffing = Staffing(4, gil=gil)
        self.now, self.turns, self.ran, self.waited = 1.0, 0, 0.0, 0.0
        monkeypatch.setattr(staffing, "times", lambda threads: {1: (self.ran, self.waited)})

    def spell(self, rate: int, *, load: float, owned: float = 0.0, waited: float = 0.0, seconds: float = 1.0) -> int:
        """Let time pass: turns a second, the part of the time that the thread runs, is in a turn, and waits for
        a processor."""
        for look in range(int(seconds / LOOK)):
            self.now += LOOK
            self.turns += round(rate * LOOK)
            self.ran += load * LOOK
            self.waited += waited * LOOK
            self.staffing.look(self.now, self.turns, look % 10 < owned * 10, [1])
        return self.staffing.wanted


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_short_requests_that_compute_are_left_to_one(watched: Watched) -> None:
    assert watched.spell(20_000, load=0.9, owned=0.8) == 1
    assert watched.spell(20_000, load=0.9, owned=0.8) == 1


def test_one_that_waits_for_other_programs_stays_alone(watched: Watched) -> None:
    assert watched.spell(5_000, load=0.3, waited=0.6, owned=0.9) == 1
    # A turn that lasts for some looks, as somebody else has the processor.
    assert watched.spell(0, load=0.0, waited=1.0, owned=1.0, seconds=0.1) == 1


@pytest.mark.parametrize(
    ("rate", "load"),
    [(20_000, 0.2), (300, 0.9), (0, 0.0)],
    ids=["little to do", "long requests", "nothing to do"],
)
def test_else_all_serve(watched: Watched, rate: int, load: float) -> None:
    assert watched.spell(rate, load=load, owned=load) == 4


def test_all_are_back_within_three_looks_of_a_request_that_hangs(watched: Watched) -> None:
    assert watched.spell(20_000, load=0.9, owned=0.8) == 1
    assert watched.spell(0, load=0.0, owned=1.0, seconds=3.5 * LOOK) == 4


def test_all_are_back_when_each_request_waits_a_little(watched: Watched) -> None:
    assert watched.spell(20_000, load=0.9, owned=0.8) == 1
    assert watched.spell(2_000, load=0.1, owned=1.0) == 4


def test_who_was_seen_waiting_keeps_all_for_longer_each_time(watched: Watched) -> None:
    pauses = []
    for _ in range(3):
        assert watched.spell(20_000, load=0.9, owned=0.8) == 1
        assert watched.spell(0, load=0.0, owned=1.0, seconds=4 * LOOK) == 4
        began = watched.now
        while watched.spell(20_000, load=0.9, owned=0.8, seconds=0.5) == 4:
            pass
        pauses.append(watched.now - began)
        assert watched.spell(0, load=0.0, owned=0.0) == 4, "the load has ended"
    assert pauses[0] >= 29
    assert pauses[1] > pauses[0] * 1.8
    assert pauses[2] > pauses[1] * 1.8


def test_without_a_gil_all_serve(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Watched(monkeypatch, gil=False).spell(20_000, load=0.9, owned=0.8) == 4


def test_the_system_tells_of_a_thread_what_it_ran() -> None:
    before = times([threading.get_native_id()])
    end = time.thread_time() + 0.05
    while time.thread_time() < end:
        pass
    ran, _ = since(before, times([threading.get_native_id()]))
    if not before:
        pytest.skip("this system has no schedstat")
    assert ran >= 0.045


def test_it_tells_nothing_of_one_that_is_none() -> None:
    assert times([0]) == {}
