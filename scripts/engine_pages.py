"""What the docs say about engines: the table of all, and a page for each. What is declared is the code's; what is measured was
written by `make matrix` and `tests/bare.py`.
"""

import json
import re
from pathlib import Path
from typing import Any

from chaussette.backend import BackendInfo, backends, find
from chaussette.backend.auto import ORDER
from chaussette.backend.base import ABILITIES
from chaussette.backend.measurement import Measurement, measurements
from chaussette.backend.table import abilities, facts
from chaussette.config import flag
from chaussette.interface import KINDS
from page_text import NOTE, code, table, yes

ROOT = Path(__file__).parent.parent
AUTO = (
    "`--backend auto` takes the first of these that is installed, can do what every option asks, and fits: greenlets only for "
    "an app that patches the standard library itself, or with `--spawn`. The log says which was taken, and why. It is not the "
    "default, as how a site is served would then change with what happens to be installed."
)
LEFT_OUT = {
    "fastpysgi 0.6": "binds its addresses itself and takes no open socket; ends without a drain, and what is half received is "
    "lost; sends an answer when all of it is made; holds the GIL while it waits, so no other thread runs; an app that calls "
    "`start_response` twice ends the process (SIGSEGV)",
    "fastwsgi 0.0.9": "the same: fastpysgi has come of it; nothing new since March 2023",
    "pyruvate 1.6.1": "never calls `close()` of what the app returns, so apps leak what they have opened; gives the app a "
    "chunked body with its chunk sizes in it; cuts what is half received when it ends",
    "socketify 0.0.31": "an app that raises ends the process (SIGABRT); loses uploads when it ends; nothing new since October "
    "2024",
}
"""Engines that were tried and cannot be made true to the contract, in their newest releases as of November 2026."""


def own_engines() -> list[BackendInfo]:
    """What comes with Chaussette, whatever else is installed here."""
    return [info for info in map(find, backends()) if info.target.startswith("chaussette.backend.")]


def engines_in_short() -> str:
    """The README's table of engines."""
    heading = ("engine", "what it is", "can do", "install it with")
    return table(heading, [(f"`{i.name}`", i.summary, abilities(i), code(i.install)) for i in own_engines()])


def engines() -> str:
    """The reference page of engines."""
    own = own_engines()
    parts = [
        NOTE,
        "# Engines\n\nWhat each engine can do. What is declared of it is data in Chaussette, which `chaussette backends`, the "
        "refusals and these pages read; what is measured the tests saw, on real sockets. They hold each engine to what is "
        "declared, in both directions: what an engine lacks is looked for too, so that an upgrade that mends it is noticed. "
        "Each name leads to the engine's own page: when to take it, its known bugs, whether its upstream is alive.",
        "## Declared\n\n" + table(("engine", *_facts(own[0])), [(_link(i), *_facts(i).values()) for i in own]).rstrip(),
        "## Measured\n\nHow many tests of the contract an engine has passed. None has failed: it would not be in the table.\n\n"
        + _counts(own).rstrip(),
        _abilities(own),
        f"## auto\n\n{AUTO}\n\n" + table(("apps", "engine", "why"), _order()).rstrip(),
        "## What is put right\n\nThe same questions to each engine by itself, as its own manual starts it, and to the same "
        "engine in Chaussette (`python tests/bare.py`): *yes* both times, *no* both times, or *mended* here. What is asked of "
        "a unix socket is *no* for an engine that serves on none, or that can be handed none.\n\n" + _bare().rstrip(),
        "## Left out, and why\n\nThese were run too, each in its newest release as of November 2026. What they do is not for "
        "glue to put right.\n\n" + table(("engine", "why"), LEFT_OUT.items()).rstrip(),
    ]
    return "\n\n".join(parts) + "\n"


def _order() -> list[tuple[str, str, str]]:
    return [
        (KINDS[kind], f"[{name}](../engines/{name}.md)", why)
        for kind, order in ORDER.items()
        for name, why in order.items()
    ]


def _facts(info: BackendInfo) -> dict[str, str]:
    return {
        "works on requests with": info.concurrency,
        "apps": ", ".join(name for kind, name in KINDS.items() if kind in info.protocols),
        "patches the standard library": yes(info.monkey),
        "own options": " ".join(code(flag(name)) for name in sorted(info.options)) or "-",
        "install it with": code(info.install),
    }


def _link(info: BackendInfo) -> str:
    return f"[{info.name}](../engines/{info.name}.md)"


