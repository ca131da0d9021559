"""Modules of the standard library that only a few runs need, imported late and yet never the app's of that name.

When an app is about to be loaded its folder goes before all else on `sys.path`, and a `resource.py` or `inspect.py` in it
would be what an `import` of ours then finds. What every run needs is imported before; a refusal needs more, and to import
that at every start would cost 14 ms.
"""

import os
import sys
from collections.abc import Container, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.machinery import ModuleSpec, PathFinder

_FOLDER = os.path.dirname(os.__file__)
_FOLDERS = [entry for entry in sys.path if entry.startswith(_FOLDER)]


class _First:
    """Finds modules in some folders before all others. `sys.path` stays as it is: another thread may be about to import
    something of the app's."""

    def __init__(self, folders: Sequence[str], names: Container[str] | None) -> None:
        self._folders, self._names = folders, names

    def find_spec(self, name: str, path: Sequence[str] | None, target: object = None) -> ModuleSpec | None:
        if path is not None or (self._names is not None and name not in self._names):
            return None
        return PathFinder.find_spec(name, self._folders)


@contextmanager
def first(folders: Sequence[str], names: Container[str] | None = None) -> Iterator[None]:
    """Let what is imported for the length of a `with` block come from `folders`, if it is there and has one of `names`."""
    finder = _First(folders, names)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def standard_library() -> AbstractContextManager[None]:
    """Let what is imported for the length of a `with` block be the standard library's, if it has that name."""
    return first(_FOLDERS, sys.stdlib_module_names)
