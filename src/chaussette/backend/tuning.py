"""Settings of an engine's own: what `--option key=value` passes through, checked before the app is imported.

The glue of an engine tells them, by a class method `settings()`: it asks the engine which it has, where the engine can tell,
and how the text of each becomes a value. What would undo the work of Chaussette (the sockets, the drain, the log, signals,
processes) is refused with what to use instead; so is what the glue has replaced, as nothing is to be ignored in silence.

A class without that method has no settings.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType, NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin

from ..config import OPTIONS, Config, flag
from ..errors import BackendError, UsageError, near
from ..option import truth
from .base import Backend

Parser = Callable[[str], Any]
"""Text to value. Raises ValueError with what it wants: "a whole number"."""

SOCKET = "The listening socket is that of --bind or --fd"
BACKLOG = "Write --backlog for a socket that Chaussette binds; another one's is its owner's"
THREADS = "Write --threads"
DRAIN = "The drain is Chaussette's: write --graceful-timeout or --keep-alive-grace"
LOG = "The log is Chaussette's: write --log-level or --log-output"
PROCESS = "Processes are the process manager's"
RESTART = "A process that ends by itself loses requests: let the process manager restart it"
TLS = "TLS is for a proxy in front: an app is told http"
APP = "The app is the one that is named on the command line"
FRAMING = "It would accept what a proxy in front may read in another way"
OURS = "Chaussette does this in the engine's place"
NO_TEXT = "Its value cannot be written as text"


def _anything(values: Mapping[str, Any]) -> None:
    """Settings that are right one by one are right together."""


class Settings(NamedTuple):
    """What an engine can be told."""

    can: Mapping[str, Parser]
    cannot: Mapping[str, str] = MappingProxyType({})
    """Settings that the engine has and that are refused, each with the reason: a sentence without its full stop."""
    check: Callable[[dict[str, Any]], object] = _anything
    """Looks at all values together. Raises ValueError with what is wrong."""

    @classmethod
    def of(
        cls, kinds: Mapping[str, Any], cannot: Mapping[str, str], check: Callable[[dict[str, Any]], object] = _anything
    ) -> "Settings":
        """Settings by their types, as signatures and annotations tell them, less those in `cannot`."""
        parsers = {name: parser_of(kind) for name, kind in kinds.items() if name not in cannot}
        no_text = {name: NO_TEXT for name, parse in parsers.items() if parse is None}
        return cls({name: parse for name, parse in parsers.items() if parse}, {**cannot, **no_text}, check)


def settings_of(engine: type[Backend]) -> Settings | None:
    """The settings of an engine, None if it has none."""
    told = getattr(engine, "settings", None)
    return told() if told else None


def chosen(engine: type[Backend], config: Config) -> dict[str, Any]:
    """The values of `--option` for an engine, checked. Raises BackendError for a setting, UsageError for a value."""
    if not config.option:
        return {}
    name, settings = config.backend, settings_of(engine)
    values: dict[str, Any] = {}
    for pair in config.option:
        given, _, text = pair.partition("=")
        key = given.strip().replace("-", "_")
        if settings is None or key not in settings.can:
            raise BackendError(f"--option {key}: {_why_not(key, name, settings)}")
        if key in values:
            raise UsageError(f"--option {key} is given twice.")
        try:
            values[key] = settings.can[key](text.strip())
        except ValueError as wanted:
            raise UsageError(f"--option {key}: {text.strip()!r} is not {wanted}.") from None
    if settings is not None:
        try:
            settings.check(values)
        except ValueError as error:
            raise UsageError(f"--option {', '.join(values)}: {error}".rstrip(".") + ".") from None
    return values


def _why_not(key: str, name: str, settings: Settings | None) -> str:
    if settings is not None and key in settings.cannot:
        return f"this setting of {name} is not passed on. {settings.cannot[key]}."
    ours = f" Write {flag(key)}." if key in OPTIONS else ""
    if settings is None:
        return f"{name} has no settings of its own.{ours or ' Leave it out.'}"
    hint = ours or near(key, settings.can) or near(key, settings.cannot)
    return f"{name} has no such setting.{hint} See chaussette backends {name}."


def parser_of(kind: Any) -> Parser | None:
    """How text becomes a value of the type `kind`; None if no text does."""
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Literal:
        return one_of(*map(str, parts))
    if origin is list and parts == (str,):
        return several
    if origin in (Union, UnionType):
        parse = next(filter(None, map(parser_of, parts)), None)
        return _or_none(parse) if parse and NoneType in parts else parse
    return None


def integer(text: str) -> int:
    """Parse a whole number of any size."""
    try:
        return int(text)
    except ValueError:
        raise ValueError("a whole number") from None


def number(text: str) -> float:
    """Parse a number."""
    try:
        return float(text)
    except ValueError:
        raise ValueError("a number") from None


def several(text: str) -> list[str]:
    """Parse a list, with commas or blanks between."""
    return text.replace(",", " ").split()


def one_of(*words: str) -> Parser:
    """A parser that takes these words alone."""

    def parse(text: str) -> str:
        if text not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text

    return parse


def _or_none(parse: Parser) -> Parser:
    return lambda text: None if text.lower() == "none" else parse(text)


_PLAIN: dict[Any, Parser] = {bool: truth, int: integer, float: number, str: str, list: several}
