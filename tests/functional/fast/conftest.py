"""Every test of this folder on every engine of our own."""

from collections.abc import Iterator

import pytest

from functional.fast.serving import Served, serving

ENGINES = {
    "fast-1": ("--backend", "fast", "--threads", "1"),
    "fast-4": ("--backend", "fast", "--threads", "4"),
    "fastgevent": ("--backend", "fastgevent"),
}


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """The options that choose an engine."""
    return ENGINES[request.param]


@pytest.fixture
def served(engine: tuple[str, ...]) -> Iterator[Served]:
    """A process of that engine with no other options."""
    with serving(*engine) as process:
        yield process


@pytest.fixture(scope="module", params=ENGINES)
def shared(request: pytest.FixtureRequest) -> Iterator[Served]:
    """One process of each engine for all tests of a module that leave nothing behind."""
    with serving(*ENGINES[request.param]) as process:
        yield process
        assert process.terminate() == 0
        assert "Traceback" not in process.log
