"""`pytest --measure all`, or `--measure NAME,NAME`: keep what the tests have seen of each engine, for the docs.

A test with an engine among its parameters is a test of that engine. What it sees of an ability it gives to `observe`, before
it compares it with what is declared. Both travel with the test's report, so it does not matter which process of pytest-xdist
ran it. An engine is written when all abilities were seen and none of its tests failed: what a run has seen that was cut short
is no measurement.
"""

import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from platform import python_version

import pytest

from chaussette.backend import find
from chaussette.backend.measurement import Measurement, measurements, path
from chaussette.backend.registry import version
from live import BACKENDS

PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
Observe = Callable[[str, bool], None]


@pytest.fixture
def observe(record_property: Callable[[str, object], None]) -> Observe:
    """Say whether the engine of this test was seen to have an ability, by its name in `BackendInfo.declared`."""
    return lambda ability, able: record_property("ability", [ability, able])


def engine_of(item: pytest.Item) -> str | None:
    """The engine that a test is about, if any."""
    callspec = getattr(item, "callspec", None)
    for value in callspec.params.values() if callspec else ():
        name = getattr(value, "backend", value)
        if isinstance(name, str) and name in BACKENDS:
            return name
    return None


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--measure", metavar="ENGINE[,ENGINE]|all", help="keep what is seen of these engines, for the docs"
    )


def pytest_configure(config: pytest.Config) -> None:
    wanted = config.getoption("measure")
    if not wanted:
        return
    if config.getoption("keyword") or config.getoption("markexpr"):
        raise pytest.UsageError("--measure measures an engine with all of its tests: name engines, not tests")
    engines = BACKENDS if wanted == "all" else wanted.split(",")
    if unknown := set(engines) - set(BACKENDS):
        raise pytest.UsageError(f"--measure: there is no {', '.join(unknown)}")
    config.pluginmanager.register(_Choice(engines))
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Record(engines))


def pytest_itemcollected(item: pytest.Item) -> None:
    if engine := engine_of(item):
        item.user_properties.append(("engine", engine))


class _Choice:
    """The tests of some engines, and no others."""

    def __init__(self, engines: tuple[str, ...]) -> None:
        self._engines = engines

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        others = [item for item in items if engine_of(item) not in self._engines]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if engine_of(item) in self._engines]


class _Record:
    """What the reports of all tests say, in the process that gets them."""

    def __init__(self, engines: tuple[str, ...]) -> None:
        self._outcomes: dict[str, dict[str, str]] = {engine: {} for engine in engines}
        self._seen: dict[str, dict[str, bool]] = defaultdict(dict)
        self._crashed = False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        facts = [(name, value) for name, value in report.user_properties]
        engine = dict(facts).get("engine")
        if engine is None:  # the process that ran it is gone, and with it what it had seen
            self._crashed |= report.failed
            return
        outcomes = self._outcomes[str(engine)]
        if report.failed or report.skipped or (report.when == "call" and report.nodeid not in outcomes):
            outcomes[report.nodeid] = report.outcome
        self._seen[str(engine)] |= {value[0]: value[1] for name, value in facts if name == "ability"}  # type: ignore[index]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for engine, outcomes in self._outcomes.items():
            counts = Counter(outcomes.values())
            missing = find(engine).declared.keys() - self._seen[engine].keys()
            failed = counts["failed"] or self._crashed
            if failed or missing:
                why = "a test failed" if failed else f"nothing was seen of {', '.join(missing)}"
                terminalreporter.write_line(f"{engine} is not measured: {why}", red=True)
                continue
            write(engine, counts["passed"], counts["skipped"], self._seen[engine])
            terminalreporter.write_line(f"{engine} is measured: {measurements(engine)[PYTHON]}")


def write(engine: str, passed: int, skipped: int, seen: dict[str, bool]) -> None:
    """Keep a measurement in place of the last one on this Python."""
    info = find(engine)
    abilities = {name: seen[name] for name in info.declared}
    today = datetime.now(UTC).date().isoformat()
    made = Measurement(python_version(), version(info) or "", today, passed, skipped, abilities)
    all_of_them = {**measurements(engine), PYTHON: made}
    text = json.dumps({python: all_of_them[python]._asdict() for python in sorted(all_of_them)}, indent=2)
    Path(path(engine)).write_text(text + "\n")
