"""Markdown, as the generated pages have it."""

import re
from collections.abc import Iterable

NOTE = "<!-- Written by `make docs`: change the code, not this page. -->"


def between(page: str, name: str, text: str) -> str:
    """`page` with `text` between its markers called `name`."""
    pattern = rf"(<!-- generated: {name} -->\n).*?(<!-- end -->)"
    changed, count = re.subn(pattern, lambda match: match[1] + text + match[2], page, flags=re.DOTALL)
    if count != 1:
        raise ValueError(f"the markers of {name!r} were found {count} times")
    return changed


def yes(truth: bool) -> str:
    """`truth` in a word."""
    return "yes" if truth else "no"


def code(text: str) -> str:
    """`text` as code, or a dash for none."""
    return f"`{text}`" if text else "-"


def table(heading: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table in Markdown."""
    head = list(heading)
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)
