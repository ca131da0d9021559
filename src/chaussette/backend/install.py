"""Install an engine into the Python that runs this.

Most are one `pip install`. meinheld is not: it requires a greenlet that no Python after 3.9 can build, and it needs none to
serve, so it is installed without its requirements beside today's greenlet. From Python 3.13 on, four macros of the C API
that meinheld uses are gone; each has a successor, and the compiler is told so. meinheld's source stays as it is.
"""

import os
import shlex
import subprocess
import sys
from collections.abc import Mapping

from ..errors import BackendError
from .base import BackendInfo

_SUCCESSORS = (
    "PyEval_CallObject(f,a)=PyObject_CallObject(f,a)",
    "PyEval_CallObjectWithKeywords(f,a,k)=PyObject_Call(f,(a)?(a):PyTuple_New(0),k)",
    "Py_TRASHCAN_SAFE_BEGIN(op)=Py_TRASHCAN_BEGIN(op,TimerObject_dealloc)",
    "Py_TRASHCAN_SAFE_END(op)=Py_TRASHCAN_END",
)


def install(info: BackendInfo) -> None:
    """Install the engine, showing what pip says. Raises BackendError if that fails."""
    if not info.package:
        raise BackendError(f"{info.name} is part of Python: there is nothing to install.")
    if info.name != "meinheld":
        _pip(shlex.split(info.install)[2:])
    else:
        _pip(["greenlet"])
        # Without pip's cache: it does not tell a build with these flags from one without.
        _pip(["--no-deps", "--no-cache-dir", "meinheld==1.0.2"], _meinheld_flags())
        _must_import("meinheld.server")


def _meinheld_flags() -> dict[str, str]:
    if sys.version_info < (3, 13):
        return {}
    return {"CFLAGS": shlex.join(["-O3", "-DNDEBUG", "-w", *("-D" + each for each in _SUCCESSORS)])}


def _pip(what: list[str], environ: Mapping[str, str] | None = None) -> None:
    command = [sys.executable, "-m", "pip", "install", *what]
    if subprocess.run(command, env={**os.environ, **(environ or {})}, check=False).returncode:
        raise BackendError(
            f"{shlex.join(command[1:])} failed, see above. "
            "An engine in C needs a compiler and Python's headers (Debian: apt-get install gcc python3-dev)."
        )


def _must_import(module: str) -> None:
    if subprocess.run([sys.executable, "-c", f"import {module}"], check=False).returncode:
        raise BackendError(f"{module} was built but does not import, see above.")
