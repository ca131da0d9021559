"""Modules of the standard library that only a few runs need, imported late and yet never the app's of that name.

When an app is about to be loaded its folder goes before all else on `sys.path`, and a `resource.py` or `inspect.py` in it
would be what an `import` of ours then finds. What every run needs is imported before; a refusal needs more, and to import
that at every start would cost 14 ms.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FOLDER = os.path.dirname(os.__file__)


@contextmanager
def standard_library() -> Iterator[None]:
    """Let what is imported for the length of a `with` block be the standard library's."""
    before = sys.path[:]
    sys.path[:] = [entry for entry in before if entry.startswith(_FOLDER)]
    try:
        yield
    finally:
        sys.path[:] = before
