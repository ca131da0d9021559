"""Write what the docs say about options, engines and exit statuses, from the code that knows.

`make docs` runs it; a test fails where a page differs from what it would write. A page that is generated in part has
markers: what stands between `<!-- generated: NAME -->` and `<!-- end -->` is replaced.
"""

import re
from pathlib import Path

from chaussette.cli import parser
from chaussette.config import DEFAULTS, OPTIONS, Config, flag, variable
from chaussette.errors import ExitStatus
from chaussette.templates import MANAGERS, Site, render, shown
from engine_pages import ROOT, engine, engine_pages, engines, engines_in_short
from page_text import NOTE, between, code, table

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
        ROOT / "docs/speed.md": speed(),
        **{path: between(path.read_text(), f"config {name}", configuration(name)) for name, path in HOWTOS.items()},
    }


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


def speed() -> str:
    """The page of speed, with the results that were kept."""
    page = (ROOT / "docs/speed.md").read_text()
    for benchmark in ("peers", "latency", "arrivals", "idle", "memory"):
        page = between(page, benchmark, measured(benchmark))
    return page


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


def main() -> None:
    """Write all pages."""
    for path, text in pages().items():
        path.write_text(text)


if __name__ == "__main__":
    main()
