"""The module that has the name of the package's app."""

from . import site as application

__all__ = ["application"]
