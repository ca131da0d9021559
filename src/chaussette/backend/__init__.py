"""Engines: one module of glue each, chosen by name."""

from .base import Backend, BackendInfo
from .registry import backends, check, check_families, find, get, register, version

__all__ = [
    "Backend",
    "BackendInfo",
    "backends",
    "check",
    "check_families",
    "find",
    "get",
    "register",
    "version",
]
