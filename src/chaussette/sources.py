"""Where options come from beside the command line: the environment, and a TOML file.

The nearest wins: the command line, then `CHAUSSETTE_*` variables, then the file named by `--config`. Both give texts by
option name, which `Config.from_text` turns into values, so that every source has the same checks and the same errors.

A misspelled key in a file is refused. A `CHAUSSETTE_*` variable that is no option is left alone: the environment is
shared with programs that we know nothing of.
"""

import os
from collections.abc import Mapping
from typing import Any

from .config import DEFAULTS, OPTIONS, Config, flag, variable
from .errors import UsageError, near

Texts = dict[str, str | list[str]]


def from_environ(environ: Mapping[str, str]) -> Texts:
    """The options that environment variables set. An empty variable sets nothing."""
    return {
        name: environ[variable(name)]
        for name, option in OPTIONS.items()
        if not option.positional and environ.get(variable(name))
    }


def from_toml(path: str) -> Texts:
    """The options that a TOML file sets. Raises UsageError for a file that cannot be read or a key that is no option."""
    import tomllib

    try:
        with open(path, "rb") as file:
            table = tomllib.load(file)
    except OSError as error:
        raise UsageError(f"--config {path}: {error.strerror}.") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"--config {path} is not TOML: {error}.") from None
    texts: Texts = {}
    for key, value in table.items():
        name = key.replace("-", "_")
        if name not in OPTIONS:
            raise UsageError(f"--config {path}: no option is called {key!r}.{near(key, _keys())}")
        texts[name] = _texts(value)
    return texts


def _texts(value: Any) -> str | list[str]:
    """A value of a TOML file as the command line has it: a table is pairs, and a list in it is one text."""
    if isinstance(value, dict):
        return [f"{key}={','.join(map(str, each)) if isinstance(each, list) else each}" for key, each in value.items()]
    return [str(each) for each in value] if isinstance(value, list) else str(value)


def gather(given: Texts, environ: Mapping[str, str] = os.environ, file: str | None = None) -> Config:
    """Make the Config of all sources. Raises UsageError, which names the source of the culprit."""
    texts: Texts = {}
    sources: dict[str, str] = {}
    layers: list[tuple[Texts, Any]] = [
        (from_toml(file) if file else {}, lambda name: f"{file}: {name.replace('_', '-')}"),
        (from_environ(environ), variable),
        (given, lambda name: name if OPTIONS[name].positional else flag(name)),
    ]
    for layer, spell in layers:
        texts.update(layer)
        sources.update({name: spell(name) for name in layer})
    return Config.from_text(texts, sources.__getitem__)


def to_argv(config: Config) -> list[str]:
    """The command line that says the same as `config`, for a child process that is to do the same."""
    argv: list[str] = []
    for name, option in OPTIONS.items():
        value = getattr(config, name)
        if option.positional or value == DEFAULTS[name]:
            continue
        if value is True:
            argv.append(flag(name))
        else:
            values = value if isinstance(value, tuple) else (value,)
            argv += [f"{flag(name)}={format(each, 'o') if name == 'unix_mode' else each}" for each in values]
    return [*argv, "--", config.app, *config.arguments]


def _keys() -> list[str]:
    return [name.replace("_", "-") for name in OPTIONS]
