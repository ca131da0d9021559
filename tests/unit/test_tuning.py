"""Settings of an engine's own: text to value by the engine's types, and refusals that name the culprit and the cure."""

from typing import Any, Literal

import pytest

from chaussette import BackendError, UsageError
from chaussette.backend import Settings, chosen
from chaussette.backend.tuning import parser_of
from chaussette.config import Config, parse
from chaussette.paste import serve_paste
from chaussette.sources import from_toml


class Engine:
    """What `chosen` looks at of a Backend."""

    @classmethod
    def settings(cls) -> Settings:
        return Settings.of(
            {"patience": float, "loops": int | None, "keep": bool, "kind": Literal["a", "b"], "hook": type},
            {"port": "The listening socket is that of --bind or --fd"},
            cls.check,
        )

    @staticmethod
    def check(values: dict[str, Any]) -> None:
        if values.get("keep") and "loops" in values:
            raise ValueError("keep and loops exclude each other")


def choose(*pairs: str, engine: Any = Engine) -> dict[str, Any]:
    return chosen(engine, Config(backend="engine", option=pairs))


def test_values_have_the_types_of_the_engine() -> None:
    assert choose() == {}
    assert choose("patience=1.5", "loops=3", "kind=b") == {"patience": 1.5, "loops": 3, "kind": "b"}
    assert choose("loops=none", "keep =no ") == {"loops": None, "keep": False}


@pytest.mark.parametrize(
    ("pairs", "error", "message"),
    [
        (["patince=1"], BackendError, "--option patince: engine has no such setting. Did you mean patience?"),
        (["port=80"], BackendError, "--option port: this setting of engine is not passed on. The listening socket is"),
        (
            ["hook=x"],
            BackendError,
            "--option hook: this setting of engine is not passed on. Its value cannot be written",
        ),
        (["threads=3"], BackendError, "--option threads: engine has no such setting. Write --threads."),
        (["patience=soon"], UsageError, "--option patience: 'soon' is not a number."),
        (["loops=1.5"], UsageError, "--option loops: '1.5' is not a whole number."),
        (["keep=maybe"], UsageError, "--option keep: 'maybe' is not true or false."),
        (["kind=c"], UsageError, "--option kind: 'c' is not one of a, b."),
        (["loops=1", "loops=2"], UsageError, "--option loops is given twice."),
        (["keep=yes", "loops=2"], UsageError, "--option keep, loops: keep and loops exclude each other."),
    ],
)
def test_refusals_name_the_culprit_and_the_cure(pairs: list[str], error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        choose(*pairs)
    assert str(caught.value).startswith(message)


def test_an_engine_without_settings_says_so() -> None:
    with pytest.raises(BackendError, match=r"--option patience: engine has no settings of its own. Leave it out."):
        choose("patience=1", engine=object)
    with pytest.raises(
        BackendError, match=r"--option keep_alive: engine has no settings of its own. Write --keep-alive."
    ):
        choose("keep-alive=1", engine=object)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (str, "a b", "a b"),
        (str | None, "none", None),
        (list[str] | None, "a, b c", ["a", "b", "c"]),
        (type | Literal["auto", "h11"] | str, "h11", "h11"),
        (bool, "Yes", True),
    ],
)
def test_types_of_signatures(kind: Any, text: str, value: object) -> None:
    parsed = parser_of(kind)
    assert parsed is not None
    assert parsed(text) == value


@pytest.mark.parametrize("kind", [type, dict[str, Any], Any])
def test_what_no_text_can_say(kind: Any) -> None:
    assert parser_of(kind) is None


def test_pairs_are_lines_of_a_variable_and_a_table_of_a_file(tmp_path: Any) -> None:
    assert parse("option", "a=1\n\n b=two words \n", "here") == ("a=1", "b=two words")
    for wrong in ("a", "=1", "", "a=1\nb"):
        with pytest.raises(UsageError, match="is not key=value"):
            parse("option", wrong, "here")
    file = tmp_path / "web.toml"
    file.write_text("threads = 2\n[option]\nident = 'two words'\nproxies = ['a', 'b']\nexpose = true\n")
    assert from_toml(str(file)) == {"threads": "2", "option": ["ident=two words", "proxies=a,b", "expose=True"]}
    assert parse("option", from_toml(str(file))["option"], "here") == ("ident=two words", "proxies=a,b", "expose=True")


def test_pserve_takes_lines() -> None:
    def app(environ: Any, start_response: Any) -> list[bytes]:
        return []

    with pytest.raises(UsageError, match=r"\[server:main\] option: 'oops' is not key=value"):
        serve_paste(app, None, option="oops")
