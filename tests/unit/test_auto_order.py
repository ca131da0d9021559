"""`--backend auto`: the order, and what is passed over."""

import pytest

from chaussette import BackendError
from chaussette.backend import find
from chaussette.backend.auto import ORDER, best
from chaussette.config import Config
from chaussette.interface import KINDS, kind_of
from chaussette.standard import first


def test_all_of_the_order_may_be_taken_without_a_look_at_the_app() -> None:
    assert ORDER.keys() == KINDS.keys()
    for kind, order in ORDER.items():
        for info in map(find, order):
            assert kind in info.protocols
            assert info.pulse
            assert "strict framing" not in info.lacks


def test_the_first_that_can_do_what_is_asked() -> None:
    assert best("wsgi", Config()) == "fast"
    assert best("wsgi", Config(threads=8, limit_body=1)) == "fast"
    assert best("wsgi", Config(spawn=8)) == "fastgevent"
    assert best("asgi", Config()) == "uvicorn"


def test_what_none_can_do_is_refused_as_it_is_without_auto() -> None:
    with pytest.raises(BackendError, match="--spawn: uvicorn has no greenlets"):
        best("asgi", Config(spawn=1))
    with pytest.raises(BackendError, match="--option: a setting is for one engine"):
        best("wsgi", Config(option=("ident=x",)))


def test_kinds_of_apps() -> None:
    def wsgi(environ: object, start_response: object) -> None: ...

    async def asgi(scope: object, receive: object, send: object) -> None: ...

    assert (kind_of(wsgi), kind_of(asgi)) == ("wsgi", "asgi")


def test_modules_come_from_the_engines_path_first(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    with open(f"{tmp_path}/sockjs_of_the_app.py", "w") as file:
        file.write("")
    with first([]):
        import sockjs_of_the_app  # type: ignore[import-not-found]
    assert sockjs_of_the_app.__file__.startswith(str(tmp_path))
