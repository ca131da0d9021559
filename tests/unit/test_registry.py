"""Engines by name: what is known of them without importing any."""

import subprocess
import sys

import pytest

from chaussette import BackendError, BackendInfo, backend
from chaussette.backend.registry import _classes, _registered
from chaussette.config import Config


def test_every_engine_says_what_a_reader_of_the_table_needs() -> None:
    for name in ("waitress", "gevent", "meinheld", "wsgiref"):
        info = backend.find(name)
        assert info.name == name
        assert info.summary
        assert info.concurrency
        assert info.upstream
        assert info.families == {"tcp", "tcp6", "unix"}
        assert bool(info.install) == bool(info.package)


def test_looking_imports_no_engine() -> None:
    code = (
        "import sys, chaussette, chaussette.cli; from chaussette.backend import backends, find\n"
        "[find(name) for name in backends()]\n"
        "sys.exit(', '.join({'waitress', 'gevent', 'greenlet', 'meinheld', 'wsgiref.simple_server'} & {*sys.modules}) or 0)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_register_adds_an_engine_and_get_finds_it() -> None:
    class Server:
        info = BackendInfo(name="anything", target="", options=frozenset({"threads"}))

    try:
        backend.register("mine", Server)  # type: ignore[arg-type]
        assert "mine" in backend.backends()
        assert backend.get("mine") is Server  # type: ignore[comparison-overlap]
        assert backend.find("mine").name == "mine"
        backend.check(backend.find("mine"), Config(threads=3))
        with pytest.raises(BackendError, match="mine has no greenlets"):
            backend.check(backend.find("mine"), Config(spawn=3))
    finally:
        del _registered["mine"], _classes["mine"]


def test_listeners_that_an_engine_cannot_serve_on_are_refused() -> None:
    info = BackendInfo(name="poor", target="", families=frozenset({"tcp"}), several_listeners=False)
    backend.check_families(info, ["tcp"])
    with pytest.raises(BackendError, match="poor cannot serve on a unix socket"):
        backend.check_families(info, ["unix"])
    with pytest.raises(BackendError, match="poor serves one socket, and 2 were given"):
        backend.check_families(info, ["tcp", "tcp"])