def _counts(infos: list[BackendInfo]) -> str:
    """When each engine was measured, and how many tests passed, on each Python."""
    pythons = sorted({python for info in infos for python in measurements(info.name)})
    rows = []
    for info in infos:
        seen = measurements(info.name)
        versions = dict.fromkeys(each.version for each in seen.values())
        days = dict.fromkeys(each.date for each in seen.values())
        passed = (_passed(seen[python]) if python in seen else "-" for python in pythons)
        rows.append((_link(info), ", ".join(versions) or "-", ", ".join(days) or "-", *passed))
    return table(("engine", "version", "measured on", *(f"passed on Python {python}" for python in pythons)), rows)


def _passed(seen: Measurement) -> str:
    return f"{seen.passed}, {seen.skipped} skipped" if seen.skipped else str(seen.passed)


def _abilities(infos: list[BackendInfo]) -> str:
    """Which engine was seen to have which ability; what it means to lack one."""
    names = list(infos[0].declared)
    rows = [(_link(info), *(_seen(info, name) for name in names)) for info in infos]
    lacking = "\n".join(f"- {ability}: {sentence}" for ability, sentence in ABILITIES.items())
    return table(("engine", *names), rows) + "\nWhat it means where an engine lacks one:\n\n" + lacking


def _seen(info: BackendInfo, ability: str) -> str:
    """Whether it was seen on every Python, on none, or on which."""
    able = {python: seen.abilities[ability] for python, seen in measurements(info.name).items()}
    if len(set(able.values())) == 1:
        return yes(any(able.values()))
    return ", ".join(f"{yes(truth)} on {python}" for python, truth in able.items()) or "-"


def _compared() -> dict[str, dict[str, Any]]:
    """What was seen of engines without Chaussette, and with it, by the Python that it was seen on."""
    found = sorted((ROOT / "benchmarks/results").glob("bare-*.json"))
    return {path.stem.removeprefix("bare-"): json.loads(path.read_text()) for path in found}


def _bare() -> str:
    """Each ability of each engine without Chaussette, and with it: one table for all Pythons on which it is the same."""
    tables: dict[str, list[str]] = {}
    for python, seen in _compared().items():
        names = dict.fromkeys(name for each in seen.values() for name in each["bare"])
        rows = [(name, *(_change(each, name) for each in seen.values())) for name in names]
        counts = ("mended", *(str(len(_mended(each))) for each in seen.values()))
        days = ", ".join(sorted({each["date"] for each in seen.values()}))
        tables.setdefault(table(("", *seen), [*rows, counts]), []).append(f"on Python {python} ({days})")
    return "\n".join(f"Seen {' and '.join(where)}:\n\n{shown}" for shown, where in tables.items())


def _change(seen: dict[str, Any], name: str) -> str:
    bare, here = seen["bare"].get(name), seen["here"].get(name)
    return "-" if here is None else "**mended**" if here and not bare else "lost" if bare and not here else yes(here)


def _mended(seen: dict[str, Any]) -> list[str]:
    return [name for name, here in seen["here"].items() if here and not seen["bare"][name]]


def engine_pages() -> list[tuple[BackendInfo, Path, str]]:
    """Each engine, its page, and what the page is now: one that is not there yet begins with what is generated."""
    found = []
    for info in own_engines():
        path = ROOT / f"docs/engines/{info.name}.md"
        new = f"# {info.name}\n\n<!-- generated: {info.name} -->\n<!-- end -->\n\n[All engines](../reference/backends.md)\n"
        found.append((info, path, path.read_text() if path.exists() else new))
    return found


def engine(info: BackendInfo) -> str:
    """What the page of an engine says of it: the same as `chaussette backends NAME`."""
    told = f"`--option` sets {info.settings}" if info.settings else ""
    known = facts(info._replace(install=info.install and code(info.install), settings=told))
    lines = [f"- **{label}**: {_linked(fact)}\n" for label, fact in known]
    found = dict.fromkeys("; ".join(_mended(seen[info.name])) for seen in _compared().values() if info.name in seen)
    lines += [f"- **put right here**: {mended}\n" for mended in found if mended]
    return f"{info.summary[0].upper()}{info.summary[1:]}.\n\n" + "".join(lines)


def _linked(text: str) -> str:
    """`text`, in which `owner/repository#1` leads to that issue."""
    return re.sub(r"\b([\w-]+/[\w-]+)#(\d+)", r"[\1#\2](https://github.com/\1/issues/\2)", text)
