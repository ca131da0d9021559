"""Engines: one module of glue each, chosen by name."""

from .base import ABILITIES, Backend, BackendInfo, Pulse, no_pulse
from .registry import backends, check, check_families, find, get, register, serving, version

__all__ = [
    "ABILITIES",
    "Backend",
    "BackendInfo",
    "Pulse",
    "backends",
    "check",
    "check_families",
    "find",
    "get",
    "no_pulse",
    "register",
    "serving",
    "version",
]
