"""What becomes of a configuration: one text for the terminal, or files in a folder, none of which was there before."""

import os
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..errors import UsageError


class File(NamedTuple):
    """A file of a configuration."""

    path: str
    text: str
    executable: bool = False


def shown(made: Sequence[File]) -> str:
    """All files as one text: one alone as it is, several each under its path, as `systemctl cat` shows them."""
    if len(made) == 1:
        return made[0].text
    return "\n".join(f"# {file.path}\n{file.text}" for file in made)


def write(made: Iterable[File], folder: str) -> list[str]:
    """Write the files into a folder, which is made; their paths. Raises UsageError if one is there already, and writes none."""
    paths = [os.path.join(folder, file.path) for file in made]
    for path in paths:
        if os.path.lexists(path):
            raise UsageError(f"--output {folder}: {path} is there already: remove it, or choose another folder.")
    try:
        for path, file in zip(paths, made, strict=True):
            os.makedirs(os.path.dirname(path) or os.curdir, exist_ok=True)
            with open(path, "x") as opened:
                opened.write(file.text)
            if file.executable:
                os.chmod(path, os.stat(path).st_mode | 0o111)
    except OSError as error:
        raise UsageError(f"--output {folder}: {error.filename}: {error.strerror}.") from None
    return paths
