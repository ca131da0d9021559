"""Compile what works on each request (`modules` in pyproject.toml) when a wheel is built, if that is asked for.

::

    CHAUSSETTE_COMPILE=1 pip install .

mypyc makes C of the very same modules. Both are in the wheel: the interpreter takes the extension, a traceback and a
reader take the source. Without the variable, and for an editable install, the wheel is pure Python: no compiler is needed,
and nobody asks for mypy.
"""

import os
import sys
import sysconfig
from contextlib import chdir
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_SMALL = ("-fvisibility=hidden", "-ffunction-sections", "-fdata-sections")
_LINKED_SMALL = ("-Wl,--gc-sections",)
"""What nobody calls is left out: else every worker has all of mypyc's own library in its memory."""


class CompileHook(BuildHookInterface):
    """Adds the extensions to a wheel."""

    def dependencies(self) -> list[str]:
        return ["mypy[mypyc]>=2,<3"] if wanted() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable" or not wanted():
            return
        if sysconfig.get_config_var("Py_GIL_DISABLED"):
            raise RuntimeError("CHAUSSETTE_COMPILE: what mypyc makes needs the GIL, and this Python has none")
        self._folder = mkdtemp(prefix="chaussette-")
        made = Path(self._folder, "lib")
        build(os.path.join(self.root, "src"), self.config["modules"], self._folder)
        for file in made.rglob("*.so"):
            build_data["force_include"][str(file)] = str(file.relative_to(made))
        build_data["pure_python"], build_data["infer_tag"] = False, True

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if hasattr(self, "_folder"):
            rmtree(self._folder)


def wanted() -> bool:
    return os.environ.get("CHAUSSETTE_COMPILE", "") not in ("", "0")


def build(source: str, modules: list[str], folder: str) -> None:
    """Compile into `lib` in `folder`, as it is to stand in site-packages."""
    from mypyc.build import mypycify  # first: it says which setuptools it gets on with
    from setuptools import Distribution

    options = ["--ignore-missing-imports", "--follow-imports=silent", "--config-file=", f"--cache-dir={folder}/cache"]
    with chdir(source):  # a module is named as its path is
        extensions = mypycify(
            [*options, *(f"{module.replace('.', '/')}.py" for module in modules)],
            group_name="chaussette",
            target_dir=f"{folder}/c",
            debug_level="0",
            opt_level="2",  # as fast as mypyc's own 3, and a ninth smaller: a worker's memory is a promise
        )
        if sys.platform == "linux":
            for extension in extensions:
                extension.extra_compile_args = [*extension.extra_compile_args, *_SMALL]
                extension.extra_link_args = [*extension.extra_link_args, *_LINKED_SMALL]
        command = Distribution({"name": "chaussette", "ext_modules": extensions}).get_command_obj("build_ext")
        command.build_lib, command.build_temp = f"{folder}/lib", f"{folder}/c"
        command.ensure_finalized()
        command.run()
