"""How many threads serve, decided from what the clock sees. What the system tells of a thread is told by a real one."""

import os
import threading
import time
from pathlib import Path

import pytest

from chaussette.engine import processor, staffing
from chaussette.engine.processor import since, times
from chaussette.engine.staffing import LOOK, Staffing


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
            self.staffing.idle += (1 - owned) * LOOK
            self.staffing.look(self.now, self.turns, look % 10 < owned * 10, lambda: [1])
        return self.staffing.wanted


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    return Watched(monkeypatch)


def test_short_requests_that_compute_are_left_to_one(watched: Watched) -> None:
    assert watched.spell(20_000, load=0.9, owned=0.8) == 1
    assert watched.spell(20_000, load=0.9, owned=0.8) == 1


def test_who_is_loaded_all_at_once_is_left_to_one_soon(watched: Watched) -> None:
    assert watched.spell(20, load=0.0, owned=0.0) == 4
    assert watched.spell(20_000, load=0.9, owned=0.8, seconds=0.07) == 1


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


def test_looks_that_follow_each_other_at_once_are_no_sign_of_waiting(watched: Watched) -> None:
    assert watched.spell(2_000, load=0.9, owned=0.8) == 1
    for _ in range(5):  # as when somebody connects, and the clock is woken for that
        watched.now += LOOK / 10
        watched.staffing.look(watched.now, watched.turns, True, lambda: [1])
    assert watched.staffing.wanted == 1


@pytest.mark.parametrize(("rate", "slow"), [(50_000, False), (5_000, True)])
def test_it_tells_whether_clients_sleep_meanwhile(watched: Watched, rate: int, slow: bool) -> None:
    assert watched.spell(rate, load=0.9, owned=0.8) == 1
    assert watched.staffing.slow is slow


def test_all_are_back_when_each_request_waits_a_little(watched: Watched) -> None:
    assert watched.spell(20_000, load=0.9, owned=0.8) == 1
    assert watched.spell(2_000, load=0.1, owned=1.0) == 4


def test_who_waits_for_events_at_the_look_does_not_wait_in_a_request(watched: Watched) -> None:
    assert watched.spell(20_000, load=0.9, owned=0.8) == 1
    watched.staffing.waiting = watched.now
    for _ in range(int(0.1 / LOOK)):  # less load all at once, and nobody has come out of the waiting yet
        watched.now += LOOK
        watched.staffing.look(watched.now, watched.turns, False, lambda: [1])
    watched.staffing.idle, watched.staffing.waiting = watched.staffing.idle + 0.1, 0.0
    assert watched.spell(0, load=0.0, owned=0.0, seconds=0.2) == 4
    assert watched.spell(20_000, load=0.9, owned=0.8) == 1, "it has not been taken for one that waits"


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


def test_what_a_hypervisor_takes_counts_as_waiting_for_a_processor() -> None:
    if not times([threading.get_native_id()]):
        pytest.skip("this system has no schedstat")
    before = processor._stolen()
    told = int(Path("/proc/stat").read_text().split()[8]) / os.sysconf("SC_CLK_TCK")
    assert 0 <= before <= told, "of the processors that we may use, of all"
    assert since({0: (0.0, 1.0), 1: (0.0, 0.0)}, {0: (0.0, 1.5), 1: (0.2, 0.1)}) == (0.2, 0.6)


def test_it_tells_nothing_of_one_that_is_none() -> None:
    assert times([0]) == {}
