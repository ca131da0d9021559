"""Write what the docs say about options, engines and exit statuses, from the code that knows.

`make docs` runs it; a test fails where a page differs from what it would write. A page that is generated in part has
markers: what stands between `<!-- generated: NAME -->` and `<!-- end -->` is replaced.
"""

import re
from collections.abc import Iterable
from pathlib import Path

from chaussette.backend import BackendInfo, backends, find
from chaussette.backend.auto import ORDER
from chaussette.backend.base import ABILITIES
from chaussette.backend.measurement import Measurement, measurements
from chaussette.backend.table import abilities, facts
from chaussette.cli import parser
from chaussette.config import DEFAULTS, OPTIONS, Config, flag, variable
from chaussette.errors import ExitStatus
from chaussette.interface import KINDS
from chaussette.templates import MANAGERS, Site, render, shown

ROOT = Path(__file__).parent.parent
STATUSES = {
    ExitStatus.OK: "all requests were answered",
    ExitStatus.CRASH: "an error that Chaussette did not foresee; its traceback is in the log",
    ExitStatus.USAGE: "an option, an environment variable or a configuration file",
    ExitStatus.APP: "the app cannot be found, imported or called",
    ExitStatus.LISTENER: "the listening socket cannot be used or bound",
    ExitStatus.BACKEND: "the engine is unknown, not installed, or cannot do what was asked",
    ExitStatus.DEADLINE: "`--graceful-timeout` passed, and requests were cut",
    ExitStatus.IMPATIENT: "SIGINT came during the drain, and requests were cut",
}
HOWTOS = {name: ROOT / f"docs/howto-{name}.md" for name in MANAGERS}
"""The page of each manager, which shows its configuration."""
SITE = Site(
    Config(app="server:app"), "web", 4, "/srv/web", ("/srv/web/.venv/bin/chaussette",), "/srv/web/.venv/bin/python"
)
"""What the pages serve."""
AUTO = (
    "`--backend auto` takes the first of these that is installed, can do what every option asks, and fits: greenlets only for "
    "an app that patches the standard library itself, or with `--spawn`. The log says which was taken, and why. It is not the "
    "default, as how a site is served would then change with what happens to be installed."
)
NOTE = "<!-- Written by `make docs`: change the code, not this page. -->"


def pages() -> dict[Path, str]:
    """Every page that is generated, in whole or in part, with its text as it should be."""
    readme = (ROOT / "README.md").read_text()
    errors = (ROOT / "docs/reference/errors.md").read_text()
    return {
        ROOT / "README.md": between(between(readme, "engines", engines_in_short()), "statuses", statuses()),
        ROOT / "docs/reference/errors.md": between(errors, "statuses", statuses()),
        ROOT / "docs/reference/options.md": options(),
        ROOT / "docs/reference/backends.md": engines(),
        **{path: between(text, info.name, engine(info)) for info, path, text in engine_pages()},
        ROOT / "docs/reference/cli-help.txt": parser().format_help(),
        ROOT / "docs/deploy.md": between((ROOT / "docs/deploy.md").read_text(), "lossless", measured("lossless")),
        ROOT / "docs/speed.md": between((ROOT / "docs/speed.md").read_text(), "memory", measured("memory")),
        **{path: between(path.read_text(), f"config {name}", configuration(name)) for name, path in HOWTOS.items()},
    }


def between(page: str, name: str, text: str) -> str:
    """`page` with `text` between its markers called `name`."""
    pattern = rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)"
    changed, count = re.subn(pattern, lambda match: match[1] + text + match[2], page, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"the markers of {name!r} were found {count} times")
    return changed


def statuses() -> str:
    """The table of exit statuses."""
    return table(("status", "meaning"), [(str(status.value), STATUSES[status]) for status in ExitStatus])


def configuration(manager: str) -> str:
    """What `chaussette config` prints for a manager, as a transcript."""
    command = f"chaussette config {manager} --workers {SITE.workers} {SITE.config.app}"
    return f"```console\n$ {command}\n{shown(render(manager, SITE))}```\n"


def measured(benchmark: str) -> str:
    """What a benchmark has written into its results, one table for each Python that it was run on."""
    found = sorted((ROOT / "benchmarks/results").glob(f"{benchmark}-*.md"))
    tables = [re.sub(r"^#", "###", path.read_text(), flags=re.MULTILINE).strip() for path in found]
    if not tables:
        return f"Not yet: `python -m benchmarks.{benchmark}` measures it on your machine.\n"
    return "\n\n".join(tables) + "\n"


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
        "engine in Chaussette (`python tests/bare.py`).\n\n" + measured("bare").rstrip(),
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
        "patches the standard library": _yes(info.monkey),
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
        return _yes(any(able.values()))
    return ", ".join(f"{_yes(truth)} on {python}" for python, truth in able.items()) or "-"


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
    return f"{info.summary[0].upper()}{info.summary[1:]}.\n\n" + "".join(lines)


def _linked(text: str) -> str:
    """`text`, in which `owner/repository#1` leads to that issue."""
    return re.sub(r"\b([\w-]+/[\w-]+)#(\d+)", r"[\1#\2](https://github.com/\1/issues/\2)", text)


def options() -> str:
    """The reference page of options."""
    parts = [
        NOTE,
        "# Options\n\n"
        "Each option is a flag, an environment variable and a key of the TOML file that `--config` names. The command line "
        "wins, then the environment, then the file. What may be repeated as a flag is a list in the file, and one value in the "
        "environment.",
    ]
    group = ""
    for name, option in OPTIONS.items():
        if option.group != group:
            group = option.group
            parts.append(f"## {group[0].upper()}{group[1:]}")
        title = option.metavar or name.upper() if option.positional else flag(name)
        rows = [("TOML key", code(name.replace("_", "-")))]
        if not option.positional:
            rows.insert(0, ("environment", code(variable(name))))
        rows.append(("default", option.shown_default or _default(DEFAULTS[name])))
        if option.choices:
            rows.append(("one of", ", ".join(map(code, option.choices))))
        if option.repeat:
            rows.append(("may be repeated", "yes"))
        if option.why:
            rows.append(("why", option.why))
        text = option.help[0].upper() + option.help[1:]
        parts.append(f"### `{title}`\n\n{text}.\n\n" + "\n".join(f"- {name}: {value}" for name, value in rows))
    return "\n\n".join(parts) + "\n"


def _default(value: object) -> str:
    if value is False:
        return "no"
    if value in (None, ()):
        return "none"
    return code(f"{value:g}" if isinstance(value, float) else str(value))


def _yes(truth: bool) -> str:
    return "yes" if truth else "no"


def code(text: str) -> str:
    """`text` as code, or a dash for none."""
    return f"`{text}`" if text else "-"


def table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(heading)
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def main() -> None:
    """Write all pages."""
    for path, text in pages().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
