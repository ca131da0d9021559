"""The programs in C: compiled when a measurement needs them, into a folder that ends with it."""

import os
import subprocess
from shutil import which


def compiled(name: str, folder: str) -> str:
    """The path of the program NAME.c in `folder`. Ends the process if there is no compiler."""
    source = os.path.join(os.path.dirname(__file__), f"{name}.c")
    compiler = which("cc") or which("gcc") or which("clang")
    if compiler is None:
        raise SystemExit(f"{name}.c needs a C compiler, such as that of the package gcc.")
    program = os.path.join(folder, name)
    subprocess.run([compiler, "-O2", "-Wall", "-Wextra", "-o", program, source, "-lm"], check=True)
    return program
