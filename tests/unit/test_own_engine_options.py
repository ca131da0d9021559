"""The options of the own engines: what the help calls the default is what the engine does."""

import socket

import pytest

from chaussette.backend.base import LIMITS
from chaussette.backend.own import _NAMES, settings
from chaussette.config import OPTIONS, Config, parse
from chaussette.engine.settings import Settings
from chaussette.listeners import Listener


def values(made: Settings) -> dict[str, object]:
    """Settings and limits by the names of the options."""
    found = made._asdict() | made.limits._asdict()
    del found["limits"]
    return {_NAMES.get(name, name): value for name, value in found.items()}


def test_the_help_tells_the_defaults() -> None:
    made = values(settings([], Config()))
    for name in LIMITS:
        shown = OPTIONS[name].shown_default.partition(",")[0]
        assert parse(name, shown, "help") == made[name], name


@pytest.mark.parametrize("name", LIMITS)
def test_every_option_reaches_the_engine(name: str) -> None:
    asked = parse(name, "7", "test")
    assert values(settings([], Config(**{name: asked})))[name] == asked


def test_an_engine_waits_no_longer_than_the_drain() -> None:
    assert settings([], Config(graceful_timeout=1, keep_alive_grace=10)).grace == 0.5


@pytest.mark.parametrize("owned", [True, False])
def test_multiprocess_is_true_on_a_socket_that_somebody_gave_us(owned: bool) -> None:
    with socket.socket() as sock:
        assert settings([Listener(sock, "x", owned=owned)], Config()).multiprocess is not owned


@pytest.mark.parametrize(("text", "size"), [("500", 500), ("64k", 65536), ("1M", 1 << 20), ("2G", 2 << 30)])
def test_sizes_have_units(text: str, size: int) -> None:
    assert parse("limit_body", text, "test") == size
