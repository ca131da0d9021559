"""What an option is, and how its text becomes a value: numbers with limits, seconds, octal modes, true or false.

A parser raises ValueError with what it wants; the error message for the user is made around it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from .errors import UsageError

Number = TypeVar("Number", int, float)


class Option(NamedTuple):
    """What is known of one option beside its name and default."""

    help: str
    parse: Callable[[str], Any] = str
    metavar: str = ""
    why: str = ""
    """Why the default is what it is, for the reference page."""
    shown_default: str = ""
    """The default in words, where None stands for "it depends"."""
    choices: tuple[str, ...] = ()
    repeat: bool = False
    blanks: bool = False
    """Whether one value may hold blanks: several in one text are on lines of their own."""
    positional: bool = False
    group: str = ""


def seconds(text: str) -> float:
    """Parse a time span in seconds, fractions allowed."""
    return _within(float, text, 0, float("1e9"), "a number of seconds, 0 or more")


def whole(low: int, high: int) -> Callable[[str], int]:
    """A parser of whole numbers from `low` to `high`."""
    return lambda text: _within(int, text, low, high, f"a whole number from {low} to {high}")


def size(text: str) -> int:
    """Parse a number of bytes: `1048576`, `1024k`, `1M` or `2G`."""
    scale = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}.get(text[-1:].lower(), 1)
    digits = text if scale == 1 else text[:-1]
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("a number of bytes, such as 500, 64k, 1M or 2G")
    return int(digits) * scale


def octal(text: str) -> int:
    """Parse permissions as chmod(1) takes them."""
    return _within(lambda digits: int(digits, 8), text, 0, 0o777, "an octal mode from 000 to 777")


def truth(text: str) -> bool:
    """Parse a switch."""
    if text.lower() in ("1", "true", "yes", "on"):
        return True
    if text.lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("true or false")


def pairs(text: str) -> tuple[str, ...]:
    """Parse `key=value`, or several on lines of their own."""
    found = tuple(line.strip() for line in text.splitlines() if line.strip())
    if not found or not all(each.partition("=")[0].strip() and "=" in each for each in found):
        raise ValueError("key=value")
    return found


def _within(kind: Callable[[str], Number], text: str, low: Number, high: Number, wanted: str) -> Number:
    try:
        value = kind(text)
    except ValueError:
        raise ValueError(wanted) from None
    if not low <= value <= high:
        raise ValueError(wanted)
    return value


def value_of(option: Option, text: str, source: str) -> Any:
    """The value that `text` gives to `option`. Raises UsageError, which names `source` as the culprit."""
    try:
        value = option.parse(text)
    except ValueError as wanted:
        raise UsageError(f"{source}: {text!r} is not {wanted}.") from None
    if option.choices and value not in option.choices:
        raise UsageError(f"{source}: {text!r} is not one of {', '.join(option.choices)}.")
    return value
