"""Where a measurement was made: without it a figure says nothing."""

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version


def machine() -> str:
    """Processor, cores, kernel and Python, in one line."""
    model = "unknown processor"
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, "
        f"{platform.python_implementation()} {platform.python_version()}"
    )


def versions(packages: Iterable[str]) -> str:
    """The packages that are installed with their versions, and wrk's, in one line."""
    found = [f"{name} {installed}" for name in packages if (installed := _version(name))]
    said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split()
    return ", ".join([*found, " ".join(said[:2])])


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
