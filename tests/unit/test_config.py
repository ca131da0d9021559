"""One declaration for each option: what derives from it agrees with it."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chaussette.cli import _config, parser
from chaussette.config import DEFAULTS, OPTIONS, Config, flag, parse, variable
from chaussette.errors import UsageError
from chaussette.sources import from_environ, gather, to_argv


def test_every_field_is_an_option_with_help_and_a_flag() -> None:
    shown = parser().format_help()
    for name in Config._fields:
        option = OPTIONS[name]
        assert option.help
        if not option.positional:
            assert flag(name) in shown
            assert option.group, "an option belongs to a group of the help text"


def test_a_config_is_a_value() -> None:
    with pytest.raises(AttributeError):
        Config().port = 1  # type: ignore[misc]
    assert Config(port=1) == Config(port=1)


WORDS = st.text(string.ascii_letters + string.digits + "._", min_size=1, max_size=12)
VALUES = {
    "port": st.integers(0, 65535),
    "backlog": st.integers(1, 4096),
    "threads": st.none() | st.integers(1, 100),
    "unix_mode": st.none() | st.integers(0, 0o777),
    "graceful_timeout": st.floats(0, 1e6).map(lambda number: round(number, 3)),
    "no_monkey": st.booleans(),
    "factory": st.booleans(),
    "backend": WORDS,
    "log_level": st.sampled_from(["debug", "info", "error"]),
    "bind": st.lists(WORDS).map(tuple),
    "python_path": st.lists(WORDS.filter(lambda word: "," not in word and ":" not in word)).map(tuple),
    "option": st.dictionaries(WORDS, st.text("=abc ", max_size=5).map(str.strip)).map(
        lambda pairs: tuple(f"{key}={value}" for key, value in pairs.items())
    ),
    "app": WORDS.map("pkg.".__add__),
    "arguments": st.lists(st.text("-=abc ", min_size=1, max_size=5)).map(tuple),
}


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_a_config_and_its_command_line_are_the_same(values: dict[str, object]) -> None:
    config = Config(**values)  # type: ignore[arg-type]
    assert _config(to_argv(config)) == config


@given(
    st.fixed_dictionaries(
        {}, optional={name: VALUES[name] for name in ("port", "backlog", "graceful_timeout", "backend")}
    )
)
def test_the_environment_says_the_same_as_the_command_line(values: dict[str, object]) -> None:
    environ = {variable(name): str(value) for name, value in values.items()}
    assert gather({}, environ) == Config(**values)  # type: ignore[arg-type]


def test_the_nearest_source_wins() -> None:
    environ = {
        "CHAUSSETTE_PORT": "1",
        "CHAUSSETTE_HOST": "h",
        "CHAUSSETTE_THREADS": "",
        "PORT": "9",
        "CHAUSSETTE_APP": "x",
    }
    assert from_environ(environ) == {"port": "1", "host": "h"}
    assert gather({"port": "2"}, environ) == Config(port=2, host="h")


@pytest.mark.parametrize("name", [name for name, option in OPTIONS.items() if option.choices])
def test_choices_are_held(name: str) -> None:
    for choice in OPTIONS[name].choices:
        assert parse(name, choice, "here") == choice
    with pytest.raises(UsageError, match=r"^here: 'nonsense' is not one of "):
        parse(name, "nonsense", "here")


def test_defaults_would_be_accepted_as_text() -> None:
    for name, default in DEFAULTS.items():
        if default not in (None, ()) and not OPTIONS[name].repeat:
            assert parse(name, str(default), "here") == default


def test_linger_fits_into_the_graceful_timeout() -> None:
    assert Config().linger == 2.0
    assert Config(graceful_timeout=1.0).linger == 0.5
