"""An app described in a PasteDeploy file, `paste:development.ini` or `paste:development.ini#section`: Pyramid's way.

The logging sections of the file, if it has them, are applied first, as `pserve` does.
"""

import os
from typing import Any

from .errors import AppError


def load_paste(text: str) -> Any:
    """The app that the file describes. Raises AppError."""
    from .traces import users_part

    path, _, section = text.partition("#")
    if not os.path.isfile(path):
        raise AppError(f"paste:{text}: there is no file {path} (current folder: {os.getcwd()}).")
    try:
        from paste.deploy import loadapp
    except ModuleNotFoundError:
        raise AppError(f"paste:{text} needs PasteDeploy: pip install 'chaussette[paste]'.") from None
    path = os.path.abspath(path)
    _configure_logging(path)
    try:
        return loadapp("config:" + path, name=section or None)
    except (Exception, SystemExit) as error:
        raise AppError(f"paste:{text} raised {type(error).__name__}: {error}", users_part(error)) from None


def _configure_logging(path: str) -> None:
    from configparser import ConfigParser
    from logging.config import fileConfig

    parser = ConfigParser(interpolation=None, strict=False)
    parser.read(path)
    if parser.has_section("loggers"):
        folder = os.path.dirname(path)
        fileConfig(path, {"__file__": path, "here": folder}, disable_existing_loggers=False)
