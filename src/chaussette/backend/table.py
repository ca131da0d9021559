"""The table of engines, for the terminal and the docs."""

import textwrap

from ..config import flag
from ..errors import BackendError
from ..interface import KINDS
from .auto import AUTO, ORDER
from .base import ABILITIES, FAMILIES, LIMITS, BackendInfo
from .measurement import measurements
from .registry import backends, find, get, version
from .tuning import settings_of

_WIDTH = 116
"""Columns that a description may have, with 4 for its indent."""


def rows() -> list[tuple[str, str, str, str]]:
    """Name, version or 'not installed', abilities, and the command that installs it; a heading first."""
    found = [("NAME", "VERSION", "WHAT IT CAN DO", "INSTALL IT WITH")]
    for name in backends():
        try:
            info = find(name)
        except BackendError as error:  # another package's engine, which does not import
            found.append((name, "broken", str(error), "-"))
            continue
        found.append((name, version(info) or "not installed", abilities(info), info.install or "-"))
    return found


def abilities(info: BackendInfo) -> str:
    """What an engine can do, in one line."""
    parts = [
        "/".join(family for family in FAMILIES if family in info.families),
        "/".join(kind for kind in KINDS if kind in info.protocols),
        info.concurrency,
        "keep-alive" if info.keep_alive else "no keep-alive",
        " ".join(map(flag, sorted(info.options - LIMITS.keys()))),
        "limits and deadlines" if info.options >= LIMITS.keys() else "",
    ]
    return ", ".join(part for part in parts if part)


def text() -> str:
    """The table, in columns."""
    table = rows()
    widths = [max(len(row[column]) for row in table) for column in range(3)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[3]]) for row in table
    ]
    return "\n".join(lines)


def facts(info: BackendInfo) -> list[tuple[str, str]]:
    """What is known of an engine, each fact with its label: the page of an engine and `about` have the same."""
    found = [
        ("take it", info.choose),
        ("install it with", info.install),
        ("can do", abilities(info)),
        ("options", " ".join(map(flag, sorted(info.options)))),
        ("settings", info.settings),
        ("upstream", info.upstream),
        ("has", ", ".join(ability for ability in ABILITIES if ability not in info.lacks)),
        *(("but", weakness) for weakness in info.weaknesses),
        *(("known bug", bug) for bug in info.bugs),
        *(("tested", str(seen)) for seen in measurements(info.name).values()),
    ]
    return [(label, fact) for label, fact in found if fact]


def about(name: str) -> str:
    """All that is known of one engine. Raises BackendError if there is none of that name."""
    if name == AUTO:
        return _order()
    info = find(name)
    found = [("installed", version(info) or "no"), *facts(info._replace(settings=settings(info)))]
    width = max(len(label) for label, _ in found)
    lines = [f"{name}: {info.summary}" if info.summary else name]
    for label, fact in found:
        wrapped = textwrap.wrap(fact, _WIDTH - width, break_long_words=False, break_on_hyphens=False)
        heads = [label, *[""] * len(wrapped)]
        lines += [f"  {head.ljust(width)}  {line}" for head, line in zip(heads, wrapped, strict=False)]
    return "\n".join(lines)


def _order() -> str:
    lines = ["auto: the first of these that is installed, can what is asked, and fits the kind of app"]
    for kind, order in ORDER.items():
        lines += [f"  {KINDS[kind]}  {name.ljust(10)}  {why}" for name, why in order.items()]
    return "\n".join(lines)


def settings(info: BackendInfo) -> str:
    """What `--option` takes: the names, of an engine that is installed, as only that knows them."""
    try:
        told = settings_of(get(info.name))
    except BackendError:
        return info.settings.replace("`", "")
    return " ".join(sorted(told.can)) if told else ""
