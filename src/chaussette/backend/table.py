"""The table of engines, for the terminal and the docs."""

from ..config import flag
from ..errors import BackendError
from .base import LIMITS, BackendInfo
from .registry import backends, find, version


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
        "/".join(family for family in ("tcp", "tcp6", "unix") if family in info.families),
        "/".join(protocol for protocol in ("wsgi", "asgi") if protocol in info.protocols),
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
